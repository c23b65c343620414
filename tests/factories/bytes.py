"""What tests of uploads do with bytes and messages: put, report, let facts leave, and have a bucket that does not answer."""

from typing import Any

from sqlalchemy import update

from coffer_chassis.storage import ObjectStored
from coffer_contracts.event import Envelope, Event
from coffer_files.domain.uploads import Upload
from factories.files import Files, envelope, stored


async def put(files: Files, upload: Upload, content: bytes | None = None) -> str:
    """The bytes of an upload are sent to the bucket; their ETag."""
    content = b"x" * upload.size_bytes if content is None else content
    etag: str = await files.blobs.write(upload.blob_key, content, content_type="image/jpeg")
    return etag


async def sent(files: Files) -> None:
    """Everything in the outbox has left."""
    outbox = files.deps.work.tables.outbox
    statement = update(outbox).where(outbox.c.sent_at.is_(None)).values(sent_at=files.clock.now())
    await files.rows(statement.returning(outbox.c.id))


async def asked(files: Files, name: str = "a.jpg") -> Upload:
    """An upload that the media worker was asked about, by a fact that has left."""
    upload = await files.start(name)
    etag = await put(files, upload)
    await files.handle(stored(upload, etag=etag))
    await sent(files)
    return await files.now(upload)


async def away(*_: Any, **__: Any) -> Any:
    """A bucket that does not answer."""
    raise ConnectionError("the bucket does not answer")


async def posted(files: Files, upload: Upload, letter: bytes = b"x") -> str:
    """The form is sent; the ETag."""
    etag: str = await files.blobs.write(f"incoming/{upload.id}", letter * upload.size_bytes, content_type="image/jpeg")
    return etag


def arrived(upload: Upload, etag: str) -> Envelope[Event]:
    """The bucket tells of it."""
    key = f"incoming/{upload.id}"
    return envelope(ObjectStored(bucket="coffer", key=key, size_bytes=upload.size_bytes, etag=etag))
