"""Notices: written once per person and fact, listed newest first, marked as read, emptied when deleted. Those that speak of
several facts are written by `gathering`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, not_, or_, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import CommentId, ItemId, ShareId, UserId
from coffer_notifier.domain.notices import TELLS_OF_LOSS, ItemRef, Notice
from coffer_notifier.store.tables import notices

MOST_UNREAD = 1000
"""Up to here unread notices are counted."""


@dataclass(frozen=True, slots=True)
class FeedPlace:
    """The place of a notice in its feed."""

    created_at: datetime
    id: str


_add = insert(notices).on_conflict_do_nothing(constraint="notices_once")


async def add_all(connection: AsyncConnection, wanted: Collection[Notice], fact: str) -> list[Notice]:
    """Write notices of one fact, or of what several say; those whose person was not told of it before. May run twice."""
    if not wanted:
        return []
    rows = [values_of(notice, fact) for notice in wanted]
    new = set((await connection.execute(_add.returning(notices.c.id), rows)).scalars())
    return [notice for notice in wanted if notice.id in new]


def values_of(notice: Notice, event_id: str) -> dict[str, Any]:
    """The row of a notice, under what makes it the only one for its person."""
    item = notice.item
    return {
        "id": notice.id,
        "user_id": notice.user_id,
        "event_id": event_id,
        "in_app": notice.in_app,
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


async def page(
    connection: AsyncConnection, user_id: UserId, *, unread: bool, after: FeedPlace | None, limit: int
) -> list[Notice]:
    """The next notices of a feed, newest first."""
    wanted = select(notices).where(_of(user_id), notices.c.deleted_at.is_(None), notices.c.in_app)
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


@dataclass(frozen=True, slots=True)
class Marked:
    """The notices that were unread and are read now. `is_all`: none is left that was being changed by somebody else."""

    ids: list[str]
    is_all: bool


async def mark_read(connection: AsyncConnection, user_id: UserId, ids: Collection[str], now: datetime) -> Marked:
    """Mark some of a person's notices as read. May run twice; ids of others are left aside."""
    return await _mark(connection, user_id, notices.c.id.in_(ids), now)


async def mark_read_up_to(connection: AsyncConnection, user_id: UserId, place: FeedPlace | None, now: datetime) -> Marked:
    """Mark everything at and below a place of a person's feed as read, or all of it."""
    if place is None:
        return await _mark(connection, user_id, true(), now)
    edge = tuple_(place.created_at, place.id, types=[notices.c.created_at.type, notices.c.id.type])
    # The notice itself may have risen since, because it speaks of more.
    named = or_(notices.c.id == place.id, tuple_(notices.c.created_at, notices.c.id) <= edge)
    return await _mark(connection, user_id, named, now)


async def _mark(connection: AsyncConnection, user_id: UserId, which: ColumnElement[bool], now: datetime) -> Marked:
    unread = [_of(user_id), notices.c.read_at.is_(None), notices.c.deleted_at.is_(None), notices.c.in_app]
    # What somebody else holds is being marked, removed or added to at this moment: waiting for it could end in a circle.
    held = select(notices.c.id).where(*unread, which).with_for_update(skip_locked=True)
    changed = update(notices).where(notices.c.id.in_(held), *unread).values(read_at=now).returning(notices.c.id)
    ids = list((await connection.execute(changed)).scalars())
    left = select(select(notices.c.id).where(*unread, which).exists())
    return Marked(ids, not (await connection.execute(left)).scalar_one())


async def empty(connection: AsyncConnection, user_id: UserId, notice_id: str, now: datetime) -> bool:
    """Delete a notice: its row stays without content, so that the fact is not told anew. False if it was not there."""
    mine = (_of(user_id), notices.c.id == notice_id, notices.c.deleted_at.is_(None))
    gone = update(notices).where(*mine).values(deleted_at=now, item_name=None, data={})
    return bool((await connection.execute(gone)).rowcount)


async def empty_about(connection: AsyncConnection, item_ids: Collection[ItemId], now: datetime) -> None:
    """Delete what was told about items that are gone for good, but not the news of their loss. May run twice."""
    about = (notices.c.item_id.in_(item_ids), notices.c.deleted_at.is_(None), notices.c.type.not_in(TELLS_OF_LOSS))
    await connection.execute(update(notices).where(*about).values(deleted_at=now, item_name=None, data={}))


async def empty_about_comment(connection: AsyncConnection, item_id: ItemId, comment_id: CommentId, now: datetime) -> None:
    """Delete what was told about a comment of an item. May run twice."""
    about = (notices.c.item_id == item_id, notices.c.data["comment_id"].astext == comment_id, notices.c.deleted_at.is_(None))
    await connection.execute(update(notices).where(*about).values(deleted_at=now, item_name=None, data={}))


async def forget_before(connection: AsyncConnection, *, read: datetime, created: datetime) -> int:
    """Delete rows read or deleted before the one moment, or made before the other; how many. Safe to run twice."""
    by_mail_only = and_(not_(notices.c.in_app), notices.c.created_at < read)
    old = or_(notices.c.read_at < read, notices.c.deleted_at < read, notices.c.created_at < created, by_mail_only)
    return (await connection.execute(delete(notices).where(old))).rowcount


def _of(user_id: UserId) -> ColumnElement[bool]:
    return notices.c.user_id == user_id


def _notice(row: Row[Any]) -> Notice:
    item = None
    if row.item_id is not None:
        item = ItemRef(ItemId(row.item_id), row.item_kind, row.item_name, UserId(row.owner_id))
    share_id = ShareId(row.share_id) if row.share_id else None
    user_id = UserId(row.user_id)
    return Notice(
        row.id,
        user_id,
        row.type,
        row.actor_id,
        item,
        share_id,
        row.data,
        row.created_at,
        row.read_at,
        row.facts_count,
        row.first_at,
        row.in_app,
    )
