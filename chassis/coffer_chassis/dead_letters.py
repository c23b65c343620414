"""Dead letters as rows: drained from the dead-letter queues into the consumer's store, browsed and redriven by SQL.

The broker may forget; the table does not.
"""

from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert

from coffer_chassis.bus import BATCH, Bus, Incoming
from coffer_chassis.ids import new_id
from coffer_chassis.topology import Lane
from coffer_chassis.unit_of_work import Work

RECEIVED_TOO_OFTEN = "received too often without success"

log = structlog.get_logger(__name__)


async def drain(work: Work, bus: Bus, lane: Lane) -> int:
    """Move what lies in the lane's dead-letter queue into the table; how many messages. Safe to run twice or at once."""
    total = 0
    while messages := await bus.receive(lane.dead_queue, limit=BATCH, wait_seconds=0):
        async with work.engine.begin() as connection:
            rows = [_row(lane, message, work) for message in messages]
            await connection.execute(insert(work.tables.dead_letters).values(rows).on_conflict_do_nothing())
        await bus.delete(lane.dead_queue, [message.receipt for message in messages])
        total += len(messages)
        log.warning("dead_letters_drained", queue=lane.queue, count=len(messages))
    return total


def _row(lane: Lane, message: Incoming, work: Work) -> dict[str, Any]:
    attributes = dict(message.attributes)
    receives = attributes.get("dead-receives", "")
    return {
        "id": new_id(),
        "queue": lane.queue,
        "message_id": attributes.get("dead-message", message.message_id),
        "type": attributes.get("type"),
        "body": message.body,
        "attributes": {name: value for name, value in attributes.items() if not name.startswith("dead-")},
        "reason": attributes.get("dead-reason", RECEIVED_TOO_OFTEN),
        "error_class": attributes.get("dead-class"),
        "handler": attributes.get("dead-handler"),
        "receives": int(receives) if receives.isdecimal() else message.receives,
        "dead_at": work.clock.now(),
    }


async def waiting(work: Work, *, limit: int | None = None) -> list[Row[Any]]:
    """Dead letters that were neither redriven nor dropped, newest first; all of them, or the first `limit`."""
    table = work.tables.dead_letters
    query = (
        select(table)
        .where(table.c.redriven_at.is_(None), table.c.dropped_at.is_(None))
        .order_by(table.c.dead_at.desc())
        .limit(limit)
    )
    async with work.read() as connection:
        return list((await connection.execute(query)).all())


async def redrive(work: Work, bus: Bus, letter_id: str) -> bool:
    """Send one dead letter to its queue again; False if it is unknown or was settled already.

    A crash between sending and marking sends it twice: handlers drop the second by the inbox.
    """
    if not _is_id(letter_id):
        return False
    table = work.tables.dead_letters
    async with work.engine.begin() as connection:
        query = select(table).where(table.c.id == letter_id, table.c.redriven_at.is_(None)).with_for_update()
        row = (await connection.execute(query.where(table.c.dropped_at.is_(None)))).one_or_none()
        if row is None:
            return False
        await bus.send(row.queue, row.body, row.attributes)
        await connection.execute(update(table).where(table.c.id == letter_id).values(redriven_at=work.clock.now()))
    return True


async def drop(work: Work, letter_id: str) -> bool:
    """Give one dead letter up for good; the row stays. False if it is unknown or was settled already."""
    if not _is_id(letter_id):
        return False
    table = work.tables.dead_letters
    statement = (
        update(table)
        .where(table.c.id == letter_id, table.c.redriven_at.is_(None), table.c.dropped_at.is_(None))
        .values(dropped_at=work.clock.now())
    )
    async with work.engine.begin() as connection:
        return bool((await connection.execute(statement)).rowcount)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
