"""Counting in the memory of one process: bounded, whoever asks from however many addresses."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from coffer_chassis.clock import Clock
from coffer_chassis.limits.counts import MOST_SHOWN, Bucket, Refused
from coffer_chassis.limits.policies import Policy

MOST_KEPT = 20_000
"""Buckets of one policy and kind, about 200 bytes each. Beyond it those go that were used longest ago: to get rid of a debt in
this way takes more addresses than it takes to have no debt.
"""
KEPT_REFUSED = 1000


def monotonic() -> int:
    """Microseconds that never go back."""
    return time.monotonic_ns() // 1000


@dataclass(slots=True)
class _Episode:
    since: datetime
    refused: int


class MemoryCounts:
    """To be used on one event loop; nothing here waits."""

    def __init__(self, clock: Clock, microseconds: Callable[[], int] = monotonic, *, most: int = MOST_KEPT) -> None:
        self._clock = clock
        self._now = microseconds
        self._most = most
        # Apart, so that a flood of addresses makes nobody forget what a person has used up.
        self._books: dict[tuple[str, str], OrderedDict[str, int]] = {}
        self._episodes: OrderedDict[Bucket, _Episode] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._books.values()))

    async def take(self, policy: Policy, bucket: Bucket) -> tuple[bool, int]:
        """See Counts."""
        return self.take_now(policy, bucket)

    def take_now(self, policy: Policy, bucket: Bucket) -> tuple[bool, int]:
        """See Counts."""
        now = self._now()
        whose, name = bucket[:2], bucket[2]
        book = self._books.get(whose)
        if book is None:
            book = self._books[whose] = OrderedDict()
        due = book.get(name, 0)
        allowed, debt = policy.pace.take(due, now)
        if not allowed:
            self._note(bucket)
            return False, debt
        if due <= now and self._episodes:
            self._episodes.pop(bucket, None)
        book[name] = now + debt
        book.move_to_end(name)
        if len(book) > self._most:
            book.popitem(last=False)
        return True, debt

    async def refused(self) -> list[Refused]:
        """See Counts."""
        now, wall = self._now(), self._clock.now()
        found = []
        for bucket, episode in [*self._episodes.items()]:
            left = self._due(bucket) - now
            if left <= 0:
                del self._episodes[bucket]
            else:
                found.append(Refused(bucket, episode.since, wall + timedelta(microseconds=left), episode.refused))
        return sorted(found, key=lambda one: one.until, reverse=True)[:MOST_SHOWN]

    async def lift(self, bucket: Bucket) -> int | None:
        """See Counts."""
        is_over = self._due(bucket) <= self._now()
        self._book(bucket).pop(bucket.name, None)
        episode = self._episodes.pop(bucket, None)
        return None if episode is None or is_over else episode.refused

    def _due(self, bucket: Bucket) -> int:
        return self._book(bucket).get(bucket.name, 0)

    def _book(self, bucket: Bucket) -> OrderedDict[str, int]:
        return self._books.get(bucket[:2]) or OrderedDict()

    def _note(self, bucket: Bucket) -> None:
        episode = self._episodes.get(bucket)
        if episode is None:
            episode = self._episodes[bucket] = _Episode(self._clock.now(), 0)
            if len(self._episodes) > KEPT_REFUSED:
                self._episodes.popitem(last=False)
        episode.refused += 1
