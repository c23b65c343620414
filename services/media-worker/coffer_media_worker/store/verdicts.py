"""The verdicts given."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UploadId
from coffer_media_worker.store.tables import verdicts


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
