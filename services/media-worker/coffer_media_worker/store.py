"""The media worker's tables and queries: verdicts given, previews made, items that are gone, photos answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Row, Table, Text, exists, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.revocations import revocations_table
from coffer_chassis.tables import Id, Instant, chassis_tables
from coffer_contracts.ids import BlobId, ItemId, PhotoId, UploadId, VersionId

metadata = MetaData()
chassis = chassis_tables(metadata)
revocations = revocations_table(metadata)

verdicts = Table(
    "verdicts",
    metadata,
    Column("upload_id", Id, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("etag", Text, nullable=False),
    Column("mime_type", Text, nullable=False),
    Column("reason", Text),
    Column("judged_at", Instant, nullable=False),
)

previews = Table(
    "previews",
    metadata,
    Column("version_id", Id, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("item_id", Id, nullable=False),
    Column("blob_id", Id, nullable=False),
    Column("reason", Text),
    Column("images", JSONB, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("placeholder", Text),
    Column("finished_at", Instant, nullable=False),
    Index("previews_blob", "blob_id"),
    Index("previews_item", "item_id"),
)

gone_items = Table(
    "gone_items",
    metadata,
    Column("item_id", Id, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("gone_at", Instant, nullable=False),
)

gone_versions = Table(
    "gone_versions",
    metadata,
    Column("version_id", Id, primary_key=True),
    Column("gone_at", Instant, nullable=False),
    comment="Versions that were deleted while their file stayed; a late fact about one of them is void.",
)

photos = Table(
    "photos",
    metadata,
    Column("photo_id", Id, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("etag", Text, nullable=False),
    Column("answer", JSONB, nullable=False),
    Column("answered_at", Instant, nullable=False),
    Index("photos_answered", "answered_at"),
    comment="What was answered about photos of people, as it was told; kept as long as somebody may ask again.",
)


async def record_verdict(
    connection: AsyncConnection, upload_id: UploadId, *, etag: str, mime_type: str, reason: str | None, now: datetime
) -> int:
    """Keep the verdict on an upload; its revision, which grows by each verdict on the same upload."""
    values = {"etag": etag, "mime_type": mime_type, "reason": reason, "judged_at": now}
    statement = (
        insert(verdicts)
        .values(upload_id=upload_id, revision=1, **values)
        .on_conflict_do_update(index_elements=[verdicts.c.upload_id], set_={"revision": verdicts.c.revision + 1, **values})
        .returning(verdicts.c.revision)
    )
    revision: int = (await connection.execute(statement)).scalar_one()
    return revision


async def record_preview(
    connection: AsyncConnection,
    version_id: VersionId,
    *,
    item_id: ItemId,
    blob_id: BlobId,
    reason: str | None,
    images: Sequence[dict[str, Any]] = (),
    width: int | None = None,
    height: int | None = None,
    placeholder: str | None = None,
    now: datetime,
) -> int:
    """Keep what became of a version's preview; its revision, which grows by each attempt."""
    values = {
        "item_id": item_id,
        "blob_id": blob_id,
        "reason": reason,
        "images": list(images),
        "width": width,
        "height": height,
        "placeholder": placeholder,
        "finished_at": now,
    }
    statement = (
        insert(previews)
        .values(version_id=version_id, revision=1, **values)
        .on_conflict_do_update(index_elements=[previews.c.version_id], set_={"revision": previews.c.revision + 1, **values})
        .returning(previews.c.revision)
    )
    revision: int = (await connection.execute(statement)).scalar_one()
    return revision


async def preview_of_blob(connection: AsyncConnection, blob_id: BlobId) -> Row[Any] | None:
    """A finished preview of the same bytes, if another version has one."""
    query = select(previews).where(previews.c.blob_id == blob_id, previews.c.reason.is_(None)).limit(1)
    return (await connection.execute(query)).one_or_none()


async def blobs_of_item_alone(connection: AsyncConnection, item_id: ItemId) -> list[BlobId]:
    """Objects with previews of this item that no other item has a preview of."""
    other = previews.alias("other")
    shared = exists().where(other.c.blob_id == previews.c.blob_id, other.c.item_id != item_id)
    query = select(previews.c.blob_id).where(previews.c.item_id == item_id, ~shared).distinct()
    return list((await connection.execute(query)).scalars())


async def is_gone(connection: AsyncConnection, item_id: ItemId, version_id: VersionId, sequence: int) -> bool:
    """Whether the version was deleted, or the item purged at or after that sequence: facts older than that are void."""
    item = exists().where(gone_items.c.item_id == item_id, gone_items.c.sequence >= sequence)
    version = exists().where(gone_versions.c.version_id == version_id)
    return bool((await connection.execute(select(item | version))).scalar_one())


async def bury_version(connection: AsyncConnection, version_id: VersionId, now: datetime) -> None:
    """Put the tombstone of a deleted version and forget its preview. May run twice."""
    await connection.execute(insert(gone_versions).values(version_id=version_id, gone_at=now).on_conflict_do_nothing())
    await connection.execute(previews.delete().where(previews.c.version_id == version_id))


async def bury_item(connection: AsyncConnection, item_id: ItemId, sequence: int, now: datetime) -> None:
    """Put the tombstone of a purged item and forget its previews. May run twice."""
    tombstone = insert(gone_items).values(item_id=item_id, sequence=sequence, gone_at=now)
    newer = tombstone.on_conflict_do_update(
        index_elements=[gone_items.c.item_id],
        set_={"sequence": sequence, "gone_at": now},
        where=gone_items.c.sequence < sequence,
    )
    await connection.execute(newer)
    await connection.execute(previews.delete().where(previews.c.item_id == item_id))


async def photo_answer(connection: AsyncConnection, photo_id: PhotoId, etag: str) -> dict[str, Any] | None:
    """What was answered about these bytes of a photo."""
    wanted = select(photos.c.answer).where(photos.c.photo_id == photo_id, photos.c.etag == etag)
    answer: dict[str, Any] | None = (await connection.execute(wanted)).scalar_one_or_none()
    return answer


async def record_photo(
    connection: AsyncConnection, photo_id: PhotoId, *, etag: str, answer: dict[str, Any], now: datetime
) -> int:
    """Keep the answer about a photo; its revision, which grows by each answer about the same photo."""
    values = {"etag": etag, "answer": answer, "answered_at": now}
    statement = (
        insert(photos)
        .values(photo_id=photo_id, revision=1, **values)
        .on_conflict_do_update(index_elements=[photos.c.photo_id], set_={"revision": photos.c.revision + 1, **values})
        .returning(photos.c.revision)
    )
    revision: int = (await connection.execute(statement)).scalar_one()
    return revision


async def forget_photos_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete answers that nobody asks for any more; how many."""
    return (await connection.execute(photos.delete().where(photos.c.answered_at < moment))).rowcount
