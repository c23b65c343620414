"""From parts to an object: whoever finds that all parts are there has the bucket put them together.

Client, sweeper and a process that takes up where another died may all do that at once. What is true afterwards is that an
object lies under the upload's key, so every way through here ends by telling what lies there.
"""

from collections.abc import Sequence

import structlog

from coffer_chassis.blobs import BlobHead
from coffer_chassis.multiparts import BlobExists, MultipartMissing, PartsRefused, StoredPart, composite
from coffer_contracts.problems import UploadIncomplete
from coffer_files.domain import parts as rules
from coffer_files.domain.parts import NamedPart
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.parts import lose_parts
from coffer_files.store import parts as rows
from coffer_files.store.uploads import lock_upload, save

log = structlog.get_logger(__name__)


async def bytes_of(deps: Deps, upload: Upload, named: Sequence[NamedPart] | None = None) -> BlobHead | None:
    """The bytes of an upload that is open, put together from their parts if they came so; None if somebody else is putting
    them together, or the upload has ended meanwhile. May run any number of times and at once.

    Raises UploadIncomplete, and SizeMismatch or ChecksumMismatch with the parts that are to be sent again.
    """
    if upload.strategy == "multipart" and upload.state == "created" and upload.multipart_id is not None:
        return await _assemble(deps, upload, upload.multipart_id, named)
    head = await deps.blobs.head(upload.bytes_key)
    if head is None:
        raise _nothing(upload)
    return head


async def _assemble(deps: Deps, upload: Upload, multipart_id: str, named: Sequence[NamedPart] | None) -> BlobHead | None:
    try:
        stored = await deps.blobs.parts(upload.blob_key, multipart_id)
    except MultipartMissing:
        return await _made_by_others(deps, upload)
    count = rules.part_count(upload.size_bytes, upload.part_bytes)
    announced = {}
    if upload.parts_hashed:
        async with deps.work.read() as connection:
            announced = dict(await rows.digests_of(connection, upload.id, 1, count))
    fault = rules.fault_in(upload, stored, announced, named)
    if fault is not None:
        raise fault
    ours = [_as_announced(part, announced.get(part.number)) for part in stored if part.number <= count]
    known = [part.sha256 for part in ours if part.sha256 is not None]
    whole = composite(known) if len(known) == count else None
    if not await _note(deps, upload, multipart_id, rules.hash_of_parts(upload, whole)):
        return None
    try:
        done = await deps.blobs.complete_multipart(upload.blob_key, multipart_id, ours, hashed=upload.parts_hashed)
    except MultipartMissing:
        return await _made_by_others(deps, upload)
    except BlobExists:
        return await deps.blobs.head(upload.blob_key)
    except PartsRefused as error:
        # A part was sent once more while it was looked at; what is there now is seen by the next look.
        log.warning("parts_refused", upload_id=upload.id, error=repr(error))
        raise UploadIncomplete("The parts changed while they were put together; try again.", missing_parts=[]) from error
    if upload.parts_hashed and done.sha256 is None:
        # This bucket tells checksums only of what is there: the last look before the bytes count as received.
        return await deps.blobs.head(upload.blob_key)
    return BlobHead(upload.size_bytes, done.etag, deps.work.clock.now(), None, done.sha256)


def _as_announced(part: StoredPart, announced: str | None) -> StoredPart:
    """Where the bucket does not tell what it checked, what was announced is what it was told to check."""
    if part.sha256 is not None or announced is None:
        return part
    return StoredPart(part.number, part.size_bytes, part.etag, part.stored_at, announced)


async def _note(deps: Deps, upload: Upload, multipart_id: str, content_hash: str | None) -> bool:
    """Whether the upload still waits for these parts. What is known about them is written down before the bucket is asked."""
    async with deps.work.engine.begin() as connection:
        current = await lock_upload(connection, upload.id)
        if current is None or current.state != "created" or current.multipart_id != multipart_id:
            return False
        await save(connection, rules.assembling(current, content_hash, deps.work.clock.now()))
        return True


async def _made_by_others(deps: Deps, upload: Upload) -> BlobHead | None:
    """The object that the parts have become already. If there is none, the bucket has lost them, or they were given up."""
    head = await deps.blobs.head(upload.blob_key)
    if head is None:
        if await lose_parts(deps, upload):
            raise _nothing(upload)
        return None
    return head


def _nothing(upload: Upload) -> UploadIncomplete:
    if upload.strategy != "multipart":
        return UploadIncomplete("The bytes have not arrived.")
    count = rules.part_count(upload.size_bytes, upload.part_bytes)
    return UploadIncomplete(f"None of {count} parts has arrived.", missing_parts=list(range(1, count + 1)))
