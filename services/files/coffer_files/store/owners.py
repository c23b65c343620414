"""In whose drives items lie."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import ItemId, UserId
from coffer_files.store.tables import items


async def owners_of(connection: AsyncConnection, item_ids: Collection[ItemId]) -> list[UserId]:
    """The owners of items, each once, in one order everywhere: locks are taken in it."""
    query = select(items.c.owner_id).where(items.c.id.in_(item_ids)).distinct().order_by(items.c.owner_id)
    return [UserId(owner_id) for owner_id in (await connection.execute(query)).scalars()]
