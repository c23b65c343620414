"""Notices: written once per person and fact, listed newest first, marked as read, emptied when deleted."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import EventId, ItemId, ShareId, UserId
from coffer_notifier.domain.notices import TELLS_OF_LOSS, ItemRef, Notice
from coffer_notifier.store.tables import notices

MOST_UNREAD = 1000
"""Up to here unread notices are counted."""


@dataclass(frozen=True, slots=True)
class FeedPlace:
    """The place of a notice in its feed."""

    created_at: datetime
    id: str


async def add(connection: AsyncConnection, notice: Notice, event_id: EventId) -> bool:
    """Write a notice; False if the person was told of that fact before. May run twice."""
    item = notice.item
    row = {
        "id": notice.id,
        "user_id": notice.user_id,
        "event_id": event_id,
        "type": notice.type,
        "actor_id": notice.actor_id,
        "item_id": item.id if item else None,
        "item_kind": item.kind if item else None,
        "item_name": item.name if item else None,
        "owner_id": item.owner_id if item else None,
        "share_id": notice.share_id,
        "data": dict(notice.data),
        "created_at": notice.created_at,
    }
    statement = insert(notices).values(row).on_conflict_do_nothing(constraint="notices_once")
    return bool((await connection.execute(statement)).rowcount)


async def page(
    connection: AsyncConnection, user_id: UserId, *, unread: bool, after: FeedPlace | None, limit: int
) -> list[Notice]:
    """The next notices of a feed, newest first."""
    wanted = select(notices).where(_of(user_id), notices.c.deleted_at.is_(None))
    if unread:
        wanted = wanted.where(notices.c.read_at.is_(None))
    if after:
        place = tuple_(after.created_at, after.id, types=[notices.c.created_at.type, notices.c.id.type])
        wanted = wanted.where(tuple_(notices.c.created_at, notices.c.id) < place)
    wanted = wanted.order_by(notices.c.created_at.desc(), notices.c.id.desc()).limit(limit)
    return [_notice(row) for row in await connection.execute(wanted)]


async def by_id(connection: AsyncConnection, ids: Collection[str]) -> dict[str, Notice]:
    """Those of the notices that are there and not deleted, whoever they are for."""
    rows = await connection.execute(select(notices).where(notices.c.id.in_(ids), notices.c.deleted_at.is_(None)))
    return {row.id: _notice(row) for row in rows}


async def place_of(connection: AsyncConnection, user_id: UserId, notice_id: str) -> FeedPlace | None:
    """Where one of a person's notices stands, also a deleted one."""
    found = await connection.execute(select(notices.c.created_at).where(_of(user_id), notices.c.id == notice_id))
    created_at = found.scalar_one_or_none()
    return FeedPlace(created_at, notice_id) if created_at else None


async def mark_read(connection: AsyncConnection, user_id: UserId, ids: Collection[str], now: datetime) -> list[str]:
    """Mark some of a person's notices as read; those that were unread. May run twice; ids of others are left aside."""
    return await _mark(connection, user_id, notices.c.id.in_(ids), now)


async def mark_read_up_to(connection: AsyncConnection, user_id: UserId, place: FeedPlace | None, now: datetime) -> list[str]:
    """Mark everything at and below a place of a person's feed as read, or all of it; the ids that were unread."""
    if place is None:
        return await _mark(connection, user_id, None, now)
    edge = tuple_(place.created_at, place.id, types=[notices.c.created_at.type, notices.c.id.type])
    return await _mark(connection, user_id, tuple_(notices.c.created_at, notices.c.id) <= edge, now)


async def _mark(connection: AsyncConnection, user_id: UserId, which: ColumnElement[bool] | None, now: datetime) -> list[str]:
    unread = [_of(user_id), notices.c.read_at.is_(None), notices.c.deleted_at.is_(None)]
    # What somebody else holds is being marked or removed at this moment: waiting for it could end in a circle.
    held = select(notices.c.id).where(*unread, *([] if which is None else [which])).with_for_update(skip_locked=True)
    changed = update(notices).where(notices.c.id.in_(held), *unread).values(read_at=now)
    return list((await connection.execute(changed.returning(notices.c.id))).scalars())


async def empty(connection: AsyncConnection, user_id: UserId, notice_id: str, now: datetime) -> bool:
    """Delete a notice: its row stays without content, so that the fact is not told anew. False if it was not there."""
    mine = (_of(user_id), notices.c.id == notice_id, notices.c.deleted_at.is_(None))
    gone = update(notices).where(*mine).values(deleted_at=now, item_name=None, data={})
    return bool((await connection.execute(gone)).rowcount)


async def empty_about(connection: AsyncConnection, item_ids: Collection[ItemId], now: datetime) -> None:
    """Delete what was told about items that are gone for good, but not the news of their loss. May run twice."""
    about = (notices.c.item_id.in_(item_ids), notices.c.deleted_at.is_(None), notices.c.type.not_in(TELLS_OF_LOSS))
    await connection.execute(update(notices).where(*about).values(deleted_at=now, item_name=None, data={}))


async def forget_before(connection: AsyncConnection, *, read: datetime, created: datetime) -> int:
    """Delete rows read or deleted before the one moment, or made before the other; how many. Safe to run twice."""
    old = or_(notices.c.read_at < read, notices.c.deleted_at < read, notices.c.created_at < created)
    return (await connection.execute(delete(notices).where(old))).rowcount


def _of(user_id: UserId) -> ColumnElement[bool]:
    return notices.c.user_id == user_id


def _notice(row: Row[Any]) -> Notice:
    item = None
    if row.item_id is not None:
        item = ItemRef(ItemId(row.item_id), row.item_kind, row.item_name, UserId(row.owner_id))
    share_id = ShareId(row.share_id) if row.share_id else None
    user_id = UserId(row.user_id)
    return Notice(row.id, user_id, row.type, row.actor_id, item, share_id, row.data, row.created_at, row.read_at)
