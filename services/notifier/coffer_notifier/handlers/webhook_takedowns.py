"""What operators do with webhooks and queues that harm: turn them off whatever their owner wants, and undo that.

An owner cannot undo it: what harms would go on at once. They are told, with the reason, and may remove the webhook.
"""

from coffer_chassis.admin.acts import as_operator, tell
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import WebhookId
from coffer_contracts.notifier import OperatorActedV1, WebhookDisabledV1
from coffer_contracts.problems import NotFound
from coffer_notifier.domain.letters_webhook import TAKEN_DOWN as REASON
from coffer_notifier.domain.queues import host_of
from coffer_notifier.domain.webhooks import Webhook
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.matching import WEBHOOKS
from coffer_notifier.handlers.webhooks import AS_NEW
from coffer_notifier.store import deliveries, watched_webhooks, webhooks
from coffer_notifier.store.watched_webhooks import WatchedWebhook

REASON_LENGTH = 2000
TAKEN_DOWN = "webhook.taken_down"
PUT_BACK = "webhook.put_back"


async def look_at_webhook(deps: Deps, webhook_id: WebhookId) -> WatchedWebhook:
    """Anybody's, in trouble or not: whoever complains of requests finds its id in them. Raises NotFound."""
    async with deps.work.read() as connection:
        found = await watched_webhooks.one(connection, webhook_id)
    if found is None:
        raise NotFound
    return found


async def take_down(deps: Deps, origin: Origin, webhook_id: WebhookId, reason: str) -> WatchedWebhook:
    """Turn it off whatever its owner wants, who is told. Nothing more is begun, what waits is held, what is under way ends. One
    that is down stays down, with the first reason, so it may run twice. Raises NotFound.
    """
    async with deps.work.unit(as_operator(origin)) as unit:
        found = await _held(unit, webhook_id)
        if found.taken_down_at is None:
            down = {"taken_down_at": unit.now, "takedown_reason": reason}
            off = {"enabled": False, "disabled_at": unit.now, "back_on": True} if found.enabled else {}
            after = await webhooks.change(unit.connection, webhook_id, **down, **off, changed_at=unit.now)
            await deliveries.hold(unit.connection, webhook_id)
            unit.emit(_fact(after, unit), sequence=after.revision)
            _act(unit, TAKEN_DOWN, after, reason)
    return await look_at_webhook(deps, webhook_id)


async def put_back(deps: Deps, origin: Origin, webhook_id: WebhookId) -> WatchedWebhook:
    """Undo that: it is as its owner had it, and as good as new if that is on. May run twice. Raises NotFound."""
    async with deps.work.unit(as_operator(origin)) as unit:
        found = await _held(unit, webhook_id)
        if found.taken_down_at is not None:
            on = {"enabled": True, "disabled_at": None, **AS_NEW} if found.back_on else {}
            up = {"taken_down_at": None, "takedown_reason": None, "back_on": False}
            await webhooks.change(unit.connection, webhook_id, **up, **on, changed_at=unit.now)
            _act(unit, PUT_BACK, found, None)
            unit.wake(WEBHOOKS)
    return await look_at_webhook(deps, webhook_id)


async def _held(unit: Unit, webhook_id: WebhookId) -> Webhook:
    found = await webhooks.find_of_anybody(unit.connection, webhook_id)
    if found is None:
        raise NotFound
    return found


def _fact(webhook: Webhook, unit: Unit) -> WebhookDisabledV1:
    return WebhookDisabledV1(
        webhook_id=webhook.id,
        owner_id=webhook.user_id,
        reason=REASON,
        detail=webhook.takedown_reason,
        host=host_of(webhook.kind, webhook.url),
        queue_arn=webhook.url if webhook.kind == "queue" else None,
        first_failed_at=webhook.failing_since or unit.now,
        disabled_at=unit.now,
    )


def _act(unit: Unit, action: str, webhook: Webhook, reason: str | None) -> None:
    target = f"webhook/{webhook.id}"
    tell(OperatorActedV1, unit, action, target=target, count=1, owner=webhook.user_id, reason=reason)
