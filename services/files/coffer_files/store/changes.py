"""The change feed: what is written down of a drive, and how trees are told from their tops. Reading on is in `entries`."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Integer, bindparam, func, literal, select, true, tuple_, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.forgetting import forget_some
from coffer_chassis.tables import Id
from coffer_contracts.ids import ItemId, UserId
from coffer_files.domain.items import ChangeReason, Item
from coffer_files.store.items import ITEM_COLUMNS
from coffer_files.store.tables import changes, items

_SEEN = len(ITEM_COLUMNS)

_add = insert(changes)


async def note_change(
    connection: AsyncConnection,
    item: Item,
    reason: ChangeReason,
    above: Iterable[ItemId],
    *,
    actor_id: str | None,
    now: datetime,
) -> None:
    """Tell the feed of the item's drive, in the transaction that changes the item. `above` is every folder that it lies below
    or lay below until now: whoever was given one of them is told too.
    """
    scope = [*above, item.id]
    row = {"owner_id": item.owner_id, "item_id": item.id, "reason": reason, "actor_id": actor_id, "at": now, "scope": scope}
    await connection.execute(_add, row)


async def note_share(
    connection: AsyncConnection,
    reader_id: UserId,
    item_id: ItemId,
    reason: ChangeReason,
    *,
    actor_id: str | None,
    now: datetime,
) -> None:
    """Tell one person's feed about an item of somebody's drive: it was shared, no longer is, or is shared with others now."""
    row: dict[str, Any] = {
        "owner_id": reader_id,
        "item_id": item_id,
        "reason": reason,
        "actor_id": actor_id,
        "at": now,
        "scope": [],
    }
    await connection.execute(_add, row)


async def live_tree(
    connection: AsyncConnection, tops: Collection[ItemId], after: tuple[int, ItemId], limit: int
) -> list[tuple[int, Item]]:
    """A page of everything that lives in trees, with its depth, the tops themselves (0) first and parents before children.
    `after` is depth and id of the last item told, depth -1 for none. Walks all folders, so a page costs more in trees with
    many of them.
    """
    values = {"tops": [*tops], "depth": after[0], "last": after[1], "limit": limit}
    return [(row.depth, Item._make(row[:_SEEN])) for row in await connection.execute(_tree_page, values)]


def _live_below(tree: Any) -> Any:
    return select(items.c.id).where(items.c.parent_id == tree.c.id, items.c.trashed_at.is_(None)).offset(0)


def _page_of_trees() -> Any:
    """Tied together by LATERAL and OFFSET 0, and by an array at the end: the planner takes trees to be large and would read
    those of all drives.
    """
    depth, last = bindparam("depth", type_=Integer), bindparam("last", type_=Id)
    is_top = (items.c.id == func.any(bindparam("tops", type_=ARRAY(Id))), items.c.trashed_at.is_(None))
    tops = select(items.c.id, literal(0).label("depth")).where(*is_top)
    tree = tops.cte("tree", recursive=True)
    folder = _live_below(tree).where(items.c.kind == "folder").lateral("folder")
    tree = tree.union_all(select(folder.c.id, tree.c.depth + 1).select_from(tree.join(folder, true())))
    child = _live_below(tree).lateral("child")
    children = select(child.c.id, tree.c.depth + 1).select_from(tree.join(child, true())).where(tree.c.depth + 1 >= depth)
    told = union_all(tops, children).subquery("told")
    page = (
        select(told.c.id, told.c.depth)
        .where(tuple_(told.c.depth, told.c.id) > tuple_(depth, last))
        .order_by(told.c.depth, told.c.id)
        .limit(bindparam("limit", type_=Integer))
        .cte("page")
    )
    return (
        select(*ITEM_COLUMNS, page.c.depth)
        .join_from(items, page, page.c.id == items.c.id)
        .where(items.c.id == func.any(func.array(select(page.c.id).scalar_subquery())))
        .order_by(page.c.depth, page.c.id)
    )


_tree_page = _page_of_trees()


async def forget_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete a slice of the entries older than `moment`; how many. Older cursors must be told that they have expired."""
    return await forget_some(connection, changes, changes.c.at < moment)
