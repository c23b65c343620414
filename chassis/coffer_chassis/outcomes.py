"""What becomes of a message after its handler: deleted, hidden for a while, or buried with the reason."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import structlog

from coffer_chassis import metrics
from coffer_chassis.bus import ATTRIBUTE_LIMIT, BATCH, LONGEST_DELAY_SECONDS, Bus, Incoming
from coffer_chassis.handling import Reject, Retry
from coffer_chassis.logs import scrubbed
from coffer_chassis.outages import outage_of
from coffer_chassis.topology import LONGEST_VISIBILITY_SECONDS, Lane
from coffer_contracts.catalog import Unreadable
from coffer_contracts.problems import Problem, Temporary

REASON_LENGTH = 500
RETRY_SECONDS = (5, 900)

log = structlog.get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """`name` for metrics; hide for `retry_seconds` and after the last receive bury with `reason`, or bury at once with it,
    or (neither) delete.
    """

    name: str
    retry_seconds: int | None = None
    reason: str | None = None
    error_class: str = ""
    handler: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether the message or its handler is broken, or something it needs is away; enough of these stop a consumer."""
        return self.name in {"buried", "failed", "outage"}

    @property
    def is_evidence(self) -> bool:
        """Whether a contract or a handler was put to the test at all."""
        return self.name not in {"duplicate", "ignored"}

    @property
    def is_outage(self) -> bool:
        """Whether something is away that will be back: it must not count against the message."""
        return self.name == "outage"


DONE = Outcome("done")
DUPLICATE = Outcome("duplicate")
IGNORED = Outcome("ignored")


def of_error(error: Exception, message: Incoming, handler: str) -> Outcome:
    """Judge an exception: unreadable, rejected and refused messages are buried, all others come back later."""
    if isinstance(error, Retry):
        seconds = min(LONGEST_VISIBILITY_SECONDS, max(0, round(error.wait_seconds(message.receives))))
        return Outcome("retry", seconds, _last(error, message), type(error).__name__, handler)
    first, last = RETRY_SECONDS
    if (away := error if isinstance(error, Temporary) else outage_of(error)) is not None:
        log.warning("handler_met_outage", handler=handler, error=repr(error), receives=message.receives)
        told = away.retry_after_seconds if isinstance(away, Temporary) else None
        after = first * random.uniform(0.7, 1) if told is None else told  # noqa: S311  # jitter
        return Outcome("outage", round(min(last, after)), str(away), type(error).__name__, handler)
    if isinstance(error, Unreadable | Reject | Problem):
        log.error("message_buried", handler=handler, error=repr(error), message_id=message.message_id)
        reason = str(error) or type(error).__name__
        return Outcome("buried", None, reason, type(error).__name__, handler)
    wait = min(last, first * 2 ** min(message.receives, 10)) * random.uniform(0.7, 1)  # noqa: S311  # jitter
    log.warning("handler_failed", handler=handler, error=repr(error), receives=message.receives, exc_info=error)
    return Outcome("failed", round(wait), _last(error, message), type(error).__name__, handler)


def _last(error: Exception, message: Incoming) -> str:
    return f"received {message.receives} times without success, at last: {error!r}"


async def settle(bus: Bus, lane: Lane, outcomes: Sequence[tuple[Incoming, Outcome]]) -> list[str]:
    """Carry the outcomes out, and give the receipts that are to be deleted now. May run twice.

    A buried message is copied to the dead letters first. One that an outage met at its last receive is sent anew, so that
    no outage, however long, makes a dead letter of it; its inbox row tells the copies apart from others. What fails for
    one message leaves it in the queue and does not keep the others from being settled.
    """
    finished: list[str] = []
    hidden: dict[str, int] = {}
    for message, outcome in outcomes:
        is_last = message.receives >= lane.max_receives
        try:
            if outcome.retry_seconds is not None and not is_last:
                hidden[message.receipt] = outcome.retry_seconds
                continue
            if outcome.is_outage:
                delay = min(outcome.retry_seconds or 0, LONGEST_DELAY_SECONDS)
                await bus.send(lane.queue, message.body, message.attributes, delay_seconds=delay)
            elif outcome.reason is not None:
                await bus.send(lane.dead_queue, message.body, buried_attributes(message, outcome))
        except Exception as error:
            log.warning("settle_failed", queue=lane.queue, message_id=message.message_id, error=repr(error))
        else:
            finished.append(message.receipt)
    for batch in batched(hidden.items(), BATCH):
        try:
            gone = await bus.set_visibility(lane.queue, dict(batch))
            metrics.RECEIPTS_GONE.labels(lane.queue).inc(gone)
        except Exception as error:
            log.warning("settle_failed", queue=lane.queue, error=repr(error))
    return finished


def batched(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Things in lists of at most `size`."""
    rest = iter(things)
    while batch := list(islice(rest, size)):
        yield batch


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
    return scrubbed(reason).encode("unicode_escape").decode()[:REASON_LENGTH]
