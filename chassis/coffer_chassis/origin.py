"""Who set something off, and what it is part of: goes from a request or an event into every event that follows."""

from dataclasses import dataclass
from typing import TypeVar

from coffer_chassis import tracing
from coffer_chassis.callers import Caller
from coffer_contracts.audited import ActedFact, AuditedFact
from coffer_contracts.event import ActorKind, Event, Meta
from coffer_contracts.ids import EventId, SessionId

F = TypeVar("F", bound=Event)

_NOTED = frozenset({"user", "token", "operator"})


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
    """Where the request came from. It is written down in facts about acts of operators and about who may do what, and nowhere
    else: see `noted`.
    """
    session_id: SessionId | None = None
    """The session or access token of the request."""

    def noted(self, fact: F) -> F:
        """The fact with where it was done from, if it is of those that say so and does not yet. Nothing is ever noted of
        visitors, who are told that nobody keeps their addresses.
        """
        if not isinstance(fact, ActedFact) or self.actor_kind not in _NOTED:
            return fact
        where = self.caller
        known: dict[str, str | None] = {"actor_session_id": self.session_id}
        if isinstance(fact, AuditedFact) and where is not None:
            known |= {"address": where.address, "agent": where.agent}
        missing = {name: value for name, value in known.items() if value is not None and getattr(fact, name) is None}
        return fact.model_copy(update=missing) if missing else fact

    @classmethod
    def of(cls, cause: Meta) -> "Origin":
        """The origin of what an event sets off: same actor and correlation, caused by that event."""
        traceparent = tracing.traceparent() or cause.traceparent
        return cls(cause.actorid, cause.actorkind, cause.correlationid, cause.id, traceparent)

    @classmethod
    def system(cls, correlation_id: str) -> "Origin":
        """The origin of what Coffer does on its own: sweeps, timed jobs."""
        return cls(None, "system", correlation_id, None, tracing.traceparent())
