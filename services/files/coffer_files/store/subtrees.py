"""Whole subtrees: read and removed from the bottom up."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, Integer, Text, bindparam, cast, delete, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id
from coffer_contracts.ids import ItemId, UserId
from coffer_files.domain.items import Item
from coffer_files.store.items import ITEM_COLUMNS
from coffer_files.store.tables import items, marks

LOOKED_AT = 4
"""Items that one walk looks at, at most, for each that is wanted."""


def _walk() -> Any:
    here = (
        select(items.c.id, items.c.id.label("start"), cast([], ARRAY(Text)).label("path"))
        .where(items.c.id == func.any(bindparam("starts", type_=ARRAY(Id))))
        .cte("below", recursive=True)
    )
    # LATERAL and OFFSET 0: the planner takes the walk to be long and would read the whole table at every step. In order of
    # names: along the index, and no further than is looked at.
    child = select(items.c.id).where(items.c.parent_id == here.c.id).order_by(items.c.name_key).offset(0).lateral("child")
    path = func.array_append(here.c.path, cast(here.c.id, Text))
    below = here.union_all(select(child.c.id, here.c.start, path).select_from(here.join(child, true())))
    some = select(below).limit(bindparam("most", type_=Integer)).subquery("some")
    inner = items.alias("inner")
    # Not EXISTS: of that the planner may make a table of all folders there are.
    one = select(inner.c.id).where(inner.c.parent_id == some.c.id).order_by(inner.c.name_key).limit(1).lateral("one")
    return select(some, one.c.id.is_not(None).label("is_above")).select_from(some.outerjoin(one, true()))


_below = _walk()

# The planner takes a folder to be as large as folders are on the whole; where that is little or nearly all there is, it would
# first gather and sort everything in it.
_ALONG_THE_INDEX = select(
    *(func.set_config(f"enable_{way}", bindparam("allowed", type_=Text), True) for way in ("bitmapscan", "seqscan", "sort"))
)


async def lock_lowest(connection: AsyncConnection, top_id: ItemId, limit: int) -> list[tuple[Item, tuple[ItemId, ...]]]:
    """Items of a subtree below which nothing lies but others of them, the deepest first, itself last, locked; each with the
    folders between, from `top_id` down to it. Costs no more in a large subtree: what is too much to look at is looked into
    further down.
    """
    between: dict[ItemId, tuple[ItemId, ...]] = {top_id: ()}
    lowest: dict[ItemId, None] = {}
    starts, most = [top_id], limit * LOOKED_AT
    await connection.execute(_ALONG_THE_INDEX, {"allowed": "off"})
    while starts and len(lowest) < limit:
        rows = (await connection.execute(_below, {"starts": starts, "most": most})).all()
        for row in rows:
            between[row.id] = (*between[row.start], *row.path)
        rows = sorted(rows, key=lambda row: (-len(between[row.id]), row.id))
        is_whole = len(rows) < most
        lowest |= dict.fromkeys(row.id for row in rows if is_whole or not row.is_above)
        starts = [] if is_whole else [row.id for row in rows if row.is_above][:limit]
    await connection.execute(_ALONG_THE_INDEX, {"allowed": "on"})
    wanted = list(lowest)[:limit]
    locked = select(*ITEM_COLUMNS).where(items.c.id.in_(wanted)).order_by(items.c.id).with_for_update()
    found = [Item._make(row) for row in await connection.execute(locked)]
    found.sort(key=lambda item: (-len(between[item.id]), item.id))
    return [(item, between[item.id]) for item in found]


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
