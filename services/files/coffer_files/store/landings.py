"""Uploads whose judged bytes are still where a form has put them."""

from datetime import datetime

from sqlalchemy import literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UploadId
from coffer_files.domain.uploads import Upload
from coffer_files.store.tables import uploads
from coffer_files.store.uploads import read_upload, select_uploads

_landing = (uploads.c.state == literal_column("'cleared'")) & uploads.c.landing_key.is_not(None)


async def take_landings(connection: AsyncConnection, now: datetime, *, until: datetime, limit: int) -> list[Upload]:
    """Uploads to be landed, for this caller until `until`; then others may try."""
    is_due = or_(uploads.c.landing_at.is_(None), uploads.c.landing_at <= now)
    due = select(uploads.c.id).where(_landing, is_due).order_by(uploads.c.landing_at.nulls_first()).limit(limit)
    taken = update(uploads).where(uploads.c.id.in_(due.with_for_update(skip_locked=True))).values(landing_at=until)
    rows = await connection.execute(taken.returning(*select_uploads.selected_columns))
    return [read_upload(row) for row in rows]


async def end_lease(connection: AsyncConnection, upload_id: UploadId) -> None:
    """Whoever took it is done with it; if it comes to be landed again, that may be at once."""
    await connection.execute(update(uploads).where(uploads.c.id == upload_id).values(landing_at=None))


async def postpone_landing(connection: AsyncConnection, upload_id: UploadId, until: datetime) -> None:
    """It could not be landed; to be tried again at `until`."""
    await connection.execute(update(uploads).where(uploads.c.id == upload_id, _landing).values(landing_at=until))
