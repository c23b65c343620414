"""Stops a consumer whose messages fail one after the other, so that a bad release does not bury a whole queue.

Only contract errors, handler errors and outages count. What a handler decides about somebody's bad file is its result, not
an error, and never comes here.
"""

from collections import deque
from time import monotonic

WINDOW_SECONDS = 60.0
LEAST = 20
"""Outcomes within the window below which nothing is concluded: a few poison messages are buried and that is that."""
SHARE = 0.5
PAUSE_SECONDS = (5.0, 300.0)
"""How long it stays blown before one message is tried: doubled each time that one fails, too."""


class Fuse:
    """One consumer's. Times are of the monotonic clock; nothing is shared between processes."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, bool]] = deque()
        self._faults = 0
        self._blows = 0
        self._rests_until = 0.0

    @property
    def is_blown(self) -> bool:
        """Whether no message, or only one at a time to try, may be taken."""
        return self._blows > 0

    @property
    def wait_seconds(self) -> float:
        """How long to take nothing; 0 when one message may be tried, or as many as usual."""
        return max(0.0, self._rests_until - monotonic()) if self.is_blown else 0.0

    def note(self, *, fault: bool) -> bool:
        """What became of one message; True when that blows the fuse, blows it again after a try, or mends it."""
        now = monotonic()
        if self.is_blown:
            if now < self._rests_until:
                return False  # it was in hand already and says nothing new
            if fault:
                return self._blow(now)
            self._blows = 0
            return True
        self._seen.append((now, fault))
        self._faults += fault
        while self._seen[0][0] < now - WINDOW_SECONDS:
            self._faults -= self._seen.popleft()[1]
        return len(self._seen) >= LEAST and self._faults >= SHARE * len(self._seen) and self._blow(now)

    def _blow(self, now: float) -> bool:
        first, last = PAUSE_SECONDS
        self._rests_until = now + min(last, first * 2.0 ** min(self._blows, 30))
        self._blows += 1
        self._seen.clear()
        self._faults = 0
        return True
