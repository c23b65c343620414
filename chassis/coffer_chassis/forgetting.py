"""Deletes rows that are too old, a slice at a time: however many they became, no statement takes long or locks many."""

from collections.abc import Awaitable, Callable

from sqlalchemy import ColumnElement, Table, delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

SLICE = 5000
"""Rows that one statement deletes at most."""


async def forget_some(connection: AsyncConnection, table: Table, is_old: ColumnElement[bool]) -> int:
    """Delete up to SLICE of the old rows; how many. Fewer than SLICE means that no other is left, but for those that
    somebody else deletes at this moment. May run twice and at once.
    """
    key = tuple(table.primary_key.columns)
    some = select(*key).where(is_old).limit(SLICE).with_for_update(skip_locked=True)
    return (await connection.execute(delete(table).where(tuple_(*key).in_(some)))).rowcount


async def in_slices(engine: AsyncEngine, forget: Callable[[AsyncConnection], Awaitable[int]]) -> int:
    """Run `forget`, which deletes as `forget_some` does, in a transaction of its own as often as it takes; how many rows went.
    May run twice and at once.
    """
    count, gone = 0, SLICE
    while gone >= SLICE:
        async with engine.begin() as connection:
            gone = await forget(connection)
        count += gone
    return count
