"""The change feed: what happened in a drive, readable without ever skipping a late commit."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    Text,
    bindparam,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id
from coffer_contracts.ids import ItemId, UserId
from coffer_files.domain.items import ChangeReason, Item
from coffer_files.store.items import ITEM_COLUMNS
from coffer_files.store.tables import changes, items

_horizon = cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger)
"""The oldest transaction that still runs: everything below it is decided."""

_next = cast(cast(func.pg_snapshot_xmax(func.pg_current_snapshot()), Text), BigInteger)
"""The first transaction that nothing can have been seen of yet."""

_SEEN = len(ITEM_COLUMNS)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in the feeds: transaction id first, because a late commit has an early position."""

    xid: int
    position: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened to an item. `owner_id` is in whose feed it stands: the drive's, or that of whom it is shared with.
    `scope` is the item with the folders above it, before and after; empty for entries of old and of shares.
    """

    place: Place
    owner_id: UserId
    item_id: ItemId
    reason: ChangeReason
    actor_id: str | None
    at: datetime
    scope: frozenset[ItemId]


@dataclass(frozen=True, slots=True)
class Reading:
    """Whose feeds are read: all of the reader's own, and of `others` what concerns `roots` and what lies above them."""

    reader_id: UserId
    others: Collection[UserId] = ()
    roots: Collection[ItemId] = ()
    above_roots: Collection[ItemId] = ()


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


def _reaches(roots: str) -> Any:
    """Whether a row's scope names one of the roots. Looked up in a hash table: the operator for arrays holds each against
    each, which for a thousand shares takes minutes.
    """
    scope = func.unnest(changes.c.scope).table_valued("id", name="folder").render_derived()
    wanted = select(func.unnest(bindparam(roots, type_=ARRAY(Id))))
    return select(func.bool_or(scope.c.id.in_(wanted))).select_from(scope).correlate(changes).scalar_subquery()


_feeds = func.unnest(bindparam("feeds", type_=ARRAY(Id))).table_valued("owner_id", name="feeds").render_derived()
_entry = (
    select(changes)
    .where(
        changes.c.owner_id == _feeds.c.owner_id,
        tuple_(changes.c.xid, changes.c.position)
        > tuple_(bindparam("xid"), bindparam("position"), types=[changes.c.xid.type, changes.c.position.type]),
        changes.c.xid < _horizon,
        or_(
            changes.c.owner_id == bindparam("reader", type_=Id),
            _reaches("roots"),
            changes.c.item_id.in_(select(func.unnest(bindparam("above", type_=ARRAY(Id))))),
        ),
    )
    .order_by(changes.c.xid, changes.c.position)
    .limit(bindparam("limit"))
    .lateral("entry")
)
_page = (
    select(_entry).select_from(_feeds.join(_entry, true())).order_by(_entry.c.xid, _entry.c.position).limit(bindparam("limit"))
)


async def entries_after(connection: AsyncConnection, reading: Reading, place: Place, limit: int) -> list[Entry]:
    """What happened after `place`, oldest first. Stops before anything that is not decided yet."""
    values = {
        "feeds": [reading.reader_id, *reading.others],
        "reader": reading.reader_id,
        "roots": list(reading.roots),
        "above": list(reading.above_roots),
        "xid": place.xid,
        "position": place.position,
        "limit": limit,
    }
    return [
        Entry(
            Place(row.xid, row.position),
            UserId(row.owner_id),
            ItemId(row.item_id),
            row.reason,
            row.actor_id,
            row.at,
            frozenset(map(ItemId, row.scope or ())),
        )
        for row in await connection.execute(_page, values)
    ]


async def present(connection: AsyncConnection) -> Place:
    """The place from which everything that is not decided yet will be read."""
    return Place(int((await connection.execute(select(_horizon))).scalar_one()), 0)


async def upcoming(connection: AsyncConnection) -> int:
    """The first transaction id of which nothing that was read so far on the connection can tell."""
    return int((await connection.execute(select(_next))).scalar_one())


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
    """Delete entries older than `moment`; how many. Cursors that are older must be told that they have expired."""
    return (await connection.execute(delete(changes).where(changes.c.at < moment))).rowcount
