"""Verdicts on uploads, by their first and last bytes."""

import asyncio
import time
from datetime import datetime

import structlog

from coffer_chassis import metrics
from coffer_chassis.blobs import BlobChanged, BlobMissing, Blobs
from coffer_contracts.event import Envelope
from coffer_contracts.files import UploadReceivedV1
from coffer_contracts.media import UploadClearedV1, UploadRejectedV1
from coffer_media_worker import domain, kinds
from coffer_media_worker.domain import Verdict
from coffer_media_worker.handlers.deps import FAST, Deps
from coffer_media_worker.store.verdicts import record_verdict
from coffer_media_worker.verdicts import REJECTIONS

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
        revision = await record_verdict(
            unit.connection,
            fact.upload_id,
            etag=fact.etag,
            mime_type=verdict.mime_type,
            reason=verdict.reason,
            now=unit.now,
        )
        unit.emit(verdict_fact(fact, verdict, started_at, found), sequence=revision)
    metrics.MEDIA_VERDICT_SECONDS.observe(max(0.0, (deps.work.clock.now() - event.time).total_seconds()))
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
