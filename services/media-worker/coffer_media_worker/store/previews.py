"""The previews made, and what is shared among them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import BlobId, ItemId, VersionId
from coffer_media_worker.store.tables import previews


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


async def preview_of_blob(connection: AsyncConnection, blob_id: BlobId, *, since: datetime | None = None) -> Row[Any] | None:
    """A finished preview of the same bytes, if a version has one, finished at or after `since`; rather one with pictures as
    JPEG, and the newest.
    """
    finished = (previews.c.blob_id == blob_id) & previews.c.reason.is_(None)
    if since is not None:
        finished &= previews.c.finished_at >= since
    has_jpegs = previews.c.images.contains([{"mime_type": "image/jpeg"}])
    query = select(previews).where(finished).order_by(has_jpegs.desc(), previews.c.finished_at.desc()).limit(1)
    return (await connection.execute(query)).one_or_none()


async def with_previews(connection: AsyncConnection, blob_ids: Sequence[BlobId]) -> list[BlobId]:
    """Those of the objects of which previews were made."""
    query = select(previews.c.blob_id).where(previews.c.blob_id.in_(blob_ids)).distinct()
    return [BlobId(one) for one in (await connection.execute(query)).scalars()]


async def blobs_of_item_alone(connection: AsyncConnection, item_id: ItemId) -> list[BlobId]:
    """Objects with previews of this item that no other item has a preview of."""
    other = previews.alias("other")
    shared = exists().where(other.c.blob_id == previews.c.blob_id, other.c.item_id != item_id)
    query = select(previews.c.blob_id).where(previews.c.item_id == item_id, ~shared).distinct()
    return list((await connection.execute(query)).scalars())
