"""Uploads: rows to values and back, and which ones the sweeper has to look after."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, bindparam, delete, func, literal, literal_column, select, tuple_, union_all, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import BlobId, UploadId, UserId
from coffer_files.domain.upload_states import Step
from coffer_files.domain.uploads import Upload, Verdict
from coffer_files.store.drives import amounts, booked
from coffer_files.store.tables import uploads

_COLUMNS = tuple(uploads.c[field.name] for field in fields(Upload))
_NAMES = tuple(field.name for field in fields(Upload))
_FIXED = frozenset(
    {
        "id", "owner_id", "uploader_id", "size_bytes", "blob_id", "blob_key", "created_at", "base_version_id",
        "claimed_mime_type", "modified_at", "checksum_sha256", "actor_kind", "correlation_id", "traceparent",
        "strategy", "part_bytes", "parts_hashed", "session_id", "uploader_name",
    }
)  # fmt: skip

select_uploads = select(*_COLUMNS)
_by_id = select_uploads.where(uploads.c.id == bindparam("upload"))
_by_id_locked = _by_id.with_for_update()
_by_blob_locked = select_uploads.where(uploads.c.blob_id == bindparam("blob")).with_for_update()
_insert = insert(uploads)
_save = (
    update(uploads)
    .where(uploads.c.id == bindparam("upload"))
    .values({name: bindparam(f"new_{name}") for name in _NAMES if name not in _FIXED})
)
_save_and_book = _save.add_cte(booked(("reserved_bytes",)).cte("booked"))


def read_upload(row: Any) -> Upload:
    """An upload from a row of `select_uploads`."""
    values = dict(zip(_NAMES, row, strict=True))
    verdict, steps = values["verdict"], values["steps"]
    values["verdict"] = _read_verdict(verdict) if verdict else None
    values["steps"] = tuple(Step(step["step"], datetime.fromisoformat(step["at"]), step["detail"]) for step in steps)
    return Upload(**values)


def _written(upload: Upload) -> dict[str, Any]:
    values = {name: getattr(upload, name) for name in _NAMES}
    values["verdict"] = _written_verdict(upload.verdict) if upload.verdict else None
    values["steps"] = [{"step": step.step, "at": step.at.isoformat(), "detail": step.detail} for step in upload.steps]
    return values


def _read_verdict(known: dict[str, Any]) -> Verdict:
    started_at = known.get("started_at")
    started_at = datetime.fromisoformat(started_at) if started_at else None
    return Verdict(**{**known, "flags": tuple(known["flags"]), "started_at": started_at})


def _written_verdict(verdict: Verdict) -> dict[str, Any]:
    return {**asdict(verdict), "started_at": verdict.started_at.isoformat() if verdict.started_at else None}


async def upload_by_id(connection: AsyncConnection, upload_id: UploadId) -> Upload | None:
    """The upload as it stands."""
    row = (await connection.execute(_by_id, {"upload": upload_id})).one_or_none()
    return read_upload(row) if row else None


async def lock_upload(connection: AsyncConnection, upload_id: UploadId) -> Upload | None:
    """The upload, locked until the transaction ends. The drive is to be locked before."""
    row = (await connection.execute(_by_id_locked, {"upload": upload_id})).one_or_none()
    return read_upload(row) if row else None


async def lock_upload_of_blob(connection: AsyncConnection, blob_id: BlobId) -> Upload | None:
    """The upload that an object belongs to, locked until the transaction ends. The drive is to be locked before."""
    row = (await connection.execute(_by_blob_locked, {"blob": blob_id})).one_or_none()
    return read_upload(row) if row else None


async def insert_upload(connection: AsyncConnection, upload: Upload, *, check_at: datetime) -> None:
    """Write a new upload; the sweeper looks into the bucket for it at `check_at`."""
    await connection.execute(_insert, {**_written(upload), "check_at": check_at})


async def insert_uploads(connection: AsyncConnection, opened: Sequence[Upload], *, check_at: datetime) -> None:
    """Write new uploads, in one statement."""
    if opened:
        await connection.execute(_insert, [{**_written(upload), "check_at": check_at} for upload in opened])


async def save_all(connection: AsyncConnection, standing: Sequence[Upload]) -> None:
    """Write down how uploads that are locked stand now, in one statement; none of it changes what their drive holds."""
    rows = [
        {"upload": upload.id} | {f"new_{name}": value for name, value in _written(upload).items() if name not in _FIXED}
        for upload in standing
    ]
    if rows:
        await connection.execute(_save, rows)


async def save(connection: AsyncConnection, upload: Upload, *, reserved: int = 0) -> None:
    """Write down how an upload that is locked stands now, and by how many bytes that changes what is reserved."""
    values = {f"new_{name}": value for name, value in _written(upload).items() if name not in _FIXED}
    if reserved:
        by = amounts(upload.owner_id, {"reserved_bytes": reserved})
        await connection.execute(_save_and_book, {"upload": upload.id, **values, **by})
    else:
        await connection.execute(_save, {"upload": upload.id, **values})


async def uploads_of(
    connection: AsyncConnection,
    user_id: UserId,
    *,
    states: Sequence[str],
    limit: int,
    before: UploadId | None,
    session_id: str | None = None,
) -> list[Upload]:
    """A page of someone's uploads and of those that others send into their drive, newest first, in some states only if any
    are named. Two walks along an index each, however many there are; what is committed, which is nearly all of them, lies in
    neither index when it is not asked for. With `session_id` those that one visitor of the link `user_id` sends.
    """
    return [read_upload(row) for row in await connection.execute(page_of(user_id, states, limit, before, session_id))]


def page_of(
    user_id: UserId, states: Sequence[str], limit: int, before: UploadId | None, session_id: str | None = None
) -> Select[Any]:
    """The statement of `uploads_of`."""
    walks = []
    whose = [uploads.c.uploader_id == user_id, and_(uploads.c.owner_id == user_id, uploads.c.uploader_id != user_id)]
    if session_id is not None:
        whose = [and_(uploads.c.session_id == session_id, uploads.c.uploader_id == user_id)]
    for mine in whose:
        walk = select(uploads.c.id).where(mine)
        if states:
            walk = walk.where(uploads.c.state.in_(states))
        if states and "committed" not in states:
            walk = walk.where(uploads.c.state != literal_column("'committed'"))
        if before:
            walk = walk.where(uploads.c.id < before)
        walks.append(walk.order_by(uploads.c.id.desc()).limit(limit).subquery())
    page = union_all(*(select(walk.c.id) for walk in walks)).subquery("page")
    return select_uploads.where(uploads.c.id.in_(select(page.c.id))).order_by(uploads.c.id.desc()).limit(limit)


async def uploads_of_all(
    connection: AsyncConnection, *, states: Sequence[str], limit: int, before: UploadId | None
) -> list[Upload]:
    """A page of everybody's uploads, newest first, in some states only if any are named."""
    query = select_uploads.where(uploads.c.state.in_(states)) if states else select_uploads
    if before:
        query = query.where(uploads.c.id < before)
    return [read_upload(row) for row in await connection.execute(query.order_by(uploads.c.id.desc()).limit(limit))]


class Overdue(NamedTuple):
    """An upload whose deadline has passed; the last two fields are its place among those."""

    owner_id: UserId
    deadline_at: datetime
    id: UploadId


async def overdue(connection: AsyncConnection, now: datetime, limit: int, after: Overdue | None = None) -> list[Overdue]:
    """Uploads whose deadline has passed, longest first, behind `after`; not locked."""
    place = (uploads.c.deadline_at, uploads.c.id)
    due = select(uploads.c.owner_id, *place).where(uploads.c.deadline_at <= now)
    if after is not None:
        due = due.where(tuple_(*place) > tuple_(after.deadline_at, after.id, types=[column.type for column in place]))
    return [Overdue._make(row) for row in await connection.execute(due.order_by(*place).limit(limit))]


async def take_unseen(connection: AsyncConnection, *, created_before: datetime, now: datetime, limit: int) -> list[Upload]:
    """Uploads whose bytes nobody has reported, for this caller to look for. They are not given out again for as long as
    they have existed, an hour at most: a session that nobody uses costs few looks.
    """
    unseen = select(uploads.c.id).where(
        uploads.c.state == "created", uploads.c.created_at <= created_before, uploads.c.check_at <= now
    )
    taken = unseen.order_by(uploads.c.check_at).limit(limit).with_for_update(skip_locked=True)
    age = literal(now, uploads.c.created_at.type) - uploads.c.created_at
    pause = func.least(timedelta(hours=1), func.greatest(timedelta(seconds=1), age))
    statement = update(uploads).where(uploads.c.id.in_(taken)).values(check_at=now + pause).returning(*_COLUMNS)
    return [read_upload(row) for row in await connection.execute(statement)]


async def look_for_all(connection: AsyncConnection, now: datetime) -> None:
    """Have every upload that is still open looked for again now."""
    later = select(uploads.c.id).where(uploads.c.state == "created", uploads.c.check_at > now)
    statement = update(uploads).where(uploads.c.id.in_(later.with_for_update(skip_locked=True)))
    await connection.execute(statement.values(check_at=now))


async def forget_ended_before(connection: AsyncConnection, moment: datetime, limit: int) -> int:
    """Delete uploads that ended before `moment`, some at a time; how many."""
    ended = select(uploads.c.id).where(
        uploads.c.deadline_at.is_(None), uploads.c.state != "received", uploads.c.changed_at < moment
    )
    statement = delete(uploads).where(uploads.c.id.in_(ended.limit(limit).with_for_update(skip_locked=True)))
    return (await connection.execute(statement)).rowcount
