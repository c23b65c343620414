"""What facts that the audit keeps say about how they were done, beside the actor in the envelope.

Nobody who emits such a fact fills these fields: the unit of work takes them from the request, and leaves them empty where
there is none. Addresses and user agents are told to nobody outside.
"""

from coffer_contracts.event import Event, described
from coffer_contracts.ids import SessionId


class ActedFact(Event):
    """A fact that says in which session it was done."""

    actor_session_id: SessionId | None = described(
        None, description="The session, or the access token, that whoever did it was signed in with; absent without a request."
    )


class AuditedFact(ActedFact):
    """A fact about who may do what: it says from where it was done as well."""

    address: str | None = described(None, description="Network address it was done from; for the audit, not for outside.")
    agent: str | None = described(None, description="User agent it was done with; for the audit, not for outside.")
