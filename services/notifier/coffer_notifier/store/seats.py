"""Seats for live streams: so many for each person, numbered, whichever processes serve them. A seat counts as long as its
process is heard of. Time is the store's own: clocks of processes differ.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UserId
from coffer_notifier.store.stream_tables import stream_processes, stream_seats

LEASE_SECONDS = 15
"""For how long a process is believed to be there after it was last heard of."""

_ALIVE = f"SELECT id FROM stream_processes WHERE seen_at > clock_timestamp() - interval '{LEASE_SECONDS} seconds'"  # noqa: S608  # a constant

_beat = text(
    """
    INSERT INTO stream_processes (id, seen_at) VALUES (CAST(:process AS uuid), clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
    """
)

_take = text(
    f"""
    WITH alive AS ({_ALIVE}), free AS (
        SELECT each.number FROM generate_series(1, :most) AS each (number)
        WHERE NOT EXISTS (
            SELECT FROM stream_seats AS seat JOIN alive ON alive.id = seat.process_id
            WHERE seat.user_id = CAST(:person AS uuid) AND seat.number = each.number
        )
        ORDER BY each.number LIMIT 1
    ), taken AS (
        INSERT INTO stream_seats AS seat (user_id, number, process_id)
        SELECT CAST(:person AS uuid), number, CAST(:process AS uuid) FROM free
        ON CONFLICT (user_id, number) DO UPDATE SET process_id = excluded.process_id
        WHERE NOT EXISTS (SELECT FROM alive WHERE alive.id = seat.process_id)
        RETURNING seat.number
    )
    SELECT (SELECT number FROM taken) AS number, EXISTS (SELECT FROM free) AS some_free
    """  # noqa: S608  # constants
)


class Taken(NamedTuple):
    """The seat; none if another took it at the same moment, or if none is free."""

    number: int | None
    some_free: bool


async def note_alive(connection: AsyncConnection, process: str) -> None:
    """Say that a process is there. May run twice."""
    await connection.execute(_beat, {"process": process})


async def take(connection: AsyncConnection, process: str, person: UserId, most: int) -> Taken:
    """Take the first seat of a person that is free. Of several at once that try for one, one has it; others try again."""
    values = {"process": process, "person": person, "most": most}
    return Taken(*(await connection.execute(_take, values)).one())


async def give_back(connection: AsyncConnection, process: str, seats: Collection[tuple[UserId, int]]) -> None:
    """Free seats of this process. May run twice."""
    if not seats:
        return
    gone = text(
        """
        DELETE FROM stream_seats USING unnest(CAST(:people AS uuid[]), CAST(:numbers AS int[])) AS gone (user_id, number)
        WHERE stream_seats.user_id = gone.user_id AND stream_seats.number = gone.number AND process_id = CAST(:process AS uuid)
        """
    )
    people, numbers = [person for person, _ in seats], [number for _, number in seats]
    await connection.execute(gone, {"people": people, "numbers": numbers, "process": process})


async def leave(connection: AsyncConnection, process: str) -> None:
    """Say that a process is no more: all its seats are free. May run twice."""
    await connection.execute(delete(stream_seats).where(stream_seats.c.process_id == process))
    await connection.execute(delete(stream_processes).where(stream_processes.c.id == process))


async def forget_dead(connection: AsyncConnection) -> int:
    """Delete processes that were not heard of for long, and seats of those that are none; how many. Safe to run twice."""
    old = text("DELETE FROM stream_processes WHERE seen_at < clock_timestamp() - interval '1 hour'")
    orphans = text("DELETE FROM stream_seats WHERE process_id NOT IN (SELECT id FROM stream_processes)")
    return (await connection.execute(old)).rowcount + (await connection.execute(orphans)).rowcount
