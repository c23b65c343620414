"""The change feed: what happened in a drive, readable without ever skipping a late commit."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Text, bindparam, cast, delete, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import ItemId, UserId
from coffer_files.domain.items import ChangeReason, Item
from coffer_files.store.items import ITEM_COLUMNS
from coffer_files.store.tables import changes, items

_horizon = cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger)
"""The oldest transaction that still runs: everything below it is decided."""

_SEEN = len(ITEM_COLUMNS)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a drive's feed: transaction id first, because a late commit has an early position."""

    xid: int
    position: int


@dataclass(frozen=True, slots=True)
class Change:
    """One entry with the item as it stands now; None if it is gone or below something in the trash."""

    place: Place
    item_id: ItemId
    reason: ChangeReason
    actor_id: str | None
    at: datetime
    item: Item | None


_add = insert(changes)


async def note_change(
    connection: AsyncConnection, item: Item, reason: ChangeReason, *, actor_id: str | None, now: datetime
) -> None:
    """Tell the feed of the item's drive. In the transaction that changes the item."""
    row = {"owner_id": item.owner_id, "item_id": item.id, "reason": reason, "actor_id": actor_id, "at": now}
    await connection.execute(_add, row)


_page = (
    select(
        *ITEM_COLUMNS, changes.c.xid, changes.c.position, changes.c.item_id, changes.c.reason, changes.c.actor_id, changes.c.at
    )
    .select_from(changes.outerjoin(items, items.c.id == changes.c.item_id))
    .where(
        changes.c.owner_id == bindparam("owner"),
        tuple_(changes.c.xid, changes.c.position)
        > tuple_(bindparam("xid"), bindparam("position"), types=[changes.c.xid.type, changes.c.position.type]),
        changes.c.xid < _horizon,
    )
    .order_by(changes.c.xid, changes.c.position)
    .limit(bindparam("limit"))
)


async def changes_after(connection: AsyncConnection, owner_id: UserId, place: Place, limit: int) -> list[Change]:
    """What happened in a drive after `place`, oldest first. Stops before anything that is not decided yet."""
    values = {"owner": owner_id, "xid": place.xid, "position": place.position, "limit": limit}
    rows = (await connection.execute(_page, values)).all()
    hidden = await _below_trash(connection, [row.item_id for row in rows])
    return [
        Change(
            Place(row.xid, row.position),
            row.item_id,
            row.reason,
            row.actor_id,
            row.at,
            None if row[0] is None or row.item_id in hidden else Item._make(row[:_SEEN]),
        )
        for row in rows
    ]


async def present(connection: AsyncConnection) -> Place:
    """The place from which everything that is not decided yet will be read."""
    return Place(int((await connection.execute(select(_horizon))).scalar_one()), 0)


async def _below_trash(connection: AsyncConnection, item_ids: list[ItemId]) -> frozenset[ItemId]:
    """Which of the items are in the trash, or below something that is."""
    if not item_ids:
        return frozenset()
    here = (
        select(items.c.id.label("item_id"), items.c.parent_id, items.c.trashed_at)
        .where(items.c.id.in_(item_ids))
        .cte("up", recursive=True)
    )
    above = items.alias("above")
    up = here.union_all(
        select(here.c.item_id, above.c.parent_id, above.c.trashed_at).join(above, above.c.id == here.c.parent_id)
    )
    trashed = select(up.c.item_id).where(up.c.trashed_at.is_not(None)).distinct()
    return frozenset((await connection.execute(trashed)).scalars())


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
