"""Activity: entries written once per fact, listed newest first by who may be concerned.

Rows found here are candidates: whether the reader may see their items now is judged by the resolver afterwards.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, cast, or_, select, tuple_, union
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.forgetting import forget_some
from coffer_chassis.tables import Id
from coffer_contracts.ids import CommentId, EventId, ItemId, UserId
from coffer_notifier.domain.activity import COMMENT_DELETED, Entry
from coffer_notifier.store.tables import activity


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries a reader asks for."""

    reader_id: UserId
    actor_id: str | None = None
    action: str | None = None
    since: datetime | None = None
    account: bool = False
    """What happened to the reader's own account, instead of what happened to items."""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class EntryPlace:
    """The place of an entry in every listing."""

    at: datetime
    id: str


_add = insert(activity).on_conflict_do_nothing(index_elements=[activity.c.event_id])


async def add(connection: AsyncConnection, entry: Entry) -> bool:
    """Write an entry; False if the fact was written down before. May run twice."""
    return bool((await connection.execute(_add, _values(entry))).rowcount)


async def add_all(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """Write entries, but for facts that were written down before. May run twice."""
    if entries:
        await connection.execute(_add, [_values(entry) for entry in entries])


def _values(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "event_id": entry.event_id,
        "at": entry.at,
        "actor_id": entry.actor_id,
        "actor_kind": entry.actor_kind,
        "action": entry.action,
        "item_id": entry.item_id,
        "item_kind": entry.item_kind,
        "item_name": entry.item_name,
        "owner_id": entry.owner_id,
        "recipient_id": entry.recipient_id,
        "scope": list(entry.scope),
        "changes": {field: list(values) for field, values in entry.changes.items()},
        "reason": entry.reason,
        "address": entry.address,
        "agent": entry.agent,
    }


async def of_item(
    connection: AsyncConnection, wanted: Wanted, item_id: ItemId, after: EntryPlace | None, limit: int, *, subtree: bool
) -> list[Entry]:
    """Candidates about one item, or about a folder with everything that lay below it at the time."""
    about = activity.c.item_id == item_id
    if subtree:
        about = activity.c.scope.contains(cast([item_id], ARRAY(Id)))
    return await _rows(connection, _page(wanted, about, after, limit))


async def concerning(
    connection: AsyncConnection, wanted: Wanted, granted: Collection[ItemId], after: EntryPlace | None, limit: int
) -> list[Entry]:
    """Candidates for a reader: about their drive, about their own shares, and about what lay in items granted to them."""
    mine = _page(wanted, activity.c.owner_id == wanted.reader_id, after, limit)
    told = _page(wanted, activity.c.recipient_id == wanted.reader_id, after, limit)
    parts = [mine, told]
    if granted:
        parts.append(_page(wanted, activity.c.scope.overlap(cast(list(granted), ARRAY(Id))), after, limit))
    # Each part is cut by an index of its own; all together would read whole drives.
    whole = union(*(select(part.subquery()) for part in parts)).subquery("together")
    page = select(whole).order_by(whole.c.at.desc(), whole.c.id.desc()).limit(limit)
    return await _rows(connection, page)


async def comment_has_gone(connection: AsyncConnection, item_id: ItemId, comment_id: CommentId, since: datetime) -> bool:
    """Whether the end of a comment was written down, which cannot be older than `since`. Reads what happened to the item after
    that: next to nothing, unless the fact that is asked for is late.
    """
    ended = select(activity.c.id).where(
        activity.c.item_id == item_id,
        activity.c.at >= since,
        activity.c.action == COMMENT_DELETED,
        activity.c.changes["comment_id"][0].astext == comment_id,
    )
    return (await connection.execute(ended.limit(1))).one_or_none() is not None


async def forget_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete some of the entries that are older; how many. Safe to run twice."""
    return await forget_some(connection, activity, activity.c.at < moment)


async def owner_of(connection: AsyncConnection, item_id: ItemId) -> UserId | None:
    """In whose drive an item was, by what is written about it; also long after it is gone."""
    found = await connection.execute(select(activity.c.owner_id).where(activity.c.item_id == item_id).limit(1))
    owner = found.scalar_one_or_none()
    return UserId(owner) if owner else None


def _page(wanted: Wanted, which: ColumnElement[bool], after: EntryPlace | None, limit: int) -> Select[Any]:
    """News of shares is for the owner and the one recipient only."""
    theirs = or_(
        activity.c.recipient_id.is_(None),
        activity.c.recipient_id == wanted.reader_id,
        activity.c.owner_id == wanted.reader_id,
    )
    about = activity.c.item_id.is_(None) if wanted.account else activity.c.item_id.is_not(None)
    page = select(activity).where(which, theirs, about)
    if wanted.actor_id:
        page = page.where(activity.c.actor_id == wanted.actor_id)
    if wanted.action:
        page = page.where(activity.c.action == wanted.action)
    if wanted.since:
        page = page.where(activity.c.at >= wanted.since)
    if wanted.until:
        page = page.where(activity.c.at < wanted.until)
    if after:
        place = tuple_(after.at, after.id, types=[activity.c.at.type, activity.c.id.type])
        page = page.where(tuple_(activity.c.at, activity.c.id) < place)
    return page.order_by(activity.c.at.desc(), activity.c.id.desc()).limit(limit)


async def _rows(connection: AsyncConnection, page: Select[Any]) -> list[Entry]:
    return [_entry(row) for row in await connection.execute(page)]


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        id=row.id,
        event_id=EventId(row.event_id),
        at=row.at,
        actor_id=row.actor_id,
        actor_kind=row.actor_kind,
        action=row.action,
        item_id=ItemId(row.item_id) if row.item_id else None,
        item_kind=row.item_kind,
        item_name=row.item_name,
        owner_id=UserId(row.owner_id),
        recipient_id=UserId(row.recipient_id) if row.recipient_id else None,
        scope=tuple(map(ItemId, row.scope)),
        changes={field: (values[0], values[1]) for field, values in row.changes.items()},
        reason=row.reason,
        address=row.address,
        agent=row.agent,
    )
