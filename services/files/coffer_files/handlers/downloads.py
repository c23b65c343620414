"""Who was shown where which bytes are: noted in memory with every answer, told now and then. No download waits for it, and
none writes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from coffer_chassis.clock import Clock
from coffer_chassis.housekeeping import Job
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Work
from coffer_contracts.files_downloads import DownloadWay, ItemDownloadedV1
from coffer_contracts.ids import DownloadId, VersionId
from coffer_files.domain.items import Located
from coffer_files.store import downloads as rows
from coffer_files.store.downloads import Key, take_telling

TOLD_EVERY = timedelta(minutes=1)
"""Of the same content for the same person, however many processes answered."""
TOLD_AT_ONCE = 500
LOOK_EVERY_SECONDS = 10
MOST = 10_000
"""Downloads in memory, about 1 KiB each; beyond that one is not noted until others are told."""
KEEP = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Noted:
    """Somebody was given the address of something."""

    origin: Origin
    at: Located
    version_id: VersionId | None
    size_bytes: int | None
    way: DownloadWay
    moment: datetime

    @property
    def key(self) -> Key:
        """What counts as the same download."""
        return self.origin.actor_id or "", self.at.item.id, self.version_id


class Downloads:
    """What one process handed out. Not for threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._noted: dict[Key, Noted] = {}

    def note(
        self,
        origin: Origin,
        at: Located,
        way: DownloadWay,
        *,
        version_id: VersionId | None = None,
        size_bytes: int | None = None,
    ) -> None:
        """Somebody was given the address now. Called with every answer that holds one."""
        noted = Noted(origin, at, version_id, size_bytes, way, self._clock.now())
        if noted.key in self._noted or len(self._noted) < MOST:
            self._noted[noted.key] = noted

    def waiting(self) -> list[Noted]:
        """What was not told of yet."""
        return list(self._noted.values())

    def forget(self, told: Noted) -> None:
        """It was told, by this process or another one; what came since then stays. May be called twice."""
        if self._noted.get(told.key) is told:
            del self._noted[told.key]


async def tell_downloads(work: Work, downloads: Downloads) -> int:
    """Tell of what was handed out, as one fact each, except of what was told within a minute; how many. What could not be
    committed is told the next time.
    """
    count = 0
    waiting = downloads.waiting()
    for start in range(0, len(waiting), TOLD_AT_ONCE):
        some = waiting[start : start + TOLD_AT_ONCE]
        async with work.unit(Origin.system(new_id())) as unit:
            fresh = await take_telling(unit.connection, (one.key for one in some), unit.now, since=unit.now - TOLD_EVERY)
            for one in some:
                if one.key in fresh:
                    unit.origin = one.origin
                    unit.emit(_fact(one), sequence=1)
        for one in some:
            downloads.forget(one)
        count += len(fresh)
    return count


def _fact(noted: Noted) -> ItemDownloadedV1:
    item = noted.at.item
    return ItemDownloadedV1(
        download_id=DownloadId(new_id()),
        item_id=item.id,
        kind=item.kind,
        owner_id=item.owner_id,
        parent_id=item.parent_id,
        ancestor_ids=noted.at.ancestor_ids,
        name=item.name,
        version_id=noted.version_id,
        size_bytes=noted.size_bytes,
        way=noted.way,
        downloaded_at=noted.moment,
    )


async def forget_downloads(work: Work) -> int:
    """Delete what no download is held against any more, and tickets and archives that ended long ago; how many rows. May run
    twice and at once.
    """
    count, gone = 0, rows.SLICE
    while gone >= rows.SLICE:
        async with work.engine.begin() as connection:
            gone = await rows.forget_before(connection, work.clock.now() - KEEP)
        count += gone
    return count


def watches(work: Work, downloads: Downloads) -> tuple[Job, ...]:
    """What every process repeats that answers requests."""
    return (Job("tell_downloads", lambda: tell_downloads(work, downloads), LOOK_EVERY_SECONDS),)
