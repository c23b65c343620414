"""Photos of people: the bytes are judged like any upload, then made into a square, in a process of their own.

A lane of its own: a hostile photo holds up no verdict, no preview and no revocation.
"""

import asyncio
import hashlib
import time
from datetime import timedelta

import structlog

from coffer_chassis import metrics
from coffer_chassis.blobs import BlobChanged, BlobMissing
from coffer_chassis.handling import HandlerTable, Handles, handler_table
from coffer_chassis.unit_of_work import Work
from coffer_contracts.auth_photos import PhotoReceivedV1
from coffer_contracts.event import Envelope
from coffer_contracts.media import PhotoReadyV1, PhotoRejectedV1
from coffer_media_worker import domain
from coffer_media_worker.domain import PreviewFailed, PreviewFailure
from coffer_media_worker.handlers.deps import FOREVER, Deps
from coffer_media_worker.handlers.previewing import render_patiently
from coffer_media_worker.store.photos import forget_photos_before, photo_answer, record_photo
from coffer_media_worker.verdicts import REJECTIONS

PHOTOS = "media-worker-photos"
PHOTO_BYTES = 5 * 1024 * 1024
NAME_LENGTH = 32
KEPT = timedelta(days=30)
"""Far longer than the original lives, so far longer than the same bytes can be asked about."""
NOT_AN_IMAGE = "not_an_image"

DETAILS = {
    NOT_AN_IMAGE: "The file is no JPEG, PNG, GIF, WebP, AVIF, HEIC, TIFF or BMP picture.",
    PreviewFailure.UNSUPPORTED: "The file is a kind of picture that cannot be shown here.",
    PreviewFailure.CORRUPT: "The picture is damaged or not complete.",
    PreviewFailure.TOO_MANY_PIXELS: "The picture has too many pixels.",
    PreviewFailure.TOO_LARGE: "The picture is too large.",
    PreviewFailure.TIMEOUT: "The picture takes too long to draw.",
    PreviewFailure.MEMORY: "The picture needs too much memory to draw.",
    PreviewFailure.CRASHED: "The picture could not be drawn.",
    PreviewFailure.ENCRYPTED: "The file is encrypted.",
    PreviewFailure.BOMB: "The picture claims to be far larger than its file.",
}
"""What the person is told."""

log = structlog.get_logger(__name__)


async def on_photo_received(event: Envelope[PhotoReceivedV1], deps: Deps) -> None:
    """Make the square of a photo, or say why there is none. Twice the same fact gives one answer.

    Bytes that are gone or were replaced get none: the photo was given up meanwhile, or will be reported again. What was
    answered about the same bytes is answered so again without looking: the square may have been deleted since, and must not
    come back.
    """
    fact = event.data
    started = time.monotonic()
    async with deps.work.read() as connection:
        known = await photo_answer(connection, fact.photo_id, fact.etag)
    answer: PhotoReadyV1 | PhotoRejectedV1
    if known is not None:
        answer = (PhotoReadyV1 if "name" in known else PhotoRejectedV1).model_validate(known)
    else:
        try:
            answer = await _answer(deps, fact)
        except (BlobMissing, BlobChanged) as error:
            log.info("photo_vanished", photo_id=fact.photo_id, error=type(error).__name__)
            return
    async with deps.work.unit(cause=event, consumer=PHOTOS) as unit:
        told = answer.model_dump(mode="json")
        revision = await record_photo(unit.connection, fact.photo_id, etag=fact.etag, answer=told, now=unit.now)
        unit.emit(answer, sequence=revision)
    metrics.MEDIA_JOBS.labels("photo_ready" if isinstance(answer, PhotoReadyV1) else "photo_rejected").inc()
    metrics.MEDIA_JOB_SECONDS.observe(time.monotonic() - started)


async def _answer(deps: Deps, fact: PhotoReceivedV1) -> PhotoReadyV1 | PhotoRejectedV1:
    """Judge the bytes and draw them. Raises BlobMissing, BlobChanged, Retry."""
    if fact.size_bytes > PHOTO_BYTES:
        return _rejected(fact, PreviewFailure.TOO_LARGE, DETAILS[PreviewFailure.TOO_LARGE])
    source = await deps.blobs.read(fact.key, etag=fact.etag)
    verdict = await asyncio.to_thread(domain.judge, source, b"", len(source), "photo", fact.claimed_mime_type, deps.label)
    if verdict.reason is not None:
        return _rejected(fact, verdict.reason, REJECTIONS[verdict.reason])
    if verdict.mime_type not in domain.RENDERABLE:
        return _rejected(fact, NOT_AN_IMAGE, DETAILS[NOT_AN_IMAGE])
    outcome = await render_patiently(deps, source, square=True)
    if isinstance(outcome, PreviewFailed):
        log.info("photo_failed", photo_id=fact.photo_id, reason=outcome.reason.value, detail=outcome.detail)
        return _rejected(fact, outcome.reason, DETAILS[outcome.reason])
    # Named after the photo as well as its content: deleting one never deletes another that looks the same.
    square = outcome.smallest
    name = hashlib.sha256(fact.photo_id.encode() + square.content).hexdigest()[:NAME_LENGTH]
    key = f"photos/{fact.user_id}/{name}"
    await deps.blobs.write(key, square.content, content_type=square.mime_type, cache_control=FOREVER)
    return PhotoReadyV1(
        photo_id=fact.photo_id,
        user_id=fact.user_id,
        etag=fact.etag,
        name=name,
        key=key,
        mime_type=square.mime_type,
        side_pixels=square.width,
        size_bytes=len(square.content),
    )


def _rejected(fact: PhotoReceivedV1, reason: str, detail: str) -> PhotoRejectedV1:
    return PhotoRejectedV1(photo_id=fact.photo_id, user_id=fact.user_id, etag=fact.etag, reason=str(reason), detail=detail)


async def forget_photos(work: Work) -> int:
    """Delete answers older than anybody asks for again; how many. May run twice and at once."""
    async with work.engine.begin() as connection:
        return await forget_photos_before(connection, work.clock.now() - KEPT)


PHOTOS_TABLE: HandlerTable = handler_table(
    [Handles(PhotoReceivedV1, on_photo_received, emits=(PhotoReadyV1, PhotoRejectedV1), slow=True)]
)
