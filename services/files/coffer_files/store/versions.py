"""Contents of files, the stored objects behind them, and objects that are to be deleted."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.files import MediaKind, PreviewStatus
from coffer_contracts.ids import BlobId, ItemId, UploadId, UserId, VersionId
from coffer_files.domain import usage
from coffer_files.domain.usage import Booking
from coffer_files.store.drives import amounts, booked
from coffer_files.store.tables import NOT_KEPT, blobs, doomed_blobs, versions


@dataclass(frozen=True, slots=True)
class Version:
    """A row of `versions`."""

    id: VersionId
    item_id: ItemId
    blob_id: BlobId
    upload_id: UploadId
    size_bytes: int
    mime_type: str
    media_kind: MediaKind
    flags: list[str]
    content_hash: str | None
    width: int | None
    height: int | None
    created_by: UserId
    created_at: datetime
    modified_at: datetime
    preview_status: PreviewStatus
    preview_reason: str | None
    preview_images: list[dict[str, Any]]
    placeholder: str | None
    preview_sequence: int
    preview_at: datetime | None
    preview_started_at: datetime | None
    replaced_at: datetime | None
    label: str | None
    keep_forever: bool
    blob_key: str
    etag: str


_version = (
    select(versions, blobs.c.key, blobs.c.etag)
    .join(blobs, blobs.c.id == versions.c.blob_id)
    .where(versions.c.id == bindparam("version"))
)
_pictures = select(versions.c.id, versions.c.preview_images, versions.c.placeholder)


async def version(connection: AsyncConnection, version_id: VersionId) -> Version | None:
    """One content with the object that holds it."""
    row = (await connection.execute(_version, {"version": version_id})).one_or_none()
    return Version(*row) if row else None


@cache
def _inserting(columns: tuple[str, ...], blob_columns: tuple[str, ...], counters: tuple[str, ...], *, replaces: bool) -> Insert:
    """The statement that writes a content with all that follows from it at once; few exist, and each is compiled once."""
    if blob_columns:
        stored: Any = insert(blobs).values({name: bindparam(f"stored_{name}") for name in blob_columns}).cte("stored")
    else:
        shared = update(blobs).where(blobs.c.id == bindparam("shared_blob")).values(refcount=blobs.c.refcount + 1)
        stored = shared.cte("stored")
    statement = insert(versions).values({name: bindparam(f"new_{name}") for name in columns}).add_cte(stored)
    if replaces:
        before = update(versions).where(versions.c.id == bindparam("replaced"))
        statement = statement.add_cte(before.values(replaced_at=bindparam("new_created_at")).cte("before"))
    return statement.add_cte(booked(counters).cte("booked"))


async def insert_version(
    connection: AsyncConnection,
    row: Mapping[str, Any],
    blob: Mapping[str, Any] | None,
    *,
    owner_id: UserId,
    replaces: VersionId | None,
    counted: Mapping[str, int],
) -> None:
    """Write a content and what follows from it, in one statement: the object that holds it, which is new, or without `blob`
    shared with other contents; that the version before is older now; and the counters of the drive, which is locked.
    """
    stored = (
        {f"stored_{name}": value for name, value in {**blob, "refcount": 1}.items()}
        if blob
        else {"shared_blob": row["blob_id"]}
    )
    before = {"replaced": replaces} if replaces else {}
    values = {f"new_{name}": value for name, value in row.items()}
    blob_columns = (*blob, "refcount") if blob else ()
    statement = _inserting(tuple(row), blob_columns, tuple(sorted(counted)), replaces=replaces is not None)
    await connection.execute(statement, {**values, **stored, **before, **amounts(owner_id, counted)})


async def is_stored(connection: AsyncConnection, blob_id: BlobId) -> bool:
    """Whether a content refers to the object."""
    return (await connection.execute(select(blobs.c.id).where(blobs.c.id == blob_id))).one_or_none() is not None


async def pictures(
    connection: AsyncConnection, version_ids: list[VersionId]
) -> dict[VersionId, tuple[list[dict[str, Any]], str | None]]:
    """Preview pictures and placeholder of several contents at once."""
    rows = await connection.execute(_pictures.where(versions.c.id.in_(version_ids)))
    return {row.id: (row.preview_images, row.placeholder) for row in rows}


async def note_preview(connection: AsyncConnection, version_id: VersionId, sequence: int, **values: Any) -> ItemId | None:
    """Write down what became of a preview, unless something newer is known; the file, or None if nothing was written."""
    statement = (
        update(versions)
        .where(versions.c.id == version_id, versions.c.preview_sequence < sequence)
        .values(preview_sequence=sequence, **values)
        .returning(versions.c.item_id)
    )
    item_id: ItemId | None = (await connection.execute(statement)).scalar_one_or_none()
    return item_id


async def give_up_preview(connection: AsyncConnection, version_id: VersionId, reason: str, now: datetime) -> ItemId | None:
    """There is no preview of a version so far, and nobody waits for it any more; the file, or None if something is known by
    now. A preview that comes later still counts.
    """
    pending = (versions.c.id == version_id) & (versions.c.preview_status == "pending")
    given_up = update(versions).where(pending).values(preview_status="failed", preview_reason=reason, preview_at=now)
    item_id: ItemId | None = (await connection.execute(given_up.returning(versions.c.item_id))).scalar_one_or_none()
    return item_id


@dataclass(frozen=True, slots=True)
class Gone:
    """A content that was deleted, with whether nothing refers to its object any more."""

    id: VersionId
    item_id: ItemId
    blob_id: BlobId
    blob_key: str
    size_bytes: int
    media_kind: str
    is_older: bool
    is_unused: bool

    @property
    def booking(self) -> Booking:
        """What its end does to the counters of the drive."""
        return -(usage.older(self.size_bytes) if self.is_older else usage.current(self.media_kind, self.size_bytes))


async def release_contents(connection: AsyncConnection, item_ids: Sequence[ItemId]) -> list[Gone]:
    """Delete all contents of some items, and the rows of objects that nothing refers to any more then."""
    return await _release(connection, versions.c.item_id.in_(item_ids))


async def release_versions(connection: AsyncConnection, version_ids: Sequence[VersionId], *, kept: bool) -> list[Gone]:
    """The same for versions of one item that are not current; without `kept` only those that nobody wants to keep."""
    some = versions.c.id.in_(version_ids) & versions.c.replaced_at.is_not(None)
    return await _release(connection, some if kept else some & NOT_KEPT)


async def _release(connection: AsyncConnection, which: ColumnElement[bool]) -> list[Gone]:
    columns = (versions.c.id, versions.c.item_id, versions.c.blob_id, versions.c.size_bytes, versions.c.media_kind)
    gone = delete(versions).where(which).returning(*columns, versions.c.replaced_at.is_not(None).label("is_older"))
    rows = (await connection.execute(gone)).all()
    counts = Counter(BlobId(row.blob_id) for row in rows)
    keys: dict[BlobId, str] = {}
    unused: set[BlobId] = set()
    for count in sorted(set(counts.values())):
        released = sorted(blob for blob, times in counts.items() if times == count)
        fewer = update(blobs).where(blobs.c.id.in_(released)).values(refcount=blobs.c.refcount - count)
        for left in await connection.execute(fewer.returning(blobs.c.id, blobs.c.key, blobs.c.refcount)):
            keys[left.id] = left.key
            unused |= {left.id} if left.refcount == 0 else set()
    if unused:
        await connection.execute(delete(blobs).where(blobs.c.id.in_(unused)))
    return [
        Gone(row.id, row.item_id, row.blob_id, keys[row.blob_id], row.size_bytes, row.media_kind, row.is_older,
             row.blob_id in unused)
        for row in rows
    ]  # fmt: skip


async def doom(
    connection: AsyncConnection,
    key: str,
    *,
    reason: str,
    now: datetime,
    not_before: datetime,
    quarantine_key: str | None = None,
    multipart_id: str | None = None,
) -> None:
    """Have an object deleted, or moved to quarantine, soon after `not_before`, and before that the multipart upload aborted
    that it would come from. The earlier moment of two counts, and quarantine once decided stays.
    """
    row = insert(doomed_blobs).values(
        key=key,
        quarantine_key=quarantine_key,
        reason=reason,
        not_before=not_before,
        created_at=now,
        multipart_id=multipart_id,
    )
    await connection.execute(
        row.on_conflict_do_update(
            index_elements=[doomed_blobs.c.key],
            set_={
                "not_before": func.least(doomed_blobs.c.not_before, row.excluded.not_before),
                "multipart_id": func.coalesce(row.excluded.multipart_id, doomed_blobs.c.multipart_id),
            },
        )
    )


async def doom_unused(connection: AsyncConnection, gone: Iterable[Gone], *, reason: str, now: datetime) -> None:
    """Have the objects of contents that are gone deleted soon, in one statement."""
    rows = [{"key": one.blob_key, "reason": reason, "not_before": now, "created_at": now} for one in gone]
    if rows:
        statement = insert(doomed_blobs)
        earlier = {"not_before": func.least(doomed_blobs.c.not_before, statement.excluded.not_before)}
        await connection.execute(statement.on_conflict_do_update(index_elements=[doomed_blobs.c.key], set_=earlier), rows)


async def take_doomed(connection: AsyncConnection, now: datetime, *, until: datetime, limit: int) -> list[Any]:
    """Objects whose time has come, for this caller to deal with until `until`; then others may try."""
    due = select(doomed_blobs.c.key).where(doomed_blobs.c.not_before <= now).order_by(doomed_blobs.c.not_before)
    taken = due.limit(limit).with_for_update(skip_locked=True)
    statement = update(doomed_blobs).where(doomed_blobs.c.key.in_(taken))
    changed = statement.values(not_before=until, attempts=doomed_blobs.c.attempts + 1).returning(doomed_blobs)
    return list((await connection.execute(changed)).all())


async def postpone_doomed(connection: AsyncConnection, key: str, until: datetime, error: str) -> None:
    """It could not be dealt with; try again at `until`."""
    statement = update(doomed_blobs).where(doomed_blobs.c.key == key)
    await connection.execute(statement.values(not_before=until, last_error=error))


async def forget_doomed(connection: AsyncConnection, keys: list[str], taken_until: datetime) -> None:
    """They are dealt with, but for those that were doomed once more meanwhile because new bytes came."""
    gone = delete(doomed_blobs).where(doomed_blobs.c.key.in_(keys), doomed_blobs.c.not_before == taken_until)
    await connection.execute(gone)
