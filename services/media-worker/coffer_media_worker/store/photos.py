"""The answers about photos of people."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import PhotoId
from coffer_media_worker.store.tables import photos


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
