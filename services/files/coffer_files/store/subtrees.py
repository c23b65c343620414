"""Whole subtrees: read and removed from the bottom up."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ARRAY, Text, cast, delete, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import ItemId, UserId
from coffer_files.domain.items import Item
from coffer_files.store.items import ITEM_COLUMNS
from coffer_files.store.tables import items, marks


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
    """Delete items, and what they were to single people. Raises IntegrityError if something lies below one of them that is
    not among them.
    """
    what_they_were = delete(marks).where(marks.c.item_id.in_(item_ids)).cte("forgotten")
    await connection.execute(delete(items).where(items.c.id.in_(item_ids)).add_cte(what_they_were))


class Trashed(NamedTuple):
    """Something that was put into the trash; all fields together are its place among those."""

    owner_id: UserId
    trashed_at: datetime
    id: ItemId


async def trashed_before(
    connection: AsyncConnection, moment: datetime, limit: int, after: Trashed | None = None, *, owner_id: UserId | None = None
) -> list[Trashed]:
    """What went to the trash before `moment`, drive by drive or of one, the oldest of each first, behind `after`."""
    place = (items.c.owner_id, items.c.trashed_at, items.c.id)
    old = select(*place).where(items.c.trashed_at < moment)
    if owner_id is not None:
        old = old.where(items.c.owner_id == owner_id)
    if after is not None:
        old = old.where(tuple_(*place) > tuple_(*after, types=[column.type for column in place]))
    return [Trashed._make(row) for row in await connection.execute(old.order_by(*place).limit(limit))]
