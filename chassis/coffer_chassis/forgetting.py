"""Deletes rows that are too old, a slice at a time: however many they became, no statement takes long or locks many."""

from sqlalchemy import ColumnElement, Table, delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

SLICE = 5000
"""Rows that one statement deletes at most."""


async def forget_some(connection: AsyncConnection, table: Table, is_old: ColumnElement[bool]) -> int:
    """Delete up to SLICE of the old rows; how many. Fewer than SLICE means that no other is left, but for those that
    somebody else deletes at this moment. May run twice and at once.
    """
    key = tuple(table.primary_key.columns)
    some = select(*key).where(is_old).limit(SLICE).with_for_update(skip_locked=True)
    return (await connection.execute(delete(table).where(tuple_(*key).in_(some)))).rowcount
