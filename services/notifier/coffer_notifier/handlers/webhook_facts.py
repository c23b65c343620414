"""What follows from the notifier's own facts about webhooks: their owners are told. Quick: SQL only."""

from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope, rfc3339
from coffer_contracts.notifier import WebhookDisabledV1
from coffer_notifier.domain import notices as kinds
from coffer_notifier.domain.letters import Trail
from coffer_notifier.domain.link_activity import unnamed
from coffer_notifier.domain.mails import WEBHOOK_DISABLED, message_id_at
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.noticing import give_notice
from coffer_notifier.handlers.telling import MAIL
from coffer_notifier.store import mails, preferences


async def on_webhook_disabled(event: Envelope[WebhookDisabledV1], unit: Unit, deps: Deps) -> None:
    """Its owner reads it in the feed, and in a mail: whoever runs a receiver may not look at the feed for days. Which operator
    it was stays inside.
    """
    fact, event = event.data, unnamed(event)
    data = {
        "webhook_id": fact.webhook_id,
        "reason": fact.reason,
        "host": fact.host,
        **({"queue_arn": fact.queue_arn} if fact.queue_arn else {}),
        **({"detail": fact.detail} if fact.detail else {}),
        "failing_since": rfc3339(fact.first_failed_at),
    }
    await give_notice(unit, deps, event, fact.owner_id, kinds.WEBHOOK_DISABLED, None, data)
    wishes = (await preferences.of_people(unit.connection, [fact.owner_id]))[fact.owner_id]
    if not wishes.by(kinds.WEBHOOK_DISABLED).email:
        return
    mail_id = new_id()
    if await mails.queue(
        unit.connection,
        mail_id=mail_id,
        event_id=event.id,
        user_id=fact.owner_id,
        kind=WEBHOOK_DISABLED,
        data=data,
        message_id=message_id_at(mail_id, deps.public_url),
        now=unit.now,
        trail=Trail(unit.origin.traceparent, unit.origin.correlation_id),
    ):
        unit.wake(MAIL)
