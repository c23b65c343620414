"""What a subscription was told, by number: to close gaps, and to have a range of it sent again.

Numbers begin with 1 and have no holes. What its reader may not see any more keeps its number and says nothing else.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.ids import WebhookId
from coffer_contracts.problems import EventsForgotten, FieldError, ValidationFailed
from coffer_notifier.domain.outside import placed
from coffer_notifier.domain.webhooks import EVERY_KIND, Delivery, Kind, Webhook
from coffer_notifier.handlers.deliveries import require_enabled
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.judging import judge
from coffer_notifier.handlers.matching import WEBHOOKS
from coffer_notifier.handlers.webhooks import held, read_webhook
from coffer_notifier.store import delivery_log

MOST_REPLAYED = 10_000
"""What one request may have sent again."""


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that a subscription was told: what was sent, or nothing if its reader may not see it now."""

    delivery: Delivery
    message: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ToldPage:
    """What was told after a number, and which number was the last one given out."""

    items: list[Told]
    last_number: int


async def told_after(
    deps: Deps,
    principal: Principal,
    webhook_id: WebhookId,
    after: int,
    limit: int,
    *,
    kinds: Collection[Kind] = EVERY_KIND,
) -> ToldPage:
    """What one of the caller's subscriptions was told after that number, judged as of now, without holes.

    Raises NotFound, and EventsForgotten when what came next is no longer known.
    """
    webhook = await read_webhook(deps, principal, webhook_id, kinds=kinds)
    now = deps.work.clock.now()
    async with deps.work.read() as connection:
        found = _unbroken(await delivery_log.told_after(connection, webhook_id, after, limit), after)
        if not found and after < webhook.last_number:
            await _refuse_if_forgotten(connection, webhook, after)
        verdicts = await judge(connection, now, [(one, principal.user_id) for one in found])
    items = [Told(one, _message(webhook_id, one, verdicts[one.id].body)) for one in found]
    return ToldPage(items, webhook.last_number)


async def replay(deps: Deps, principal: Principal, origin: Origin, webhook_id: WebhookId, after: int, until: int | None) -> int:
    """Send again what was told after one number up to another, or to the last; how many.

    Raises NotFound, StateConflict while it is turned off, EventsForgotten when some of the range is no longer known,
    ValidationFailed for a range that is empty or too long. May run twice: what waits already goes out once.
    """
    async with deps.work.unit(origin) as unit:
        webhook = await held(unit, principal, webhook_id, kinds=EVERY_KIND)
        require_enabled(webhook)
        end = webhook.last_number if until is None else min(until, webhook.last_number)
        if until is not None and until <= after:
            raise _refused("/until", "empty_range", "until must be greater than after.")
        if end - after > MOST_REPLAYED:
            raise _refused("/until", "too_many", f"No more than {MOST_REPLAYED} are sent again at once.")
        if end <= after:
            return 0
        if (hole := await delivery_log.first_hole(unit.connection, webhook_id, (after, end))) is not None:
            await _refuse_if_forgotten(unit.connection, webhook, hole - 1)
        count = await delivery_log.queue_range(unit.connection, webhook_id, (after, end), unit.now)
        unit.wake(WEBHOOKS)
    return count


async def _refuse_if_forgotten(connection: AsyncConnection, webhook: Webhook, after: int) -> None:
    oldest = await delivery_log.oldest_number(connection, webhook.id, after)
    if oldest != after + 1:
        known = webhook.last_number + 1 if oldest is None else oldest
        raise EventsForgotten("What came after that number is no longer known.", oldest_sequence=known)


def _unbroken(found: list[Delivery], after: int) -> list[Delivery]:
    """Up to the first hole: what stood there is forgotten, and asking from there says so."""
    for position, one in enumerate(found):
        if one.number != after + 1 + position:
            return found[:position]
    return found


def _message(webhook_id: WebhookId, one: Delivery, body: str | None) -> dict[str, Any] | None:
    if body is None or one.number is None:
        return None
    message: dict[str, Any] = json.loads(placed(body, webhook_id, one.number))
    return message


def _refused(pointer: str, code: str, detail: str) -> ValidationFailed:
    return ValidationFailed("", errors=(FieldError(pointer, code, detail),))
