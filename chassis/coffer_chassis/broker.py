"""The broker epoch: what a service remembers about the life of a local broker that may forget everything.

`drained_at` is the last moment at which every queue was seen empty. Whatever was sent later may have been lost with the
broker, so a new epoch republishes all of it; readers drop what they have seen by its id.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from coffer_chassis import dead_letters, outbox, private_outbox
from coffer_chassis.bus import Bus
from coffer_chassis.topology import ServiceTopology
from coffer_chassis.unit_of_work import Work


async def epoch(work: Work) -> int:
    """The current epoch; 0 before the first."""
    table = work.tables.broker
    async with work.read() as connection:
        return (await connection.execute(select(table.c.epoch))).scalar_one_or_none() or 0


class EpochWatch:
    """Notices in a running process that the broker lost its state, whoever began the new epoch."""

    def __init__(self, work: Work, recover: Callable[[], Awaitable[object]]) -> None:
        self._work = work
        self._recover = recover
        self._seen: int | None = None

    async def look(self) -> None:
        """Recover if an epoch has begun since the last look; the first look only remembers. May run any number of times;
        what failed is tried again at the next look.
        """
        current = await epoch(self._work)
        if self._seen not in {None, current}:
            await self._recover()
        self._seen = current


async def begin_epoch(work: Work) -> int:
    """The broker lost its state: mark everything sent since it was last seen empty for sending again; how many events.
    Letters that were redriven since then wait again. Private commands that were sent are not kept: whoever asked for one that
    was lost asks again.

    May run any number of times; each counts as a new epoch.
    """
    table = work.tables.broker
    async with work.engine.begin() as connection:
        # A relay's round that began before the loss marks its rows only when it ends: wait for it, and let none begin.
        await connection.execute(text(f"LOCK TABLE {work.tables.outbox.name} IN EXCLUSIVE MODE"))
        row = (await connection.execute(select(table).with_for_update())).one_or_none()
        since = row.drained_at if row else None
        count = await outbox.republish(connection, work.tables, since=since)
        await dead_letters.unredrive(connection, work.tables, since=since)
        await connection.execute(
            insert(table)
            .values(only_row=True, epoch=1)
            .on_conflict_do_update(index_elements=[table.c.only_row], set_={"epoch": table.c.epoch + 1})
        )
    return count


async def mark_drained(work: Work, moment: datetime) -> None:
    """Every queue was empty at `moment` and nothing was sent since: a later loss of the broker costs nothing older."""
    table = work.tables.broker
    async with work.engine.begin() as connection:
        await connection.execute(
            insert(table)
            .values(only_row=True, epoch=0, drained_at=moment)
            .on_conflict_do_update(index_elements=[table.c.only_row], set_={"drained_at": moment})
        )


async def is_drained(work: Work, bus: Bus, topology: ServiceTopology) -> bool:
    """Whether a service has nothing to send and nothing to handle, dead letters that were not collected yet included."""
    async with work.read() as connection:
        waiting, _ = await outbox.backlog(connection, work.tables)
        private, _ = await private_outbox.private_backlog(connection, work.tables)
    if waiting or private:
        return False
    for lane in topology.lanes:
        for queue in (lane.queue, lane.dead_queue):
            if (await bus.depth(queue)).total:
                return False
    return True
