"""What becomes of a message after its handler: deleted, hidden for a while, or buried with the reason."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from coffer_chassis import metrics
from coffer_chassis.bus import ATTRIBUTE_LIMIT, Bus, Incoming
from coffer_chassis.handling import Reject, Retry
from coffer_chassis.topology import Lane
from coffer_contracts.catalog import Unreadable
from coffer_contracts.problems import Problem, Temporary

REASON_LENGTH = 500
RETRY_SECONDS = (5, 900)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Outcome:
    """`name` for metrics; hide for `retry_seconds`, or bury with `reason`, or (neither) delete."""

    name: str
    retry_seconds: int | None = None
    reason: str | None = None
    error_class: str = ""
    handler: str = ""


DONE = Outcome("done")
DUPLICATE = Outcome("duplicate")
IGNORED = Outcome("ignored")


def of_error(error: Exception, message: Incoming, handler: str) -> Outcome:
    """Judge an exception: unreadable, rejected and refused messages are buried, all others come back later."""
    if isinstance(error, Retry):
        return Outcome("retry", retry_seconds=min(43200, max(0, round(error.wait_seconds(message.receives)))))
    if isinstance(error, Unreadable | Reject | Problem) and not isinstance(error, Temporary):
        log.error("message_buried", handler=handler, error=repr(error), message_id=message.message_id)
        reason = str(error) or type(error).__name__
        return Outcome("buried", reason=reason, error_class=type(error).__name__, handler=handler)
    first, last = RETRY_SECONDS
    wait = min(last, first * 2 ** min(message.receives, 10)) * random.uniform(0.7, 1)  # noqa: S311  # jitter
    if isinstance(error, Temporary) and error.retry_after_seconds is not None:
        wait = min(last, error.retry_after_seconds)
    log.warning("handler_failed", handler=handler, error=repr(error), receives=message.receives, exc_info=error)
    return Outcome("failed", retry_seconds=round(wait))


async def settle(bus: Bus, lane: Lane, outcomes: Sequence[tuple[Incoming, Outcome]]) -> None:
    """Carry the outcomes out: a buried message is copied to the dead letters before it is deleted. May run twice.

    What fails for one message leaves it in the queue and does not keep the others from being settled.
    """
    finished: list[str] = []
    for message, outcome in outcomes:
        try:
            if outcome.retry_seconds is not None:
                gone = await bus.set_visibility(lane.queue, [message.receipt], outcome.retry_seconds)
                metrics.RECEIPTS_GONE.labels(lane.queue).inc(gone)
                continue
            if outcome.reason is not None:
                await bus.send(lane.dead_queue, message.body, buried_attributes(message, outcome))
        except Exception as error:
            log.warning("settle_failed", queue=lane.queue, message_id=message.message_id, error=repr(error))
        else:
            finished.append(message.receipt)
    metrics.RECEIPTS_GONE.labels(lane.queue).inc(await bus.delete(lane.queue, finished))


def buried_attributes(message: Incoming, outcome: Outcome) -> dict[str, str]:
    """The message's own attributes and why it is dead; the message id tells copies of one message apart from others."""
    extra = {
        "dead-reason": _printable(outcome.reason or ""),
        "dead-class": outcome.error_class,
        "dead-handler": outcome.handler,
        "dead-message": message.message_id,
        "dead-receives": str(message.receives),
    }
    extra = {name: value for name, value in extra.items() if value}
    kept = [(name, value) for name, value in message.attributes.items() if value and not name.startswith("dead-")]
    return dict(kept[: ATTRIBUTE_LIMIT - len(extra)]) | extra


def _printable(reason: str) -> str:
    # SQS refuses control characters, and a message that cannot be buried would come back for ever.
    return reason.encode("unicode_escape").decode()[:REASON_LENGTH]
