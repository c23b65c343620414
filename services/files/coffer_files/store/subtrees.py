"""Whole subtrees: read and removed from the bottom up."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ARRAY, Text, cast, delete, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import ItemId, UserId
from coffer_files.domain.items import Item
from coffer_files.store.items import ITEM_COLUMNS
from coffer_files.store.tables import items


async def lock_lowest(connection: AsyncConnection, top_id: ItemId, limit: int) -> list[tuple[Item, tuple[ItemId, ...]]]:
    """The deepest items of a subtree, itself last, locked; each with the folders between, from `top_id` down to it."""
    here = (
        select(items.c.id, literal(0).label("depth"), cast([], ARRAY(Text)).label("path"))
        .where(items.c.id == top_id)
        .cte("below", recursive=True)
    )
    child = items.alias("child")
    below = here.union_all(
        select(child.c.id, here.c.depth + 1, func.array_append(here.c.path, cast(here.c.id, Text))).join(
            here, child.c.parent_id == here.c.id
        )
    )
    statement = (
        select(*ITEM_COLUMNS, below.c.path)
        .select_from(items.join(below, items.c.id == below.c.id))
        .order_by(below.c.depth.desc(), items.c.id)
        .limit(limit)
        .with_for_update(of=items)
    )
    rows = (await connection.execute(statement)).all()
    return [(Item._make(row[:-1]), tuple(row[-1])) for row in rows]


async def delete_items(connection: AsyncConnection, item_ids: Sequence[ItemId]) -> None:
    """Delete items. Raises IntegrityError if something lies below one of them that is not among them."""
    await connection.execute(delete(items).where(items.c.id.in_(item_ids)))


async def trashed_before(connection: AsyncConnection, moment: datetime, limit: int) -> list[tuple[ItemId, UserId]]:
    """Items that went to the trash before `moment`, with their owners."""
    old = select(items.c.id, items.c.owner_id).where(items.c.trashed_at < moment)
    return [(row[0], row[1]) for row in await connection.execute(old.order_by(items.c.trashed_at).limit(limit))]
