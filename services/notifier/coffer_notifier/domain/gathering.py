"""Gathering: which facts a person is told of in one notice. Pure.

Those of one kind, by one actor, about one place, in one span of the clock. The spans are the same for everybody and follow from
the time of the fact alone, so it does not matter in what order facts come.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time: the facts of it are told together."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, moment: datetime, length: timedelta) -> "Span":
        """The span that a moment lies in; spans of one length follow each other from 1970 on."""
        epoch = datetime.fromtimestamp(0, UTC)
        start = epoch + (moment - epoch) // length * length
        return cls(start, start + length)


def gather_key(kind: str, actor: str | None, place: str, span: Span) -> str:
    """What the facts of one notice have in common, for one reader."""
    return f"{kind}/{actor or ''}/{place}/{int(span.start.timestamp())}"
