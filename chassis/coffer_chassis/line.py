"""What waits for a worker, by whom it is about: nobody's messages wait behind a crowd of somebody else's.

Messages about one tenant want the same rows, so two workers at once would only stand in each other's way; and a batch that
mixed a crowd with a single message would make that one wait for rows that it does not need.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence

from coffer_chassis.batches import Read

CROWD = 3
"""From so many messages on, a tenant's are worked off by themselves."""


class Line:
    """One consumer's quick messages. Tenants get their turn one after the other."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[Read]] = OrderedDict()
        self._busy: set[str] = set()

    def __bool__(self) -> bool:
        """Whether a batch could be begun now."""
        return any(key not in self._busy for key in self._waiting)

    def add(self, read: Read) -> None:
        """Somebody is to handle it."""
        self._waiting.setdefault(read.order[0], deque()).append(read)

    def take(self, most: int) -> list[Read]:
        """A batch of up to `most`; its tenants are busy until it is done. Empty if all that wait are busy."""
        batch: list[Read] = []
        for key in [key for key in self._waiting if key not in self._busy]:
            waiting = self._waiting[key]
            crowd = len(waiting) >= CROWD
            if batch and (crowd or len(batch) + len(waiting) > most):
                continue
            while waiting and len(batch) < most:
                batch.append(waiting.popleft())
            self._busy.add(key)
            del self._waiting[key]
            if waiting:
                self._waiting[key] = waiting  # behind the others
            if crowd:
                break
        return batch

    def done(self, batch: Sequence[Read]) -> None:
        """The batch is finished, whatever became of it."""
        self._busy.difference_update(read.order[0] for read in batch)
