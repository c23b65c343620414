"""What the media worker is asked about previews beyond what it hears of new versions, and who waits for how long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, literal, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UserId, VersionId
from coffer_files.store.tables import blobs, preview_requests, versions
from coffer_files.store.versions import Version

JPEG_PATIENCE = timedelta(minutes=10)
"""How long nothing may be heard of pictures as JPEG before they are asked for again."""

JPEG_ASKS = 3
"""How often they are asked for before there are none."""

_pending = versions.c.preview_status == literal_column("'pending'")
_since = func.coalesce(preview_requests.c.requested_at, versions.c.created_at)
_asked = func.coalesce(preview_requests.c.asked_at, versions.c.created_at)
_waiting = versions.join(blobs, blobs.c.id == versions.c.blob_id).outerjoin(
    preview_requests, preview_requests.c.version_id == versions.c.id
)


@dataclass(frozen=True, slots=True)
class Which:
    """Which previews are to be made anew; what is None does not matter."""

    status: str
    kind: str | None = None
    reason: str | None = None


class Waiting(NamedTuple):
    """A version whose preview is waited for, in whose drive, and since when."""

    version_id: VersionId
    owner_id: UserId
    since: datetime


class Request(NamedTuple):
    """A request as it is to be told."""

    content: Version
    owner_id: UserId
    sequence: int
    requested_at: datetime


async def request_previews(connection: AsyncConnection, version_ids: Sequence[VersionId], now: datetime) -> list[Request]:
    """Have the previews of these versions waited for, and count the requests; those that are waited for already, and those
    that are gone, are left out. Their drive is locked.
    """
    wanted = update(versions).where(versions.c.id.in_(version_ids), ~_pending)
    values = {"preview_status": "pending", "preview_reason": None, "preview_at": None, "preview_started_at": None}
    asked = [VersionId(one) for one in (await connection.execute(wanted.values(values).returning(versions.c.id))).scalars()]
    return await _count(connection, asked, now, requested_at=now, asked_at=now, jpeg_asked_at=None, jpeg_asks=0)


async def repeat_request(connection: AsyncConnection, version_id: VersionId, since: datetime, now: datetime) -> list[Request]:
    """Count one more request for a preview that is waited for since then; nothing if it is not any more."""
    still = select(versions.c.id).where(versions.c.id == version_id, _pending).with_for_update()
    if (await connection.execute(still)).one_or_none() is None:
        return []
    return await _count(connection, [version_id], now, requested_at=since, asked_at=now)


async def request_jpeg(connection: AsyncConnection, version_id: VersionId, now: datetime) -> list[Request]:
    """Count one more request for pictures as JPEG, unless one is waited for, there were enough, or the version is gone by now.
    Its drive is locked.
    """
    names = ["version_id", "sequence", "jpeg_asked_at", "jpeg_asks"]
    first = select(versions.c.id, literal(1), literal(now), literal(1)).where(versions.c.id == version_id)
    fresh = insert(preview_requests).from_select(names, first)
    due = or_(preview_requests.c.jpeg_asked_at.is_(None), preview_requests.c.jpeg_asked_at <= now - JPEG_PATIENCE)
    again = fresh.on_conflict_do_update(
        index_elements=[preview_requests.c.version_id],
        set_={
            "sequence": preview_requests.c.sequence + 1,
            "jpeg_asked_at": now,
            "jpeg_asks": preview_requests.c.jpeg_asks + 1,
        },
        where=due & (preview_requests.c.jpeg_asks < JPEG_ASKS),
    )
    counted = (await connection.execute(again.returning(preview_requests.c.sequence))).scalar_one_or_none()
    return [] if counted is None else await _read(connection, [version_id], now)


async def is_jpeg_awaited(connection: AsyncConnection, version_id: VersionId, now: datetime) -> bool:
    """Whether pictures as JPEG were asked for, so that there is nothing to do but wait."""
    lately = preview_requests.c.jpeg_asked_at > now - JPEG_PATIENCE
    query = select(preview_requests.c.version_id).where(preview_requests.c.version_id == version_id, lately)
    return (await connection.execute(query)).one_or_none() is not None


async def is_jpeg_hopeless(connection: AsyncConnection, version_id: VersionId, now: datetime) -> bool:
    """Whether pictures as JPEG were asked for as often as that is done, and none came."""
    enough = (preview_requests.c.jpeg_asks >= JPEG_ASKS) & (preview_requests.c.jpeg_asked_at <= now - JPEG_PATIENCE)
    query = select(preview_requests.c.version_id).where(preview_requests.c.version_id == version_id, enough)
    return (await connection.execute(query)).one_or_none() is not None


async def count_request(connection: AsyncConnection, version_id: VersionId, now: datetime) -> list[Request]:
    """Count one more request about a version that is there, for something that is waited for elsewhere."""
    return await _count(connection, [version_id], now)


async def _count(connection: AsyncConnection, version_ids: Sequence[VersionId], now: datetime, **values: Any) -> list[Request]:
    if not version_ids:
        return []
    rows = insert(preview_requests).values([{"version_id": one, "sequence": 1, **values} for one in version_ids])
    counted = rows.on_conflict_do_update(
        index_elements=[preview_requests.c.version_id], set_={"sequence": preview_requests.c.sequence + 1, **values}
    )
    await connection.execute(counted)
    return await _read(connection, version_ids, now)


async def _read(connection: AsyncConnection, version_ids: Sequence[VersionId], now: datetime) -> list[Request]:
    told = (preview_requests.c.sequence, func.coalesce(preview_requests.c.requested_at, literal(now)))
    query = select(versions, blobs.c.key, blobs.c.etag, blobs.c.owner_id, *told).select_from(_waiting)
    found = await connection.execute(query.where(versions.c.id.in_(version_ids)).order_by(versions.c.id))
    return [Request(Version(*row[:-3]), *row[-3:]) for row in found]


async def waited_since(connection: AsyncConnection, content: Version) -> datetime:
    """Since when the preview of a version is waited for: since it was asked for anew, else since the version is there."""
    query = select(preview_requests.c.requested_at).where(preview_requests.c.version_id == content.id)
    return (await connection.execute(query)).scalar_one_or_none() or content.created_at


async def overdue_previews(connection: AsyncConnection, before: datetime, limit: int) -> list[Waiting]:
    """Versions whose preview is waited for since then or longer."""
    return await _page(connection, _since <= before, before, limit)


async def unanswered_previews(connection: AsyncConnection, now: datetime, patience: timedelta, limit: int) -> list[Waiting]:
    """Versions of whose preview nothing was heard for so long; the pause after a request is as long as was waited before."""
    pause = func.greatest(literal(patience), _asked - _since)
    return await _page(connection, literal(now) - _asked >= pause, now - patience, limit)


async def _page(connection: AsyncConnection, due: ColumnElement[bool], before: datetime, limit: int) -> list[Waiting]:
    # Nobody asks about a version before it is there: the index leaves out what is younger, however many wait.
    some = _pending & (versions.c.created_at <= before)
    query = select(versions.c.id, blobs.c.owner_id, _since).select_from(_waiting)
    found = await connection.execute(query.where(some, due).order_by(versions.c.created_at).limit(limit))
    return [Waiting(*row) for row in found]


def _some(which: Which) -> ColumnElement[bool]:
    asked = [versions.c.preview_status == which.status]
    if which.kind is not None:
        asked.append(versions.c.media_kind == which.kind)
    if which.reason is not None:
        asked.append(versions.c.preview_reason == which.reason)
    return and_(*asked)


async def versions_behind(
    connection: AsyncConnection, which: Which, after: VersionId, *, looked_at: int, limit: int
) -> tuple[list[tuple[VersionId, UserId]], VersionId | None]:
    """Of the next versions behind one, by id, those that are asked for, with the owners of their drives; and where the next
    page begins, None at the end. At most `looked_at` rows are read, however few are found.
    """
    page = select(versions.c.id).where(versions.c.id > after).order_by(versions.c.id)
    last = await _at(connection, page, looked_at)
    found_in = versions.c.id > after if last is None else (versions.c.id > after) & (versions.c.id <= last)
    query = select(versions.c.id, blobs.c.owner_id).join(blobs, blobs.c.id == versions.c.blob_id)
    query = query.where(found_in, _some(which)).order_by(versions.c.id).limit(limit)
    found = [(VersionId(row.id), UserId(row.owner_id)) for row in await connection.execute(query)]
    return found, found[-1][0] if len(found) == limit else last


async def _at(connection: AsyncConnection, page: Select[Any], number: int) -> VersionId | None:
    row = (await connection.execute(page.offset(number - 1).limit(1))).scalar_one_or_none()
    return VersionId(row) if row else None


async def count_pending(connection: AsyncConnection, limit: int) -> int:
    """How many versions wait for their preview; no more than `limit` are counted."""
    some = select(versions.c.id).where(_pending).limit(limit).subquery()
    return int((await connection.execute(select(func.count()).select_from(some))).scalar_one())
