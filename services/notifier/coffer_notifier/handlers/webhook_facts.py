"""What follows from the notifier's own facts about webhooks: their owners are told. Quick: SQL only."""

from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope, rfc3339
from coffer_contracts.notifier import WebhookDisabledV1
from coffer_notifier.domain import notices as kinds
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.telling import give_notice


async def on_webhook_disabled(event: Envelope[WebhookDisabledV1], unit: Unit, _deps: Deps) -> None:
    """Its owner reads it in the feed."""
    fact = event.data
    data = {
        "webhook_id": fact.webhook_id,
        "reason": fact.reason,
        "host": fact.host,
        "failing_since": rfc3339(fact.first_failed_at),
    }
    await give_notice(unit, event, fact.owner_id, kinds.WEBHOOK_DISABLED, None, data)
