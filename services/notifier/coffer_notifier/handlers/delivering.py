"""Sending what was claimed, and writing down what became of it. The claim is committed before anything is sent, and nothing is
sent inside a transaction.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any

import structlog

from coffer_chassis import metrics, tracing
from coffer_contracts.event import rfc3339
from coffer_notifier.domain.queues import letter_of
from coffer_notifier.domain.signatures import signature_of
from coffer_notifier.domain.webhooks import Attempt
from coffer_notifier.handlers.claiming import Claimed
from coffer_notifier.handlers.deps import Answer, CallFailed, Deps
from coffer_notifier.handlers.settling import Outcome, delivered, not_delivered

USER_AGENT = "Coffer-Webhooks/1"

SETTLE_PAUSES = (0.2, 1.0, 4.0)
"""Between tries to write down what became of an attempt; together with them well within the claim."""

log = structlog.get_logger(__name__)


def _nobody_asks() -> None:
    """For whom it makes no difference when an answer is there."""


async def deliver(deps: Deps, one: Claimed, answered: Callable[[], None] = _nobody_asks) -> bool:
    """Send, then write down what became of it; whether it was taken. Never raises: what is not settled is claimed again.
    `answered` is called in between.
    """
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
        answered()
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
