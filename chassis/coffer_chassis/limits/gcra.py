"""The arithmetic of a limit: the generic cell rate algorithm (ITU-T I.371, annex A, as virtual scheduling). Pure.

A quota of q in a window of w seconds is one request every w/q seconds, and up to q at once after a pause. What is kept of a
caller is one number: how long it takes until their whole quota is back (`debt`). Chosen before counting in fixed or
sliding windows because the wait it names is as short as it can be and exact (the next request is free after w/q seconds,
not when a window ends), because a caller at rest leaves nothing behind, and because one number is changed in one atomic step
wherever it is kept. What it gives up: whoever rests and then does not stop gets 2q in their first window, and q in each after.

Times are whole microseconds, so that every place that counts comes to the same result.
"""

from dataclasses import dataclass

MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Pace:
    """A quota as an interval between requests, and the debt at which no more are taken."""

    interval: int
    span: int

    @classmethod
    def of(cls, quota: int, window_seconds: int) -> "Pace":
        """Of a quota that is at least 1. Raises ValueError for less."""
        if quota < 1:
            raise ValueError("a pace needs a quota")
        interval = max(1, window_seconds * MICROSECONDS // quota)
        return cls(interval, interval * quota)

    def take(self, due: int, now: int) -> tuple[bool, int]:
        """Whether one more request is allowed at `now`, and the debt after it; `due` is when the quota would be whole again.

        A `due` further away than any debt can be was written before the clock went back: it counts as none, because to
        refuse somebody for as long as a clock was wrong is worse than to forgive them.
        """
        debt = due - now
        if debt < 0 or debt > self.span:
            debt = 0
        if debt + self.interval > self.span:
            return False, debt
        return True, debt + self.interval

    def remaining(self, debt: int) -> int:
        """How many requests may follow at once."""
        return (self.span - debt) // self.interval

    def wait_seconds(self, debt: int) -> int:
        """Whole seconds, at least one, until a request that was refused is allowed."""
        return max(1, -((self.span - self.interval - debt) // MICROSECONDS))

    def reset_seconds(self, debt: int) -> int:
        """Whole seconds until the whole quota is back."""
        return -(-debt // MICROSECONDS)
