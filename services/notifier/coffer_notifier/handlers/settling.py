"""Settling: what became of a delivery, and of its webhook if that fails for too long. The webhook is locked first."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import structlog

from coffer_chassis import metrics, tracing
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.notifier import WebhookDisabledV1
from coffer_notifier.domain.queues import host_of
from coffer_notifier.domain.webhooks import FAILING_FOR, Attempt, Delivery, DisabledFor, Webhook, wait_after
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.store import deliveries, webhooks

GONE = 410
"""The receiver wants no more, ever (RFC 9110 section 15.5.11)."""

HOPELESS = frozenset({"too_large"})
"""What is wrong with the message, and not with whoever takes it: it is not tried again, and holds up no other."""

Outcome = Literal["delivered", "put_off", "failed", "superseded"]

log = structlog.get_logger(__name__)


async def withheld(unit: Unit, one: Delivery, why: str, *, state: Literal["withheld", "failed"] = "withheld") -> None:
    """It is not sent: its reader may not be told, it cannot be signed, or it was tried too often."""
    ended = unit.now
    if await deliveries.settle(unit.connection, one.id, one.attempts, None, state=state, ended_at=ended, last_error=why):
        metrics.WEBHOOK_DELIVERIES.labels(state).inc()


async def delivered(deps: Deps, one: Delivery, url: str, made: Attempt, entry: Mapping[str, Any]) -> Outcome:
    """The receiver at `url` has it. Also counts for an attempt that was given up for dead."""
    async with deps.work.unit(Origin.system(new_id())) as unit:
        await webhooks.note_success(unit.connection, one.webhook_id, url)
        counts = await deliveries.settle(
            unit.connection,
            one.id,
            None,
            entry,
            state="delivered",
            ended_at=unit.now,
            last_status=made.status,
            last_error=None,
            latency_ms=made.latency_ms,
        )
    if counts:
        metrics.WEBHOOK_LAG_SECONDS.observe(max(0.0, (unit.now - one.created_at).total_seconds()))
    return "delivered" if counts else "superseded"


async def not_delivered(
    deps: Deps,
    one: Delivery,
    url: str,
    attempt: int,
    made: Attempt,
    entry: Mapping[str, Any],
    *,
    asked: int | None,
    jitter: float,
) -> Outcome:
    """The attempt at `url` failed: another one later, or none; and a webhook that fails for long is turned off, unless it has
    another address by now.
    """
    async with deps.work.unit(_origin(one)) as unit:
        webhook = await webhooks.note_failure(unit.connection, one.webhook_id, url, unit.now, made.error)
        if webhook is None:
            return "superseded"
        wait = wait_after(attempt, jitter, timedelta(seconds=asked) if asked else None)
        is_there = webhook.url == url
        is_gone = made.status == GONE and is_there
        values: dict[str, Any] = {"last_status": made.status, "last_error": made.error, "latency_ms": made.latency_ms}
        if is_gone or wait is None or made.error in HOPELESS:
            values |= {"state": "failed", "ended_at": unit.now}
        else:
            values |= {"state": "queued" if webhook.enabled else "held", "not_before": unit.now + wait}
        counts = await deliveries.settle(unit.connection, one.id, attempt, entry, **values)
        if webhook.enabled and is_gone:
            await _turn_off(unit, webhook, "gone")
        elif webhook.enabled and is_there and webhook.failing_since and unit.now - webhook.failing_since >= FAILING_FOR:
            await _turn_off(unit, webhook, "failing")
    if not counts:
        return "superseded"
    return "failed" if values["state"] == "failed" else "put_off"


def _origin(one: Delivery) -> Origin:
    """What follows from a failure belongs to what the delivery belongs to."""
    return Origin(None, "system", one.correlation_id or new_id(), one.event_id, tracing.traceparent())


async def _turn_off(unit: Unit, webhook: Webhook, why: DisabledFor) -> None:
    """Turn it off and say so: its owner reads it in the feed."""
    off = await webhooks.turn_off(unit.connection, webhook.id, why, unit.now)
    await deliveries.hold(unit.connection, webhook.id)
    fact = WebhookDisabledV1(
        webhook_id=webhook.id,
        owner_id=webhook.user_id,
        reason=why,
        host=host_of(webhook.kind, webhook.url),
        queue_arn=webhook.url if webhook.kind == "queue" else None,
        first_failed_at=webhook.failing_since or unit.now,
        disabled_at=unit.now,
    )
    unit.emit(fact, sequence=off.revision)
    log.warning("webhook_turned_off", webhook_id=webhook.id, reason=why)
