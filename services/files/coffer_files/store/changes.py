"""The change feed: what happened in a drive, readable without ever skipping a late commit."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Text, bindparam, cast, delete, func, literal, or_, select, true, tuple_
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
            changes.c.scope.op("&&")(bindparam("roots", type_=ARRAY(Id))),
            changes.c.item_id == func.any(bindparam("above", type_=ARRAY(Id))),
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
    connection: AsyncConnection, root_id: ItemId, after: tuple[int, ItemId] | None, limit: int
) -> list[tuple[int, Item]]:
    """A page of everything that lives below the root with its depth, parents before children. Walks all folders, so a
    page costs more in a drive with many of them.
    """
    top = select(items.c.id, literal(1).label("depth")).where(items.c.id == root_id).cte("tree", recursive=True)
    folder = items.alias("folder")
    tree = top.union_all(
        select(folder.c.id, top.c.depth + 1)
        .join(top, folder.c.parent_id == top.c.id)
        .where(folder.c.kind == "folder", folder.c.trashed_at.is_(None))
    )
    statement = (
        select(*ITEM_COLUMNS, tree.c.depth)
        .select_from(items.join(tree, items.c.parent_id == tree.c.id))
        .where(items.c.trashed_at.is_(None))
        .order_by(tree.c.depth, items.c.id)
        .limit(limit)
    )
    if after:
        place = tuple_(*after, types=[tree.c.depth.type, items.c.id.type])
        statement = statement.where(tuple_(tree.c.depth, items.c.id) > place)
    return [(row.depth, Item._make(row[:_SEEN])) for row in await connection.execute(statement)]


async def forget_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete entries older than `moment`; how many. Cursors that are older must be told that they have expired."""
    return (await connection.execute(delete(changes).where(changes.c.at < moment))).rowcount
