"""Dead letters as rows: drained from the dead-letter queues into the consumer's store, browsed and redriven by SQL.

The broker may forget; the table does not. Who asked for what, and many at once at a rate, is said elsewhere.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Row, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.bus import BATCH, Bus, Incoming
from coffer_chassis.forgetting import forget_some
from coffer_chassis.ids import new_id
from coffer_chassis.tables import ChassisTables
from coffer_chassis.topology import Lane
from coffer_chassis.unit_of_work import Work

RECEIVED_TOO_OFTEN = "received too often without success, or not delivered at all"

KEEP_PRIVATE_DAYS = 7
"""How long it is kept what a letter of a private lane says; no command is good for longer."""

KEEP_DAYS = 90
"""How long a letter that was redriven or dropped stays on record. One that waits is never forgotten."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters; None means any. `ids` are letters, `until` the latest moment of death."""

    ids: tuple[str, ...] | None = None
    queue: str | None = None
    type: str | None = None
    error_class: str | None = None
    handler: str | None = None
    reason: str | None = None
    """How the reason begins."""
    until: datetime | None = None

    def conditions(self, tables: ChassisTables) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        letters = tables.dead_letters.c
        exact = ("queue", "type", "error_class", "handler")
        found = [letters[name] == value for name in exact if (value := getattr(self, name)) is not None]
        if self.ids is not None:
            found.append(letters.id.in_(self.ids))
        if self.reason is not None:
            found.append(letters.reason.startswith(self.reason, autoescape=True))
        if self.until is not None:
            found.append(letters.dead_at <= self.until)
        return found


def is_waiting(tables: ChassisTables) -> ColumnElement[bool]:
    """Neither redriven nor dropped."""
    letters = tables.dead_letters.c
    return letters.redriven_at.is_(None) & letters.dropped_at.is_(None)


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
        "receives": int(receives) if receives.isdecimal() and len(receives) < 10 else message.receives,
        "dead_at": work.clock.now(),
    }


async def waiting(work: Work, *, limit: int | None = None) -> list[Row[Any]]:
    """Dead letters that were neither redriven nor dropped, newest first; all of them, or the first `limit`."""
    table = work.tables.dead_letters
    query = select(table).where(is_waiting(work.tables)).order_by(table.c.dead_at.desc()).limit(limit)
    async with work.read() as connection:
        return list((await connection.execute(query)).all())


async def count_waiting(connection: AsyncConnection, tables: ChassisTables, wanted: Wanted) -> int:
    """How many of the letters wait."""
    query = select(func.count()).select_from(tables.dead_letters).where(is_waiting(tables), *wanted.conditions(tables))
    count: int = (await connection.execute(query)).scalar_one()
    return count


async def redrive(work: Work, bus: Bus, letter_id: str, *, by: str | None = None) -> bool:
    """Send one dead letter to its queue again; False if it is unknown or was settled already.

    A crash between sending and marking sends it twice: handlers drop the second by the inbox. Raises what the bus raises,
    and then the letter waits as before.
    """
    async with work.engine.begin() as connection:
        return await redrive_on(connection, work, bus, letter_id, by=by)


async def redrive_on(connection: AsyncConnection, work: Work, bus: Bus, letter_id: str, *, by: str | None) -> bool:
    """The same in a transaction of somebody else's."""
    if not is_id(letter_id):
        return False
    table = work.tables.dead_letters
    row = (
        await connection.execute(select(table).where(table.c.id == letter_id, is_waiting(work.tables)).with_for_update())
    ).one_or_none()
    if row is None:
        return False
    await bus.send(row.queue, row.body, row.attributes)
    done = update(table).where(table.c.id == letter_id)
    await connection.execute(done.values(redriven_at=work.clock.now(), settled_by=by))
    return True


async def drop(work: Work, letter_id: str, *, by: str | None = None) -> bool:
    """Give one dead letter up for good; the row stays. False if it is unknown or was settled already."""
    if not is_id(letter_id):
        return False
    async with work.engine.begin() as connection:
        return bool(await drop_on(connection, work, Wanted(ids=(letter_id,)), by=by))


async def drop_on(connection: AsyncConnection, work: Work, wanted: Wanted, *, by: str | None) -> int:
    """Give up every letter of these that waits, in a transaction of somebody else's; how many."""
    statement = update(work.tables.dead_letters).where(is_waiting(work.tables), *wanted.conditions(work.tables))
    return (await connection.execute(statement.values(dropped_at=work.clock.now(), settled_by=by))).rowcount


async def unredrive(connection: AsyncConnection, tables: ChassisTables, *, since: datetime | None) -> int:
    """Let letters wait again that went to a queue which lost its messages; how many. Those that were handled before the
    loss, handlers drop by the inbox. `since` None means all that are kept. Safe to run twice.
    """
    letters = tables.dead_letters
    redriven = letters.c.redriven_at.is_not(None) if since is None else letters.c.redriven_at >= since
    return (await connection.execute(update(letters).where(redriven).values(redriven_at=None, settled_by=None))).rowcount


async def forget_settled_before(connection: AsyncConnection, tables: ChassisTables, moment: datetime) -> int:
    """Delete a slice of the letters that were redriven or dropped before `moment`; how many. Safe to run twice."""
    letters = tables.dead_letters
    return await forget_some(connection, letters, or_(letters.c.redriven_at < moment, letters.c.dropped_at < moment))


async def empty_private_before(
    connection: AsyncConnection, tables: ChassisTables, queues: Collection[str], moment: datetime, now: datetime
) -> int:
    """Take the bodies out of letters of private lanes that died before `moment`, and give up those that wait: what they asked
    for has expired long since. How many; safe to run twice.
    """
    letters = tables.dead_letters
    old = update(letters).where(letters.c.queue.in_(queues), letters.c.dead_at < moment, letters.c.body != "")
    given_up = case((is_waiting(tables), now), else_=letters.c.dropped_at)
    return (await connection.execute(old.values(body="", attributes={}, dropped_at=given_up))).rowcount


def is_id(text: str) -> bool:
    """Whether a text can name a letter at all."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True
