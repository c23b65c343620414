"""What lies in the trash of one drive, oldest first."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import ItemId, UserId
from coffer_files.store.tables import items


async def oldest_trashed(connection: AsyncConnection, owner_id: UserId, before: datetime, limit: int) -> list[ItemId]:
    """What went to the trash first, no later than `before`."""
    query = select(items.c.id).where(items.c.owner_id == owner_id, items.c.trashed_at <= before)
    return list((await connection.execute(query.order_by(items.c.trashed_at, items.c.id).limit(limit))).scalars())


async def count_trashed(connection: AsyncConnection, owner_id: UserId, before: datetime) -> int:
    """How many things lie in the trash since then; what lies below them is not counted."""
    query = select(func.count()).where(items.c.owner_id == owner_id, items.c.trashed_at <= before)
    return int((await connection.execute(query)).scalar_one())
