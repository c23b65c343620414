"""Counters of failed sign-ins: how many are too many, and for how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class AttemptLimit:
    """How many failed sign-ins one counter takes within its window before it refuses."""

    name: str
    failures: int


ATTEMPT_WINDOW = timedelta(minutes=15)
ATTEMPT_LIMITS = (
    AttemptLimit("pair", 10),
    AttemptLimit("account", 50),
    AttemptLimit("address", 300),
)
"""Per account and address together, per account from anywhere, per address to anywhere.

The first is tight and locks out nobody else; the second bounds a guess from many addresses, the third a guess at many names.
Attempts that are being hashed when a limit is reached still get their answer, so a window takes at most the limit and the
length of the hashing queue of every process.
"""


@dataclass(frozen=True, slots=True)
class AttemptCount:
    """A counter as it stands in the store."""

    failures: int
    window_ends_at: datetime


def seconds_until_allowed(counts: dict[str, AttemptCount], now: datetime) -> int:
    """0 if another attempt is allowed, else whole seconds until the last full window ends."""
    full = [
        counts[limit.name].window_ends_at
        for limit in ATTEMPT_LIMITS
        if limit.name in counts and counts[limit.name].failures >= limit.failures
    ]
    waits = [(end - now).total_seconds() for end in full if end > now]
    return int(max(waits)) + 1 if waits else 0
