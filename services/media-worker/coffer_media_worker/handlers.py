"""What the media worker does when facts arrive: judges uploads, makes previews, clears up after what was removed for good."""

import asyncio
import time
from datetime import datetime

import structlog

from coffer_chassis import metrics
from coffer_chassis.blobs import BlobChanged, BlobMissing, Blobs
from coffer_chassis.handling import Handles, handler_table
from coffer_contracts.event import Envelope
from coffer_contracts.files import ItemCommittedV1, ItemPurgedV1, UploadReceivedV1, VersionDeletedV1
from coffer_contracts.ids import BlobId
from coffer_contracts.media import PreviewFailedV1, PreviewOmittedV1, PreviewReadyV1, UploadClearedV1, UploadRejectedV1
from coffer_media_worker import domain, kinds, store
from coffer_media_worker.deps import BULK, FAST, Deps
from coffer_media_worker.domain import Verdict
from coffer_media_worker.previewing import on_item_committed
from coffer_media_worker.verdicts import REJECTIONS

MOST_NAMED = 1000
"""Objects that the fact about a purged item names at most."""
WHOLE_BYTES = 1024 * 1024
"""Up to this a file is read whole: one request instead of two, and nothing can hide between its ends."""
log = structlog.get_logger(__name__)


async def on_upload_received(event: Envelope[UploadReceivedV1], deps: Deps) -> None:
    """Judge an upload by its first and last bytes. Twice the same fact gives one verdict.

    Bytes that are gone or were replaced get none: the upload was ended meanwhile, or will be reported again.
    """
    fact = event.data
    started, started_at = time.monotonic(), deps.work.clock.now()
    try:
        head, tail = await _edges(deps.blobs, fact.blob_key, fact.etag, fact.size_bytes)
    except (BlobMissing, BlobChanged) as error:
        log.info("upload_vanished", upload_id=fact.upload_id, error=type(error).__name__)
        return
    verdict = await asyncio.to_thread(domain.judge, head, tail, fact.size_bytes, fact.name, fact.claimed_mime_type, deps.label)
    found = ""
    if deps.antivirus is not None:
        try:
            verdict, found = await deps.antivirus.judge(verdict, deps.blobs, fact.blob_key, fact.etag, fact.size_bytes)
        except (BlobMissing, BlobChanged) as error:
            log.info("upload_vanished", upload_id=fact.upload_id, error=type(error).__name__)
            return
    async with deps.work.unit(cause=event, consumer=FAST) as unit:
        revision = await store.record_verdict(
            unit.connection,
            fact.upload_id,
            etag=fact.etag,
            mime_type=verdict.mime_type,
            reason=verdict.reason,
            now=unit.now,
        )
        unit.emit(verdict_fact(fact, verdict, started_at, found), sequence=revision)
    metrics.MEDIA_JOBS.labels("cleared" if verdict.cleared else "rejected").inc()
    metrics.MEDIA_JOB_SECONDS.observe(time.monotonic() - started)


def verdict_fact(
    fact: UploadReceivedV1, verdict: Verdict, started_at: datetime, found: str = ""
) -> UploadClearedV1 | UploadRejectedV1:
    """The event that tells a verdict; `found` is what a virus scanner calls what it has found."""
    known = {
        "upload_id": fact.upload_id,
        "owner_id": fact.owner_id,
        "blob_id": fact.blob_id,
        "blob_key": fact.blob_key,
        "etag": fact.etag,
        "size_bytes": fact.size_bytes,
        "mime_type": verdict.mime_type,
        "media_kind": verdict.kind.value,
        "flags": tuple(str(flag) for flag in verdict.flags),
        "started_at": started_at,
    }
    if verdict.reason is not None:
        detail = REJECTIONS[verdict.reason] + (f" It calls it {found}." if found else "")
        return UploadRejectedV1(**known, reason=verdict.reason.value, detail=detail)
    return UploadClearedV1(**known, width=verdict.width, height=verdict.height, previewable=kinds.expects_preview(verdict))


async def _edges(blobs: Blobs, key: str, etag: str, size_bytes: int) -> tuple[bytes, bytes]:
    """The first and last bytes of an object, by one request for a small one and two at once for others."""
    if size_bytes == 0:
        return b"", b""
    if size_bytes <= WHOLE_BYTES:
        whole = await blobs.read(key, etag=etag)
        return whole, b""
    edge = domain.EDGE_BYTES
    head, tail = await asyncio.gather(
        blobs.read_range(key, 0, edge - 1, etag=etag),
        blobs.read_range(key, size_bytes - edge, size_bytes - 1, etag=etag),
    )
    return head, tail


async def on_item_purged(event: Envelope[ItemPurgedV1], deps: Deps) -> None:
    """Delete the previews of objects that no version refers to any more, and remember that the item is gone.

    Deleting stands on both sides of the tombstone: before it, so that a crash after it leaves nothing; after it, for a
    preview that was written meanwhile.
    """
    fact = event.data
    known: list[BlobId] = []
    if len(fact.blob_ids) >= MOST_NAMED:
        # Of an item with very many versions the fact names only some. Otherwise it knows better than what is known here: a copy
        # that shares an object may not have been heard of.
        async with deps.work.read() as connection:
            known = await store.blobs_of_item_alone(connection, fact.item_id)
    blobs = dict.fromkeys((*fact.blob_ids, *known))
    keys = [key for blob_id in blobs for key in domain.preview_keys(blob_id)]
    await deps.blobs.delete(keys)
    async with deps.work.unit(cause=event, consumer=BULK) as unit:
        await store.bury_item(unit.connection, fact.item_id, event.revision, unit.now)
    await deps.blobs.delete(keys)


async def on_version_deleted(event: Envelope[VersionDeletedV1], deps: Deps) -> None:
    """Delete the previews of objects that no version refers to any more, and remember that the version is gone; on both sides
    of the tombstone, as with items.
    """
    fact = event.data
    keys = [key for blob_id in fact.blob_ids for key in domain.preview_keys(blob_id)]
    await deps.blobs.delete(keys)
    async with deps.work.unit(cause=event, consumer=BULK) as unit:
        await store.bury_version(unit.connection, fact.version_id, unit.now)
    await deps.blobs.delete(keys)


FAST_TABLE = handler_table(
    [Handles(UploadReceivedV1, on_upload_received, emits=(UploadClearedV1, UploadRejectedV1), slow=True)]
)
BULK_TABLE = handler_table(
    [
        Handles(ItemCommittedV1, on_item_committed, emits=(PreviewReadyV1, PreviewOmittedV1, PreviewFailedV1), slow=True),
        Handles(ItemPurgedV1, on_item_purged, slow=True),
        Handles(VersionDeletedV1, on_version_deleted, slow=True),
    ]
)
