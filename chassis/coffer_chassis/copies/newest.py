"""How every copy is written: a row per thing, replaced only by what is newer than what stands there."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection


async def write_newest(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> bool:
    """Write a row, unless one of the same key and the same or a higher `sequence` stands there; whether it was written.

    Columns that `row` does not name stay as they are. May run twice and out of order.
    """
    return bool((await connection.execute(_statement(table, (*row,)), dict(row))).rowcount)


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
