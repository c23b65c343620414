"""Claiming deliveries: what is due is taken in turns, by webhook, judged, and numbered. Queues of subscribers are webhooks of
another kind: all of this holds for them as well.

Rights are judged at every attempt. Webhooks that answer, new ones and those that fail have places of their own, and who does
not answer soon gives theirs back (`under_way.py`): so neither a receiver that hangs nor a host that is gone, with however much
that waits for them, delays those that answer.
"""

import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

import structlog

from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import UserId, WebhookId
from coffer_notifier.domain.outside import placed
from coffer_notifier.domain.webhooks import (
    EACH,
    LEASE,
    PER_PERSON,
    SCHEDULE,
    STANDINGS,
    Delivery,
    Standing,
    Webhook,
    wait_after,
)
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.judging import Verdict, Verdicts, judge
from coffer_notifier.handlers.settling import withheld
from coffer_notifier.store import deliveries, webhooks
from coffer_notifier.store.deliveries import NOBODY
from coffer_notifier.vault import WrongKeySecret

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process may attempt now."""

    webhook: Webhook
    delivery: Delivery
    body: str
    attempt: int
    keys: tuple[bytes, ...]
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """What a process can take on by standing, where its rounds go on, what it has under way by standing and person, which
    webhooks rest.
    """

    free: Mapping[Standing, int]
    after: Mapping[Standing, str] = field(default_factory=dict)
    under_way: Mapping[tuple[Standing, UserId], int] = field(default_factory=dict)
    resting: Collection[str] = ()

    def busy(self, standing: Standing) -> list[str]:
        """People who have enough under way to webhooks of a standing."""
        return [person for (of, person), count in self.under_way.items() if of == standing and count >= PER_PERSON]


@dataclass(frozen=True, slots=True)
class Claim:
    """What was claimed, how many rows were looked at, and where the next rounds go on."""

    claimed: list[Claimed]
    looked_at: int
    after: Mapping[Standing, str]


async def claim_due(deps: Deps, room: Room) -> Claim:
    """Claim what is due, as far as there is room. May run at once in many processes; each row is claimed by one."""
    after: dict[Standing, str] = {}
    due: list[Delivery] = []
    async with deps.work.unit(Origin.system(new_id())) as unit:
        for standing in STANDINGS:
            found, after[standing] = await _take(unit, room, standing)
            due += found
        known = await webhooks.by_id(unit.connection, [one.webhook_id for one in due])
        due = _shared_out(due, known, room)
        verdicts = await _judged(unit, [(one, known[one.webhook_id].user_id) for one in due])
        tried = [await _claim(unit, deps, known[one.webhook_id], one, verdicts) for one in due]
        claimed, numbers = _numbered([one for one in tried if one is not None])
        if claimed:
            rows = [(one.delivery, one.body, one.number) for one in claimed]
            await deliveries.claim(unit.connection, rows, unit.now + LEASE)
        if numbers:
            await webhooks.number(unit.connection, numbers)
    return Claim(claimed, len(due), after)


def _numbered(claimed: Sequence[Claimed]) -> tuple[list[Claimed], dict[WebhookId, int]]:
    """The same with their numbers, and the last one of each webhook that gave some. Their webhooks are locked, so no number is
    given twice; what is not told, because its reader may not see it, takes none.
    """
    last: dict[WebhookId, int] = {}
    placed_ones: list[Claimed] = []
    for one in claimed:
        number = one.delivery.number
        if number is None and one.delivery.fact is not None:
            number = last.get(one.webhook.id, one.webhook.last_number) + 1
            last[one.webhook.id] = number
        body = one.body if number is None else placed(one.body, one.webhook.id, number)
        placed_ones.append(replace(one, body=body, number=number))
    return placed_ones, last


async def _take(unit: Unit, room: Room, standing: Standing) -> tuple[list[Delivery], str]:
    """What is due for webhooks of a standing, shared out among them, and where the round stopped."""
    free, each, begin = room.free[standing], EACH[standing], room.after.get(standing, NOBODY)
    if free <= 0:
        return [], begin
    chosen: list[str] = []
    for start in dict.fromkeys((begin, NOBODY)):
        others = {"busy": room.busy(standing), "resting": room.resting}
        more = await deliveries.choose(
            unit.connection, unit.now, after=start, standing=standing, each=each, limit=free, **others
        )
        chosen = list(dict.fromkeys([*chosen, *more]))[:free]
        if len(chosen) >= free:
            break
    if not chosen:
        return [], NOBODY
    at_once = max(1, free // len(chosen))
    found = await deliveries.due_of(unit.connection, chosen, unit.now, each=each, at_once=at_once)
    return found[:free], chosen[-1] if len(chosen) >= free else NOBODY


def _shared_out(due: Sequence[Delivery], known: Mapping[str, Webhook], room: Room) -> list[Delivery]:
    """What is left when nobody has more under way than PER_PERSON to webhooks of a standing."""
    kept: list[Delivery] = []
    under_way = Counter(room.under_way)
    for one in due:
        whose = known[one.webhook_id].standing, known[one.webhook_id].user_id
        if under_way[whose] < PER_PERSON:
            under_way[whose] += 1
            kept.append(one)
    return kept


async def _judged(unit: Unit, due: Sequence[tuple[Delivery, UserId]]) -> Verdicts:
    """What each may be told; nothing of those that cannot be judged, so that they hold up no other."""
    try:
        async with unit.connection.begin_nested():
            return await judge(unit.connection, unit.now, due)
    except Exception as error:
        if unit.connection.invalidated:
            raise
        if len(due) == 1:
            log.exception("webhook_not_judged", delivery_id=due[0][0].id, error=repr(error))
            return {}
    verdicts: dict[str, Verdict] = {}
    for one in due:
        verdicts |= await _judged(unit, [one])
    return verdicts


async def _claim(unit: Unit, deps: Deps, webhook: Webhook, one: Delivery, verdicts: Verdicts) -> Claimed | None:
    if one.attempts >= len(SCHEDULE):
        # The last attempt was never settled: its process died. Nobody knows whether it arrived.
        await withheld(unit, one, "too_many_attempts", state="failed")
        return None
    told = verdicts.get(one.id)
    if told is None:
        wait = wait_after(one.attempts + 1, random.random())  # noqa: S311  # no secret
        await deliveries.count_failed(unit.connection, one, unit.now + (wait or timedelta()), "internal")
        return None
    if told.body is None:
        await withheld(unit, one, told.why)
        return None
    try:
        keys = _keys(deps, webhook, unit) if webhook.kind == "webhook" else ()
    except WrongKeySecret as error:
        log.error("webhook_secret_sealed", webhook_id=webhook.id, error=str(error))  # noqa: TRY400  # the message says it all
        await withheld(unit, one, "no_secret", state="failed")
        return None
    return Claimed(webhook, one, told.body, one.attempts + 1, keys)


def _keys(deps: Deps, webhook: Webhook, unit: Unit) -> tuple[bytes, ...]:
    """What signs: the secret, and those before it while they are still good and open. Raises WrongKeySecret."""
    keys = [deps.vault.open(webhook.id, webhook.sealed_secret or b"")]
    for old in webhook.old_secrets(unit.now):
        # One that no longer opens is why this one was made.
        with suppress(WrongKeySecret):
            keys.append(deps.vault.open(webhook.id, old.sealed))
    return tuple(keys)
