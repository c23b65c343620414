"""The log of a webhook's deliveries, and what its owner may do with them: send again, recover, try it out.

What was withheld from the owner is not in the log either, and a payload is shown only as long as they may see it.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.catalog import parse
from coffer_contracts.event import Envelope, Event
from coffer_contracts.ids import EventId, WebhookId
from coffer_contracts.problems import FieldError, NotFound, StateConflict, ValidationFailed
from coffer_notifier.domain.outside import OFFERED, body_of
from coffer_notifier.domain.webhooks import WEBHOOKS_ONLY, Delivery, DeliveryState, Kind, Webhook, types_for
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.event_types import list_event_types
from coffer_notifier.handlers.judging import judge
from coffer_notifier.handlers.matching import WEBHOOKS
from coffer_notifier.handlers.webhooks import held, read_webhook, require_not_taken_down
from coffer_notifier.store import delivery_log
from coffer_notifier.store.deliveries import queue
from coffer_notifier.store.delivery_log import DeliveryPlace


@dataclass(frozen=True, slots=True)
class Looked:
    """A delivery, and what was sent; nothing if it was not tried yet, or if the owner may not see it any more."""

    delivery: Delivery
    payload: Any


async def list_deliveries(
    deps: Deps,
    principal: Principal,
    webhook_id: WebhookId,
    state: DeliveryState | None,
    after: DeliveryPlace | None,
    limit: int,
    *,
    kinds: Collection[Kind] = WEBHOOKS_ONLY,
) -> list[Delivery]:
    """The next deliveries to one of the caller's webhooks, newest first. Raises NotFound."""
    await read_webhook(deps, principal, webhook_id, kinds=kinds)
    async with deps.work.read() as connection:
        return await delivery_log.page(connection, webhook_id, state, after, limit)


async def look_at_delivery(
    deps: Deps,
    principal: Principal,
    webhook_id: WebhookId,
    delivery_id: str,
    *,
    kinds: Collection[Kind] = WEBHOOKS_ONLY,
) -> Looked:
    """One of them with its log and what was sent. Raises NotFound."""
    await read_webhook(deps, principal, webhook_id, kinds=kinds)
    now = deps.work.clock.now()
    async with deps.work.read() as connection:
        found = await delivery_log.find(connection, webhook_id, delivery_id)
        if found is None:
            raise NotFound
        verdicts = await judge(connection, now, [(found, principal.user_id)])
    shown = found.body if verdicts[found.id].body is not None else None
    return Looked(found, json.loads(shown) if shown else None)


async def redeliver(
    deps: Deps,
    principal: Principal,
    origin: Origin,
    webhook_id: WebhookId,
    delivery_id: str,
    *,
    kinds: Collection[Kind] = WEBHOOKS_ONLY,
) -> Delivery:
    """Send a delivery again, whatever became of it, under the same webhook-id. Raises NotFound, and StateConflict while the
    webhook is turned off. May run twice: what waits already goes out once.
    """
    async with deps.work.unit(origin) as unit:
        require_enabled(await held(unit, principal, webhook_id, kinds=kinds))
        again = await delivery_log.queue_again(unit.connection, webhook_id, delivery_id, unit.now)
        if again is None:
            raise NotFound
        unit.wake(WEBHOOKS)
    return again


async def recover(
    deps: Deps,
    principal: Principal,
    origin: Origin,
    webhook_id: WebhookId,
    since: datetime,
    *,
    kinds: Collection[Kind] = WEBHOOKS_ONLY,
) -> int:
    """Send again what failed or was held since then; how many. Raises NotFound, and StateConflict while the webhook is
    turned off. May run twice: what waits already goes out once.
    """
    async with deps.work.unit(origin) as unit:
        require_enabled(await held(unit, principal, webhook_id, kinds=kinds))
        count = await delivery_log.queue_missed(unit.connection, webhook_id, since, unit.now)
        unit.wake(WEBHOOKS)
    return count


async def try_out(
    deps: Deps,
    principal: Principal,
    origin: Origin,
    webhook_id: WebhookId,
    event_type: str | None,
    *,
    kinds: Collection[Kind] = WEBHOOKS_ONLY,
) -> Delivery:
    """Send a made-up fact, marked as a test, of the type named or the first that the webhook asks for.

    Raises NotFound, ValidationFailed for a type that webhooks cannot ask for, StateConflict while it is turned off. Each run
    sends one.
    """
    if event_type is not None and event_type not in OFFERED:
        detail = "No type that webhooks can be told of is called so."
        raise ValidationFailed("", errors=(FieldError("/event_type", "unknown_type", detail),))
    async with deps.work.unit(origin) as unit:
        webhook = await held(unit, principal, webhook_id, kinds=kinds)
        require_enabled(webhook)
        wire_type = event_type or types_for(webhook.event_types, OFFERED)[0]
        delivery_id = new_id()
        await queue(unit.connection, [_test_row(unit, webhook, delivery_id, wire_type)])
        made = await delivery_log.find(unit.connection, webhook_id, delivery_id)
        unit.wake(WEBHOOKS)
    if made is None:
        raise NotFound
    return made


def _test_row(unit: Unit, webhook: Webhook, delivery_id: str, wire_type: str) -> dict[str, Any]:
    example: Envelope[Event] = parse(json.dumps(list_event_types()[wire_type].example))
    event_id = EventId(new_id())
    made_up = example.model_copy(update={"id": event_id, "time": unit.now})
    owner = made_up.ownerid or webhook.user_id
    return {
        "id": delivery_id,
        "webhook_id": webhook.id,
        "event_id": event_id,
        "event_type": wire_type,
        "body": body_of(made_up, owner, lambda _: True, is_test=True),
        "state": "queued",
        "not_before": unit.now,
        "created_at": unit.now,
        "log": [],
        "traceparent": unit.origin.traceparent,
        "correlation_id": unit.origin.correlation_id,
    }


def require_enabled(webhook: Webhook) -> None:
    """Raises StateConflict while it is turned off."""
    require_not_taken_down(webhook)
    if webhook.needs_proof:
        raise StateConflict("Prove first that the queue is yours: ask for a code and send it back.", state="unconfirmed")
    if not webhook.enabled:
        raise StateConflict("It is turned off; turn it on first.", state="disabled")
