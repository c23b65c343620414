"""Uploads whose bytes were refused and lie in quarantine."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import literal_column, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UploadId
from coffer_files.domain.uploads import Upload
from coffer_files.store.tables import doomed_blobs, uploads
from coffer_files.store.uploads import read_upload, select_uploads

_refused = (uploads.c.state == literal_column("'rejected'")) & uploads.c.discarded_at.is_(None)


class Place(NamedTuple):
    """An upload's place in the list."""

    changed_at: datetime
    id: UploadId


async def refused_since(
    connection: AsyncConnection, moment: datetime, *, limit: int, before: Place | None = None
) -> list[Upload]:
    """A page of uploads that were refused after `moment` and not discarded since, last refused first."""
    place = (uploads.c.changed_at, uploads.c.id)
    query = select_uploads.where(_refused, uploads.c.changed_at > moment)
    if before is not None:
        query = query.where(tuple_(*place) < tuple_(*before, types=[column.type for column in place]))
    query = query.order_by(*(column.desc() for column in place)).limit(limit)
    return [read_upload(row) for row in await connection.execute(query)]


async def is_discarded(connection: AsyncConnection, upload_id: UploadId) -> bool:
    """Whether an operator had the bytes deleted before their time."""
    query = select(uploads.c.id).where(uploads.c.id == upload_id, uploads.c.discarded_at.is_not(None))
    return (await connection.execute(query)).one_or_none() is not None


async def note_discarded(connection: AsyncConnection, upload_id: UploadId, now: datetime) -> None:
    """An operator has the bytes deleted."""
    await connection.execute(update(uploads).where(uploads.c.id == upload_id).values(discarded_at=now))


async def is_any_doomed(connection: AsyncConnection, keys: Sequence[str]) -> bool:
    """Whether objects under some of these keys are yet to be moved or deleted."""
    query = select(doomed_blobs.c.key).where(doomed_blobs.c.key.in_(keys)).limit(1)
    return (await connection.execute(query)).one_or_none() is not None
