"""Shares: finding, locking, writing them. Lists stand in `listings`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import ROLES, Grant
from coffer_chassis.forgetting import forget_some
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ItemId, ShareId, UserId
from coffer_sharing.domain import Share
from coffer_sharing.store.tables import is_active, shares, tree

SHARE_COLUMNS = tuple(shares.c[name] for name in Share._fields)

_by_id = select(*SHARE_COLUMNS).where(shares.c.id == bindparam("share"))
_by_id_locked = _by_id.with_for_update()
_insert = (
    insert(shares)
    .on_conflict_do_nothing(index_elements=[shares.c.item_id, shares.c.recipient_id], index_where=is_active)
    .returning(shares.c.id)
)
_end = (
    update(shares)
    .where(shares.c.id == bindparam("share"))
    .values(
        role=bindparam("new_role"),
        expires_at=bindparam("new_expires_at"),
        changed_at=bindparam("new_changed_at"),
        revision=bindparam("new_revision"),
        ended_at=bindparam("new_ended_at"),
        end_reason=bindparam("new_end_reason"),
    )
)
_item_locked = select(tree.c.item_id).where(tree.c.item_id == bindparam("item"), tree.c.purged_at.is_(None)).with_for_update()


def grant_of(share: Share) -> Grant:
    """What the share gives, as the resolver takes it."""
    return Grant(share.grantee, share.item_id, ROLES[share.role], share.expires_at)


async def lock_item(connection: AsyncConnection, item_id: ItemId) -> bool:
    """Let nobody else share the item, nor the fact that it is gone come in, until the transaction ends; False if it is not
    known or gone. Comes before any lock on shares.
    """
    return (await connection.execute(_item_locked, {"item": item_id})).one_or_none() is not None


async def insert_shares(connection: AsyncConnection, rows: Sequence[Share]) -> frozenset[ShareId]:
    """Write shares of one item, which is locked, but none for people who have an active share of it; those written."""
    done = await connection.execute(_insert, [row._asdict() for row in rows])
    return frozenset(done.scalars())


async def share_by_id(connection: AsyncConnection, share_id: ShareId) -> Share | None:
    """The share, also one that has ended."""
    row = (await connection.execute(_by_id, {"share": share_id})).one_or_none()
    return Share._make(row) if row else None


async def shares_by_id(connection: AsyncConnection, share_ids: Collection[ShareId]) -> dict[ShareId, Share]:
    """Several shares, also such that have ended."""
    found = await connection.execute(select(*SHARE_COLUMNS).where(shares.c.id.in_(share_ids)))
    return {row.id: Share._make(row) for row in found}


async def lock_share(connection: AsyncConnection, share_id: ShareId) -> Share | None:
    """As `share_by_id`, with the row locked."""
    row = (await connection.execute(_by_id_locked, {"share": share_id})).one_or_none()
    return Share._make(row) if row else None


async def lock_shares_of(
    connection: AsyncConnection, item_id: ItemId, recipient_ids: Collection[UserId] | None = None
) -> list[Share]:
    """The active shares of the item, with those of some people only if they are named, locked."""
    wanted = select(*SHARE_COLUMNS).where(shares.c.item_id == item_id, is_active)
    if recipient_ids is not None:
        wanted = wanted.where(shares.c.recipient_id.in_(recipient_ids))
    return [Share._make(row) for row in await connection.execute(wanted.order_by(shares.c.id).with_for_update())]


async def lock_expired(connection: AsyncConnection, now: datetime, limit: int) -> list[Share]:
    """Active shares whose time is up, oldest first, locked; those that somebody else holds are left out."""
    due = select(*SHARE_COLUMNS).where(shares.c.expires_at <= now, is_active).order_by(shares.c.expires_at).limit(limit)
    return [Share._make(row) for row in await connection.execute(due.with_for_update(skip_locked=True))]


async def write(connection: AsyncConnection, changed: Sequence[Share]) -> None:
    """Write what may change about shares that are locked."""
    fields = ("role", "expires_at", "changed_at", "revision", "ended_at", "end_reason")
    values = [{"share": share.id} | {f"new_{name}": getattr(share, name) for name in fields} for share in changed]
    if values:
        await connection.execute(_end, values)


async def shares_reaching(connection: AsyncConnection, item_ids: Collection[ItemId], recipient_id: UserId) -> list[Share]:
    """What the person was given on these items, newest first, whose time may be up."""
    wanted = select(*SHARE_COLUMNS).where(shares.c.item_id.in_(item_ids), shares.c.recipient_id == recipient_id, is_active)
    return [
        Share._make(row) for row in await connection.execute(wanted.order_by(shares.c.created_at.desc(), shares.c.id.desc()))
    ]


async def shares_with_or_by(connection: AsyncConnection, user_id: UserId, limit: int) -> list[tuple[ShareId, ItemId]]:
    """Active shares that the person was given or has given, each with its item."""
    either = or_(shares.c.recipient_id == user_id, shares.c.granted_by == user_id)
    wanted = select(shares.c.id, shares.c.item_id).where(either, is_active).order_by(shares.c.id).limit(limit)
    return [(row[0], row[1]) for row in await connection.execute(wanted)]


async def restatable(connection: AsyncConnection, after: ShareId | None, since: datetime, limit: int) -> list[Share]:
    """Active shares and those that ended at or after `since`, by id, from behind `after` on."""
    wanted = select(*SHARE_COLUMNS).where(func.coalesce(shares.c.ended_at, since) >= since)
    if after is not None:
        wanted = wanted.where(shares.c.id > after)
    return [Share._make(row) for row in await connection.execute(wanted.order_by(shares.c.id).limit(limit))]


async def forget_ended_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete a slice of the shares that ended before `moment`; how many. Safe to run twice."""
    return await forget_some(connection, shares, shares.c.ended_at < moment)


class Named(NamedTuple):
    """What is known of an item."""

    kind: ItemKind
    name: str


_UNHEARD_OF = Named("file", "")


async def names_of_items(connection: AsyncConnection, item_ids: Collection[ItemId]) -> dict[ItemId, Named]:
    """Kind and name of items, also of those that are gone. One that nothing is known of, because the copy was lost, is a file
    without a name: taking a share back must not have to wait until the copy is there again.
    """
    rows = await connection.execute(select(tree.c.item_id, tree.c.kind, tree.c.name).where(tree.c.item_id.in_(item_ids)))
    return dict.fromkeys(item_ids, _UNHEARD_OF) | {ItemId(row.item_id): Named(row.kind, row.name) for row in rows}
