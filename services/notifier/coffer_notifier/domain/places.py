"""Places in the stream, and the event ids that clients hand back to go on from there.

An id is `<transaction>.<position>.<milliseconds since 1970>`: opaque to clients. It grants nothing, because everybody
reads their own rows only; a made-up one at worst skips or repeats what its maker may see.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_ID = re.compile(r"(\d{1,19})\.(\d{1,19})\.(\d{1,14})", re.ASCII)
_LARGEST = 2**63 - 1

FACTS_KEPT = timedelta(days=7)
"""How far back facts can be read again."""
TO_GO_ON = timedelta(minutes=30)
"""For how long after that a page of them still leads on to the next: who begins at the end of what is kept is not cut off."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in the stream: transaction first, because a late commit has an early position."""

    xid: int
    position: int


@dataclass(frozen=True, slots=True)
class StreamId:
    """A place with the time at which it was the present."""

    place: Place
    at: datetime

    def __str__(self) -> str:
        milliseconds = (self.at - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
        return f"{self.place.xid}.{self.place.position}.{milliseconds}"


def stream_id_in(text: str) -> StreamId | None:
    """The id as a client handed it back; None for what was never one."""
    found = _ID.fullmatch(text.strip())
    if found is None:
        return None
    xid, position, milliseconds = map(int, found.groups())
    if max(xid, position) > _LARGEST:
        return None
    return StreamId(Place(xid, position), datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds))


def can_resume(after: StreamId, horizon: int, kept_since: datetime) -> bool:
    """Whether everything after that place is still there and was written by this store: `horizon` is its oldest running
    transaction, and no honest id lies beyond it.
    """
    return after.at >= kept_since and after.place.xid <= horizon
