"""How every copy is written: a row per thing, replaced only by what is newer than what stands there."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert


async def write_newest(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> bool:
    """Write a row, unless one of the same key and the same or a higher `sequence` stands there; whether it was written.

    Columns that `row` does not name stay as they are. May run twice and out of order.
    """
    return bool((await connection.execute(_statement(table, (*row,)), dict(row))).rowcount)


async def write_all_newest(connection: AsyncConnection, table: Table, rows: Iterable[Mapping[str, Any]]) -> set[Any]:
    """The same for many rows that name the same columns, by one statement; the keys of those that were written. The key is one
    column. Of several rows of one key the newest counts.
    """
    [key] = (column.name for column in table.primary_key)
    newest: dict[Any, dict[str, Any]] = {}
    for row in rows:
        known = newest.get(row[key])
        if known is None or known["sequence"] < row["sequence"]:
            newest[row[key]] = dict(row)
    if not newest:
        return set()
    # In the order of their keys, so that two batches cannot wait for each other.
    ordered = [newest[one] for one in sorted(newest)]
    return set((await connection.execute(_returning(table, (*ordered[0],)), ordered)).scalars())


@cache
def _statement(table: Table, names: tuple[str, ...]) -> Insert:
    # Made once: every fact runs it, and making a statement costs as much as running it.
    row = insert(table)
    key = [column.name for column in table.primary_key]
    return row.on_conflict_do_update(
        index_elements=key,
        set_={name: row.excluded[name] for name in names if name not in key},
        where=table.c.sequence < row.excluded.sequence,
    )


@cache
def _returning(table: Table, names: tuple[str, ...]) -> ReturningInsert[Any]:
    return _statement(table, names).returning(*table.primary_key)
