"""Invitations: finding, locking, listing and writing them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.forgetting import forget_some
from coffer_chassis.tables import Id, Instant
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import InvitationId, ItemId, UserId
from coffer_sharing.domain.invitations import Invitation
from coffer_sharing.store.tables import ACTIVE, invitations, is_open, tree

COLUMNS = tuple(invitations.c[name] for name in Invitation._fields)
_WRITTEN = tuple(name for name in Invitation._fields if name not in {"id", "item_id", "owner_id", "granted_by", "created_at"})

_by_id = select(*COLUMNS).where(invitations.c.id == bindparam("invitation"))
_by_id_locked = _by_id.with_for_update()
_insert = (
    insert(invitations)
    .on_conflict_do_nothing(index_elements=[invitations.c.item_id, invitations.c.address_key], index_where=ACTIVE)
    .returning(invitations.c.id)
)
_write = (
    update(invitations)
    .where(invitations.c.id == bindparam("invitation"))
    .values({name: bindparam(f"new_{name}") for name in _WRITTEN})
)


async def insert_invitations(connection: AsyncConnection, rows: Sequence[Invitation]) -> frozenset[InvitationId]:
    """Write invitations to one item, which is locked, but none to addresses with an open one; those written."""
    done = await connection.execute(_insert, [row._asdict() for row in rows])
    return frozenset(done.scalars())


async def invitation_by_id(connection: AsyncConnection, invitation_id: InvitationId) -> Invitation | None:
    """The invitation, also one that has ended."""
    row = (await connection.execute(_by_id, {"invitation": invitation_id})).one_or_none()
    return Invitation._make(row) if row else None


async def invitations_by_id(
    connection: AsyncConnection, invitation_ids: Sequence[InvitationId]
) -> dict[InvitationId, Invitation]:
    """Several, also such that have ended."""
    found = await connection.execute(select(*COLUMNS).where(invitations.c.id.in_(invitation_ids)))
    return {row.id: Invitation._make(row) for row in found}


async def lock_invitation(connection: AsyncConnection, invitation_id: InvitationId) -> Invitation | None:
    """As `invitation_by_id`, with the row locked."""
    row = (await connection.execute(_by_id_locked, {"invitation": invitation_id})).one_or_none()
    return Invitation._make(row) if row else None


async def lock_invitations_to(
    connection: AsyncConnection, item_id: ItemId, address_keys: Sequence[bytes] | None = None
) -> list[Invitation]:
    """The open invitations to the item, to some addresses only if they are named, locked."""
    wanted = select(*COLUMNS).where(invitations.c.item_id == item_id, is_open)
    if address_keys is not None:
        wanted = wanted.where(invitations.c.address_key.in_(address_keys))
    return [Invitation._make(row) for row in await connection.execute(wanted.order_by(invitations.c.id).with_for_update())]


async def lock_lapsed(connection: AsyncConnection, now: datetime, limit: int) -> list[Invitation]:
    """Open invitations whose time is up, oldest first, locked; those that somebody else holds are left out."""
    due = select(*COLUMNS).where(invitations.c.lapses_at <= now, is_open).order_by(invitations.c.lapses_at).limit(limit)
    return [Invitation._make(row) for row in await connection.execute(due.with_for_update(skip_locked=True))]


async def invitations_from(connection: AsyncConnection, user_id: UserId, limit: int) -> list[tuple[InvitationId, ItemId]]:
    """Open invitations that somebody has made, each with its item."""
    wanted = select(invitations.c.id, invitations.c.item_id).where(invitations.c.granted_by == user_id, is_open)
    return [(row[0], row[1]) for row in await connection.execute(wanted.order_by(invitations.c.id).limit(limit))]


async def due(connection: AsyncConnection, now: datetime, limit: int) -> list[InvitationId]:
    """Which invitations are to be looked at, those first that have been for longest."""
    wanted = select(invitations.c.id).where(invitations.c.due_at <= now).order_by(invitations.c.due_at).limit(limit)
    return list((await connection.execute(wanted)).scalars())


async def open_to(
    connection: AsyncConnection, address_key: bytes, after: InvitationId | None, limit: int
) -> list[InvitationId]:
    """The open invitations to an address, by id, from behind `after` on."""
    wanted = select(invitations.c.id).where(invitations.c.address_key == address_key, is_open)
    if after is not None:
        wanted = wanted.where(invitations.c.id > after)
    return list((await connection.execute(wanted.order_by(invitations.c.id).limit(limit))).scalars())


async def write(connection: AsyncConnection, changed: Sequence[Invitation]) -> None:
    """Write what may change about invitations that are locked."""
    values = [{"invitation": one.id} | {f"new_{name}": getattr(one, name) for name in _WRITTEN} for one in changed]
    if values:
        await connection.execute(_write, values)


class Listed(NamedTuple):
    """An invitation with what it is to."""

    invitation: Invitation
    kind: ItemKind
    name: str


class Beginning(NamedTuple):
    """Where a page begins: after the invitation of that moment and id."""

    created_at: datetime
    id: InvitationId


async def invitations_by(
    connection: AsyncConnection,
    user_id: UserId,
    now: datetime,
    *,
    item_id: ItemId | None,
    after: Beginning | None,
    limit: int,
) -> list[Listed]:
    """The open invitations that somebody has made, newest first; to one item only if it is named."""
    wanted = (
        select(*COLUMNS, tree.c.kind, tree.c.name)
        .join_from(invitations, tree, tree.c.item_id == invitations.c.item_id)
        .where(invitations.c.granted_by == user_id, is_open, invitations.c.lapses_at > now)
    )
    if item_id is not None:
        wanted = wanted.where(invitations.c.item_id == item_id)
    if after is not None:
        here = tuple_(invitations.c.created_at, invitations.c.id)
        there = tuple_(bindparam("created_at", after.created_at, type_=Instant), bindparam("after_id", after.id, type_=Id))
        wanted = wanted.where(here < there)
    rows = await connection.execute(wanted.order_by(invitations.c.created_at.desc(), invitations.c.id.desc()).limit(limit))
    own = len(COLUMNS)
    return [Listed(Invitation._make(row[:own]), *row[own:]) for row in rows]


async def forget_ended_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete a slice of the invitations that ended before `moment`; how many. Safe to run twice."""
    return await forget_some(connection, invitations, invitations.c.ended_at < moment)
