"""Counters of failed sign-ins: how many are too many, for whom, and for how long.

Nobody can lock a person out of an account by guessing at it: whoever is known there is judged by their own failures alone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Literal

Counter = Literal["pair", "account", "address", "device", "proof", "mailbox", "asker"]
"""Failed sign-ins and proofs; and mail that was asked for, which `emails` has limits for."""

ATTEMPT_WINDOW = timedelta(minutes=15)
ATTEMPT_LIMITS: dict[Counter, int] = {"pair": 10, "account": 50, "address": 300, "device": 10, "proof": 10}
"""Failures within a window: per account and network together, per account from anywhere, per network to anywhere, of one device
that was signed in to the account before, and of one session that proves again who it is, so that whoever holds a stolen token
locks out nobody but themselves.

The first is tight and locks out nobody elsewhere; the second bounds a guess from many networks, the third a guess at many
names. Attempts that are being hashed when a limit is reached still get their answer, so a window takes at most the limit and
the length of the hashing queue of every process.
"""


class Standing(Enum):
    """What an account knows of whoever wants to sign in to it, and so which counters they are judged by."""

    STRANGER = ("pair", "account", "address")
    KNOWN_NETWORK = ("pair",)
    """Somebody signed in to the account from there before."""
    KNOWN_DEVICE = ("device",)
    """They show a token of an earlier session, spent or not: also neighbours in one network cannot lock each other out."""

    SIGNED_IN = ("proof",)
    """They hold a session, perhaps a stolen one: whoever guesses with it locks out nobody else."""

    @property
    def counters(self) -> tuple[Counter, ...]:
        """The counters that may refuse."""
        counters: tuple[Counter, ...] = self.value
        return counters


@dataclass(frozen=True, slots=True)
class AttemptCount:
    """A counter as it stands in the store."""

    failures: int
    window_ends_at: datetime


def seconds_until_allowed(counts: dict[Counter, AttemptCount], now: datetime, standing: Standing = Standing.STRANGER) -> int:
    """0 if another attempt is allowed, else whole seconds until the last full window ends."""
    full = [
        counts[name].window_ends_at
        for name in standing.counters
        if name in counts and counts[name].failures >= ATTEMPT_LIMITS[name]
    ]
    waits = [(end - now).total_seconds() for end in full if end > now]
    return int(max(waits)) + 1 if waits else 0
