"""Who set something off, and what it is part of: goes from a request or an event into every event that follows."""

from dataclasses import dataclass

from coffer_chassis import tracing
from coffer_chassis.callers import Caller
from coffer_contracts.event import ActorKind, Meta
from coffer_contracts.ids import EventId


@dataclass(frozen=True, slots=True)
class Origin:
    """Actor and correlation of a unit of work."""

    actor_id: str | None
    actor_kind: ActorKind
    correlation_id: str
    causation_id: EventId | None = None
    traceparent: str | None = None
    """The span in which it is done: what the facts about it name."""
    caller: Caller | None = None
    """Where an operator's request came from, for the facts about their acts; of other requests it is not noted."""

    @classmethod
    def of(cls, cause: Meta) -> "Origin":
        """The origin of what an event sets off: same actor and correlation, caused by that event."""
        traceparent = tracing.traceparent() or cause.traceparent
        return cls(cause.actorid, cause.actorkind, cause.correlationid, cause.id, traceparent)

    @classmethod
    def system(cls, correlation_id: str) -> "Origin":
        """The origin of what Coffer does on its own: sweeps, timed jobs."""
        return cls(None, "system", correlation_id, None, tracing.traceparent())
