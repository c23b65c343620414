"""Claiming and sending: what is due goes out in turns, by webhook, and what became of it is written down. Queues of
subscribers are webhooks of another kind: all of this holds for them as well.

The claim is committed before anything is sent, and nothing is sent inside a transaction. Rights are judged at every
attempt. Webhooks that answer, new ones and those that fail have places of their own: so neither a receiver that hangs nor a
host that is gone, with however much that waits for them, delays those that answer.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic
from typing import Any

import structlog

from coffer_chassis import metrics, tracing
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import rfc3339
from coffer_contracts.ids import UserId, WebhookId
from coffer_notifier.domain.outside import placed
from coffer_notifier.domain.queues import letter_of
from coffer_notifier.domain.signatures import signature_of
from coffer_notifier.domain.webhooks import (
    EACH,
    LEASE,
    PER_PERSON,
    SCHEDULE,
    STANDINGS,
    Attempt,
    Delivery,
    Standing,
    Webhook,
    wait_after,
)
from coffer_notifier.handlers.deps import Answer, CallFailed, Deps
from coffer_notifier.handlers.judging import Verdict, Verdicts, judge
from coffer_notifier.handlers.settling import Outcome, delivered, not_delivered, withheld
from coffer_notifier.store import deliveries, webhooks
from coffer_notifier.store.deliveries import NOBODY
from coffer_notifier.vault import WrongKeySecret

USER_AGENT = "Coffer-Webhooks/1"

SETTLE_PAUSES = (0.2, 1.0, 4.0)
"""Between tries to write down what became of an attempt; together with them well within the claim."""

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
    """What a process can take on by standing, where its rounds go on, what it has under way by person, which webhooks rest."""

    free: Mapping[Standing, int]
    after: Mapping[Standing, str] = field(default_factory=dict)
    under_way: Mapping[str, int] = field(default_factory=dict)
    resting: Collection[str] = ()

    @property
    def busy(self) -> list[str]:
        """People who have enough under way."""
        return [person for person, count in self.under_way.items() if count >= PER_PERSON]


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
        others = {"busy": room.busy, "resting": room.resting}
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
    """What is left when nobody has more under way than PER_PERSON."""
    kept: list[Delivery] = []
    under_way = Counter(room.under_way)
    for one in due:
        person = known[one.webhook_id].user_id
        if under_way[person] < PER_PERSON:
            under_way[person] += 1
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


async def deliver(deps: Deps, one: Claimed) -> bool:
    """Send, then write down what became of it; whether it was taken. Never raises: what is not settled is claimed again."""
    delivery = one.delivery
    about: dict[str, tracing.Attribute] = {
        **({"http.request.method": "POST"} if one.webhook.kind == "webhook" else {"messaging.system": "aws_sqs"}),
        "coffer.webhook.event_type": delivery.event_type,
        "coffer.webhook.attempt": one.attempt,
    }
    context = {"delivery_id": delivery.id, "webhook_id": delivery.webhook_id, "event_id": delivery.event_id}
    said = structlog.contextvars.bound_contextvars(**context, correlation_id=delivery.correlation_id)
    with said, tracing.span("send webhook", kind="client", parent=delivery.traceparent, attributes=about, root=True) as span:
        at, began = deps.work.clock.now(), monotonic()
        answer: Answer | None = None
        error: str | None = None
        try:
            answer = await _sent(deps, one, int(at.timestamp()), span.traceparent)
            span.attributes["http.response.status_code"] = answer.status
            error = None if 200 <= answer.status < 300 else f"status_{answer.status}"
        except CallFailed as failed:
            error = failed.code
        except Exception as raised:  # whatever it is, the row says when it is tried again
            error = "internal"
            log.warning("webhook_call_broke", error=repr(raised), exc_info=raised)
        span.error = error
        made = Attempt(
            at, answer.status if answer else None, round((monotonic() - began) * 1000), error, answer.head if answer else None
        )
        asked = answer.retry_after_seconds if answer and error else None
        await _settle(deps, one, made, asked)
        return error is None


async def _sent(deps: Deps, one: Claimed, timestamp: int, traceparent: str) -> Answer:
    """How it was taken. Raises CallFailed."""
    if one.webhook.kind == "queue":
        return await deps.queues.send(one.webhook.url, letter_of(one.delivery, one.body, one.number, traceparent))
    body = one.body.encode()
    return await deps.receivers.post(one.webhook.url, body, _headers(one, body, timestamp, traceparent))


def _headers(one: Claimed, body: bytes, timestamp: int, traceparent: str) -> dict[str, str]:
    message_id = one.delivery.event_id
    return {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature_of(one.keys, message_id, timestamp, body),
        "traceparent": traceparent,
    }


async def _settle(deps: Deps, one: Claimed, made: Attempt, asked: int | None) -> None:
    entry: dict[str, Any] = {
        "attempt": one.attempt,
        "at": rfc3339(made.at),
        "status": made.status,
        "latency_ms": made.latency_ms,
        "error": made.error,
        "response_head": made.response_head,
    }
    for pause in (*SETTLE_PAUSES, None):
        try:
            outcome = await _settled(deps, one, made, entry, asked)
            break
        except Exception as error:  # noqa: BLE001  # the store may be back in a moment; else the claim lapses, and it is sent again
            if pause is None:
                log.warning("webhook_not_settled", error=repr(error))
                return
            await asyncio.sleep(pause)
    metrics.WEBHOOK_DELIVERIES.labels(outcome).inc()
    told = {"outcome": outcome, "attempt": one.attempt, "status": made.status, "ms": made.latency_ms, "error": made.error}
    log.info("webhook_attempted", **told)


async def _settled(deps: Deps, one: Claimed, made: Attempt, entry: Mapping[str, Any], asked: int | None) -> Outcome:
    url = one.webhook.url
    if made.error is None:
        return await delivered(deps, one.delivery, url, made, entry)
    jitter = random.random()  # noqa: S311  # no secret
    return await not_delivered(deps, one.delivery, url, one.attempt, made, entry, asked=asked, jitter=jitter)


async def deliver_all(deps: Deps, claimed: Sequence[Claimed]) -> None:
    """Attempt all of them, one after the other. For commands and tests; `Sender` attempts them side by side."""
    for one in claimed:
        await deliver(deps, one)
