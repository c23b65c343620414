"""Dead letters as operators browse them: pages, groups, one with all there is to know. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, case, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.admin import bodies
from coffer_chassis.admin.bodies import READ_BYTES, SHOWN_CHARACTERS, Reading
from coffer_chassis.admin.operations import Operations
from coffer_chassis.dead_letters import Wanted, is_id
from coffer_chassis.logs import scrubbed
from coffer_chassis.tables import ChassisTables
from coffer_chassis.topology import Lane
from coffer_contracts.catalog import READABLE
from coffer_contracts.event import PrivateCommand

State = Literal["waiting", "redriven", "dropped"]

LARGEST_PAGE = 100
"""Bodies make rows heavy."""
MOST_GROUPS = 200
REASON_PREFIX = 80


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter."""

    id: str
    queue: str
    message_id: str
    type: str | None
    reason: str
    error_class: str | None
    handler: str | None
    receives: int
    attributes: dict[str, str]
    dead_at: datetime
    state: State
    settled_at: datetime | None
    settled_by: str | None
    reading: Reading


@dataclass(frozen=True, slots=True)
class Group:
    """Letters that died alike. `reason` is how theirs begin."""

    queue: str
    type: str | None
    error_class: str | None
    handler: str | None
    reason: str
    count: int
    oldest_at: datetime
    newest_at: datetime


async def page(
    operations: Operations, wanted: Wanted, state: State, after: tuple[datetime, str] | None, limit: int
) -> list[Letter]:
    """Letters in a state, those that died last first, beginning after a moment and an id. Bodies come along, so `limit`
    is to be near LARGEST_PAGE at most.
    """
    tables = operations.work.tables
    letters = tables.dead_letters
    size = func.octet_length(letters.c.body)
    shown = case((size <= READ_BYTES, letters.c.body), else_=func.left(letters.c.body, SHOWN_CHARACTERS))
    columns: list[Any] = [*(column for column in letters.c if column.name != "body"), shown.label("body"), size.label("size")]
    query = select(*columns).where(in_state(tables, state), *wanted.conditions(tables))
    if after is not None:
        place = tuple_(*after, types=[letters.c.dead_at.type, letters.c.id.type])
        query = query.where(tuple_(letters.c.dead_at, letters.c.id) < place)
    query = query.order_by(letters.c.dead_at.desc(), letters.c.id.desc()).limit(limit)
    async with operations.work.read() as connection:
        rows = (await connection.execute(query)).all()
    return [_letter(operations, row, row.size, SHOWN_CHARACTERS) for row in rows]


async def find(connection: AsyncConnection, operations: Operations, letter_id: str) -> Letter | None:
    """One letter with its whole body; None if there is none."""
    if not is_id(letter_id):
        return None
    letters = operations.work.tables.dead_letters
    row = (await connection.execute(select(letters).where(letters.c.id == letter_id))).one_or_none()
    return _letter(operations, row) if row else None


async def groups(operations: Operations, wanted: Wanted, state: State) -> tuple[list[Group], bool]:
    """Letters by queue, type, error, handler and how the reason begins, the largest groups first; whether there are more
    groups than these.
    """
    tables = operations.work.tables
    letters = tables.dead_letters
    reason = func.left(letters.c.reason, REASON_PREFIX).label("reason")
    alike: list[Any] = [letters.c.queue, letters.c.type, letters.c.error_class, letters.c.handler, reason]
    count = func.count().label("count")
    query = (
        select(*alike, count, func.min(letters.c.dead_at).label("oldest_at"), func.max(letters.c.dead_at).label("newest_at"))
        .where(in_state(tables, state), *wanted.conditions(tables))
        .group_by(*alike)
        .order_by(count.desc(), *alike)
        .limit(MOST_GROUPS + 1)
    )
    async with operations.work.read() as connection:
        rows: Sequence[Any] = (await connection.execute(query)).all()
    return [_group(row) for row in rows[:MOST_GROUPS]], len(rows) > MOST_GROUPS


def in_state(tables: ChassisTables, state: State) -> ColumnElement[bool]:
    """The state in SQL."""
    letters = tables.dead_letters.c
    if state == "redriven":
        return letters.redriven_at.is_not(None)
    if state == "dropped":
        return letters.dropped_at.is_not(None)
    return letters.redriven_at.is_(None) & letters.dropped_at.is_(None)


async def oldest_waiting(connection: AsyncConnection, tables: ChassisTables) -> dict[str, tuple[int, datetime]]:
    """Queue -> how many letters of it wait, and since when the oldest does."""
    letters = tables.dead_letters
    query = select(letters.c.queue, func.count(), func.min(letters.c.dead_at)).where(in_state(tables, "waiting"))
    rows = (await connection.execute(query.group_by(letters.c.queue))).all()
    return {queue: (count, oldest) for queue, count, oldest in rows}


def _letter(operations: Operations, row: Row[Any], size: int | None = None, shown: int | None = None) -> Letter:
    lane = operations.lane(row.queue)
    if is_private(row, lane):
        reading = bodies.withheld(len(row.body.encode()) if size is None else size)
    else:
        from_bucket = lane is not None and bool(lane.storage_prefixes)
        reading = bodies.read(row.body, size_bytes=size, from_bucket=from_bucket, shown=shown)
    state: State = "redriven" if row.redriven_at else "dropped" if row.dropped_at else "waiting"
    return Letter(
        id=row.id,
        queue=row.queue,
        message_id=row.message_id,
        type=row.type,
        reason=scrubbed(row.reason),
        error_class=row.error_class,
        handler=row.handler,
        receives=row.receives,
        attributes={name: scrubbed(value) for name, value in row.attributes.items()},
        dead_at=row.dead_at,
        state=state,
        settled_at=row.redriven_at or row.dropped_at,
        settled_by=row.settled_by,
        reading=reading,
    )


def is_private(row: Row[Any], lane: Lane | None) -> bool:
    """Whether nobody is to see what the letter says: by its queue, or by its type wherever it strayed to."""
    known = READABLE.get(row.type or "")
    return (lane is not None and lane.private) or (known is not None and issubclass(known, PrivateCommand))


def _group(row: Row[Any]) -> Group:
    names = ("queue", "type", "error_class", "handler", "oldest_at", "newest_at")
    count = row._mapping["count"]  # noqa: SLF001  # its public way in: `count` is a method of rows
    return Group(**{name: getattr(row, name) for name in names}, reason=scrubbed(row.reason), count=count)
