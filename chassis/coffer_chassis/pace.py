"""When a loop that calls the broker should wait a little so that its next call carries more: only while it is busy.

A call for one message costs as much as a call for ten, on the bill and in processor time. What comes alone goes at once.
"""

from collections import deque
from time import monotonic

WINDOW_SECONDS = 0.1
BUSY = 10
"""Messages within the window from which on a loop is busy: a hundred a second."""
FULL = 10
"""What one call to the broker carries at most."""
LONGEST_PAUSE_SECONDS = 0.05


class Pace:
    """Counts what one loop moved of late. Not shared between loops."""

    def __init__(self) -> None:
        self._moved: deque[tuple[float, int]] = deque()
        self._sum = 0

    def note(self, count: int) -> None:
        """So many messages were moved just now."""
        self._moved.append((monotonic(), count))
        self._sum += count
        self._forget()

    @property
    def pause_seconds(self) -> float:
        """How long to wait before the next call: until it is full at the pace of late, and 0 unless the loop is busy."""
        self._forget()
        return min(LONGEST_PAUSE_SECONDS, WINDOW_SECONDS * FULL / self._sum) if self._sum >= BUSY else 0.0

    def _forget(self) -> None:
        while self._moved and self._moved[0][0] < monotonic() - WINDOW_SECONDS:
            self._sum -= self._moved.popleft()[1]
