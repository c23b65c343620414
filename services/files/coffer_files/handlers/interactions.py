"""Who had to do with which item last, for their list of recent items. Noted in memory by whatever is done with an item, and
written together every few seconds: no request waits for it, and none writes a row for it.

What a process noted and had not written when it was killed is lost; the list is a convenience.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from coffer_chassis.clock import Clock
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Work
from coffer_contracts.ids import ItemId, UserId
from coffer_files.store import marks
from coffer_files.store.marks import Touch

WRITE_EVERY_SECONDS = 2
ONCE_IN = timedelta(minutes=1)
"""Of one person and item: a film that is fetched in a hundred pieces is one interaction."""
MOST = 20_000
"""Notes in memory, about 200 bytes each; beyond that nothing is noted until some are written."""


class Interactions:
    """What one process noted. Not for threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[tuple[UserId, ItemId], datetime] = {}
        self._noted: dict[tuple[UserId, ItemId], datetime] = {}

    def note(self, user_id: UserId, item_id: ItemId) -> None:
        """The person had to do with the item now. Also for an item whose making has not been committed yet."""
        now, pair = self._clock.now(), (user_id, item_id)
        before = self._noted.get(pair)
        if len(self._noted) < MOST and (before is None or now - before >= ONCE_IN):
            self._waiting[pair] = self._noted[pair] = now

    def note_by(self, origin: Origin, item_id: ItemId) -> None:
        """As `note`, by whoever asked; a visitor of a public link has no list."""
        if origin.actor_kind in {"user", "token"} and origin.actor_id is not None:
            self.note(UserId(origin.actor_id), item_id)

    def waiting(self, user_id: UserId | None = None) -> list[Touch]:
        """What has not been written yet, of one person or of all."""
        return [Touch(*pair, at) for pair, at in self._waiting.items() if user_id in {None, pair[0]}]

    def written(self, touches: Iterable[Touch]) -> None:
        """These were written; what came since then stays."""
        for one in touches:
            if self._waiting.get((one.user_id, one.item_id)) == one.at:
                del self._waiting[one.user_id, one.item_id]
        since = self._clock.now() - ONCE_IN
        self._noted = {pair: at for pair, at in self._noted.items() if at > since or pair in self._waiting}


async def write_interactions(work: Work, interactions: Interactions, user_id: UserId | None = None) -> int:
    """Write what waits, of one person or of all; how much. What could not be written is written the next time."""
    touches = interactions.waiting(user_id)
    if touches:
        async with work.engine.begin() as connection:
            await marks.touch(connection, touches)
        interactions.written(touches)
    return len(touches)
