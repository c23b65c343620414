"""Uploads in parts: announced digests, which multipart upload the bucket collects the parts in, and until when."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Integer, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UploadId
from coffer_files.store.tables import upload_digests, uploads

DIGEST_BYTES = 32

_some_digests = select(
    func.substring(upload_digests.c.digests, bindparam("at", type_=Integer), bindparam("length", type_=Integer))
).where(upload_digests.c.upload_id == bindparam("upload"))
_collecting = select(uploads.c.blob_key, uploads.c.multipart_id).where(
    uploads.c.blob_key.in_(bindparam("keys", expanding=True)), uploads.c.state == "created", uploads.c.multipart_id.is_not(None)
)


async def insert_digests(connection: AsyncConnection, upload_id: UploadId, digests: Sequence[str]) -> None:
    """Keep the SHA-256 of every part of an upload, first to last."""
    content = b"".join(bytes.fromhex(digest) for digest in digests)
    await connection.execute(upload_digests.insert(), {"upload_id": upload_id, "digests": content})


async def digests_of(connection: AsyncConnection, upload_id: UploadId, first: int, last: int) -> Mapping[int, str]:
    """The announced SHA-256s of the parts `first` to `last`; empty if none were announced. Reads no more than those."""
    place = {"upload": upload_id, "at": (first - 1) * DIGEST_BYTES + 1, "length": (last - first + 1) * DIGEST_BYTES}
    content: bytes = (await connection.execute(_some_digests, place)).scalar_one_or_none() or b""
    found = (content[at : at + DIGEST_BYTES].hex() for at in range(0, len(content), DIGEST_BYTES))
    return dict(enumerate(found, first))


async def forget_digests(connection: AsyncConnection, upload_id: UploadId) -> None:
    """Its bytes have come, or never will."""
    await connection.execute(delete(upload_digests).where(upload_digests.c.upload_id == upload_id))


async def extend_deadline(connection: AsyncConnection, upload_id: UploadId, deadline_at: datetime) -> None:
    """Somebody is at work: an upload that still waits for bytes waits until then, if that is later than it was."""
    waits = (uploads.c.id == upload_id) & (uploads.c.state == "created") & (uploads.c.deadline_at < deadline_at)
    await connection.execute(update(uploads).where(waits).values(deadline_at=deadline_at))


async def collecting(connection: AsyncConnection, keys: Sequence[str]) -> set[tuple[str, str]]:
    """Keys and multipart uploads in which open uploads collect their parts, of those keys."""
    return {(row.blob_key, row.multipart_id) for row in await connection.execute(_collecting, {"keys": list(keys)})}
