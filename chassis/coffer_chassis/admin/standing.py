"""How a service's queues and its outbox stand at this moment. Reads only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Row, func, select

from coffer_chassis import metrics
from coffer_chassis.admin import letters
from coffer_chassis.admin.operations import Operations
from coffer_chassis.bus import Bus, Depth, QueueMissing, Refused, refuse_unsendable
from coffer_chassis.outbox import backlog, outgoing
from coffer_chassis.private_outbox import private_backlog
from coffer_chassis.topology import Lane

MOST_REFUSED = 100
"""Rows that were tried and are looked at for a reason why they can never be sent."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Queue:
    """One lane. A depth is None where the broker did not tell; `is_stopped` is None where another process consumes."""

    queue: str
    depth: Depth | None
    dead_depth: int | None
    """Messages in the dead queue that were not collected yet."""
    dead_letters: int
    oldest_dead_at: datetime | None
    is_stopped: bool | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Unsent:
    """One event that waits to be published. `refused` says why it never will be, if that is known."""

    id: str
    position: int
    type: str
    subject: str
    attempts: int
    created_at: datetime
    available_at: datetime
    is_replay: bool
    body_bytes: int
    refused: str | None


@dataclass(frozen=True, slots=True)
class Outbox:
    """The outbox as a whole, and a page of what waits in it."""

    unsent: int
    private_unsent: int
    """Private commands that wait, of which nothing else is shown."""
    oldest_at: datetime | None
    newest_sent_at: datetime | None
    refused: list[Unsent]
    page: list[Unsent]
    has_more: bool


async def queues(operations: Operations) -> list[Queue]:
    """Every lane of the service."""
    async with operations.work.read() as connection:
        waiting = await letters.oldest_waiting(connection, operations.work.tables)
    return [await _queue(operations.bus, lane, *waiting.get(lane.queue, (0, None))) for lane in operations.topology.lanes]


async def _queue(bus: Bus, lane: Lane, count: int, oldest: datetime | None) -> Queue:
    depth = dead = None
    problem: str | None = None
    try:
        depth = await bus.depth(lane.queue)
        dead = (await bus.depth(lane.dead_queue)).total
    except QueueMissing:
        problem = "queue_missing"
    except Exception as error:  # noqa: BLE001  # the broker may be away in any way, and that is what is to be shown
        log.warning("depth_failed", queue=lane.queue, error=repr(error))
        problem = "unreachable"
    stopped = metrics.registry.get_sample_value("coffer_consumer_stopped", {"queue": lane.queue})
    return Queue(lane.queue, depth, dead, count, oldest, None if stopped is None else bool(stopped), problem)


async def outbox(operations: Operations, after: int | None, limit: int) -> Outbox:
    """The outbox, and what waits in it from a position on, oldest first."""
    table = operations.work.tables.outbox
    unsent = select(table).where(table.c.sent_at.is_(None)).order_by(table.c.position)
    page = unsent.limit(limit + 1) if after is None else unsent.where(table.c.position > after).limit(limit + 1)
    async with operations.work.read() as connection:
        waiting, oldest = await backlog(connection, operations.work.tables)
        private, _ = await private_backlog(connection, operations.work.tables)
        newest: datetime | None = (await connection.execute(select(func.max(table.c.sent_at)))).scalar_one()
        tried = (await connection.execute(unsent.where(table.c.attempts > 0).limit(MOST_REFUSED))).all()
        rows = (await connection.execute(page)).all()
    refused = [row for row in map(_unsent, tried) if row.refused is not None]
    return Outbox(waiting, private, oldest, newest, refused, [_unsent(row) for row in rows[:limit]], len(rows) > limit)


def _unsent(row: Row[Any]) -> Unsent:
    message = outgoing(row)
    refused: str | None = None
    try:
        refuse_unsendable(message)
    except Refused as error:
        refused = str(error)
    return Unsent(
        id=row.id,
        position=row.position,
        type=row.type,
        subject=row.subject,
        attempts=row.attempts,
        created_at=row.created_at,
        available_at=row.available_at,
        is_replay=row.replay,
        body_bytes=len(row.body.encode()),
        refused=refused,
    )
