"""Contents of files, the stored objects behind them, and objects that are to be deleted."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.files import MediaKind, PreviewStatus
from coffer_contracts.ids import BlobId, ItemId, UploadId, UserId, VersionId
from coffer_files.store.tables import blobs, doomed_blobs, versions


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


async def insert_version(connection: AsyncConnection, row: dict[str, Any], blob: dict[str, Any]) -> None:
    """Write a content and the object that holds it, which nothing refers to yet."""
    stored = insert(blobs).values(**blob, refcount=1).cte("stored")
    await connection.execute(insert(versions).values(**row).add_cte(stored))


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


async def overdue_previews(connection: AsyncConnection, before: datetime, limit: int) -> list[tuple[VersionId, UserId]]:
    """Versions that were made before then and have waited for their preview since, with the owners of their drives."""
    pending = versions.c.preview_status == literal_column("'pending'")
    query = select(versions.c.id, blobs.c.owner_id).join(blobs, blobs.c.id == versions.c.blob_id)
    query = query.where(pending, versions.c.created_at <= before).order_by(versions.c.created_at).limit(limit)
    return [(row.id, row.owner_id) for row in await connection.execute(query)]


async def give_up_preview(connection: AsyncConnection, version_id: VersionId, reason: str, now: datetime) -> ItemId | None:
    """There is no preview of a version so far, and nobody waits for it any more; the file, or None if something is known by
    now. A preview that comes later still counts.
    """
    pending = (versions.c.id == version_id) & (versions.c.preview_status == "pending")
    given_up = update(versions).where(pending).values(preview_status="failed", preview_reason=reason, preview_at=now)
    item_id: ItemId | None = (await connection.execute(given_up.returning(versions.c.item_id))).scalar_one_or_none()
    return item_id


@dataclass(frozen=True, slots=True)
class Unused:
    """A stored object that nothing refers to any more, and the item that did last."""

    blob_id: BlobId
    key: str
    item_id: ItemId


async def release_blobs(connection: AsyncConnection, item_ids: list[ItemId]) -> tuple[list[Unused], int]:
    """Delete all contents of some items; the objects that nothing refers to any more, and the number of bytes that the
    contents counted.
    """
    gone = delete(versions).where(versions.c.item_id.in_(item_ids))
    counts: Counter[BlobId] = Counter()
    holders: dict[BlobId, ItemId] = {}
    size = 0
    for row in await connection.execute(gone.returning(versions.c.blob_id, versions.c.item_id, versions.c.size_bytes)):
        counts[row.blob_id] += 1
        holders[row.blob_id] = row.item_id
        size += row.size_bytes
    if not counts:
        return [], 0
    unused: list[Unused] = []
    for count in sorted(set(counts.values())):
        released = sorted(blob for blob, times in counts.items() if times == count)
        fewer = update(blobs).where(blobs.c.id.in_(released)).values(refcount=blobs.c.refcount - count)
        left = await connection.execute(fewer.returning(blobs.c.id, blobs.c.key, blobs.c.refcount))
        unused += [Unused(row.id, row.key, holders[row.id]) for row in left if row.refcount == 0]
    await connection.execute(delete(blobs).where(blobs.c.id.in_([blob.blob_id for blob in unused])))
    return unused, size


async def doom(
    connection: AsyncConnection,
    key: str,
    *,
    reason: str,
    now: datetime,
    not_before: datetime,
    quarantine_key: str | None = None,
) -> None:
    """Have an object deleted, or moved to quarantine, soon after `not_before`. The earlier moment of two counts, and
    quarantine once decided stays.
    """
    row = insert(doomed_blobs).values(
        key=key, quarantine_key=quarantine_key, reason=reason, not_before=not_before, created_at=now
    )
    await connection.execute(
        row.on_conflict_do_update(
            index_elements=[doomed_blobs.c.key],
            set_={"not_before": func.least(doomed_blobs.c.not_before, row.excluded.not_before)},
        )
    )


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
