"""The stream: rows for live readers, read without ever skipping a late commit.

A transaction that commits late has early positions, so its id leads, and readers stop before the oldest one that runs.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, cast, delete, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UserId
from coffer_notifier.domain.places import Place
from coffer_notifier.store.tables import stream

_horizon = cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger)
"""The oldest transaction that still runs: everything below it is decided."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that one person is told."""

    place: Place
    user_id: UserId
    topic: str
    event: str
    data: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order. `is_held_up`: more is there already, behind a transaction that still runs."""

    rows: list[Row]
    is_held_up: bool


_add = insert(stream)

_hint = text(
    """
    INSERT INTO stream (user_id, topic, event, data, at)
    SELECT reader, 'changes', 'change', CAST(:data AS jsonb), :at FROM unnest(CAST(:readers AS uuid[])) AS reader
    WHERE NOT EXISTS (
        SELECT FROM stream AS told
        WHERE told.user_id = reader AND told.xid = pg_current_xact_id()::text::bigint
          AND told.event = 'change' AND told.data = CAST(:data AS jsonb)
    )
    """
)


@dataclass(frozen=True, slots=True)
class Told:
    """What one person is to be told, before it has a place."""

    user_id: UserId
    topic: str
    event: str
    data: dict[str, Any]


async def add(connection: AsyncConnection, told: Sequence[Told], now: datetime) -> None:
    """Tell people things, in this order."""
    if told:
        rows = [{"user_id": one.user_id, "topic": one.topic, "event": one.event, "data": one.data, "at": now} for one in told]
        await connection.execute(_add, rows)


async def hint(connection: AsyncConnection, readers: Collection[UserId], now: datetime, *, again: bool = False) -> None:
    """Tell these people that there are changes to read: once per person and transaction, however many facts say so.

    `again`: readers are told a second time after a while, because another service learns of the reason on its own.
    """
    if readers:
        data = '{"again": true}' if again else "{}"
        await connection.execute(_hint, {"readers": sorted(readers), "data": data, "at": now})


async def horizon(connection: AsyncConnection) -> int:
    """The oldest transaction that still runs."""
    return int((await connection.execute(select(_horizon))).scalar_one())


async def after(
    connection: AsyncConnection, place: Place, limit: int, *, user_id: UserId | None = None, until: Place | None = None
) -> Page:
    """What was told after `place` and up to `until`, of one person or of all, in order; nothing that is not decided yet."""
    columns = tuple_(stream.c.xid, stream.c.position)
    wanted = select(stream, (stream.c.xid < _horizon).label("is_decided")).where(columns > _at(place))
    if until is not None:
        wanted = wanted.where(columns <= _at(until))
    if user_id is not None:
        wanted = wanted.where(stream.c.user_id == user_id)
    found = (await connection.execute(wanted.order_by(stream.c.xid, stream.c.position).limit(limit))).all()
    rows = [
        Row(Place(row.xid, row.position), UserId(row.user_id), row.topic, row.event, row.data, row.at)
        for row in found
        if row.is_decided
    ]
    return Page(rows, is_held_up=len(rows) < len(found))


async def forget_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete what was told before `moment`; how many rows. Ids that are older must be told to begin anew."""
    return (await connection.execute(delete(stream).where(stream.c.at < moment))).rowcount


def _at(place: Place) -> ColumnElement[Any]:
    return tuple_(place.xid, place.position, types=[stream.c.xid.type, stream.c.position.type])
