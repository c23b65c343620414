"""What the media worker does when facts arrive: judges uploads, makes previews, clears up after what was removed for good."""

import asyncio
import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from coffer_chassis import metrics
from coffer_chassis.blobs import BlobChanged, BlobMissing, Blobs
from coffer_chassis.handling import Handles, Retry, handler_table
from coffer_chassis.revocations import DenyList
from coffer_chassis.unit_of_work import Work
from coffer_contracts.event import Envelope
from coffer_contracts.files import ItemCommittedV1, ItemPurgedV1, UploadReceivedV1, VersionDeletedV1
from coffer_contracts.ids import BlobId
from coffer_contracts.media import PreviewFailedV1, PreviewImage, PreviewReadyV1, UploadClearedV1, UploadRejectedV1
from coffer_media_worker import domain, store
from coffer_media_worker.domain import PreviewFailed, PreviewFailure, PreviewOutcome, Rendered, Verdict
from coffer_media_worker.warm import ChildrenLost

FAST = "media-worker-fast"
BULK = "media-worker-bulk"
BOX = 400
WHOLE_BYTES = 1024 * 1024
"""Up to this a file is read whole: one request instead of two, and nothing can hide between its ends."""
FOREVER = "public, max-age=31536000, immutable"
WORTH_ANOTHER_TRY = frozenset({PreviewFailure.TIMEOUT, PreviewFailure.CRASHED})

log = structlog.get_logger(__name__)


class Renders(Protocol):
    """The rendering processes."""

    async def render(self, source: bytes, box: int = BOX, *, square: bool = False) -> PreviewOutcome:
        """A preview that fits into `box` pixels, or with `square` fills them, or why there is none.

        Raises ChildrenLost when the machinery broke.
        """


@dataclass(frozen=True)
class Deps:
    """What the handlers stand on."""

    work: Work
    blobs: Blobs
    children: Renders
    label: Callable[[bytes], str | None] | None
    """Names types that the signature table does not know; None where there is no libmagic."""
    denied: DenyList


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
    async with deps.work.unit(cause=event, consumer=FAST) as unit:
        revision = await store.record_verdict(
            unit.connection,
            fact.upload_id,
            etag=fact.etag,
            mime_type=verdict.mime_type,
            reason=verdict.reason,
            now=unit.now,
        )
        unit.emit(verdict_fact(fact, verdict, started_at), sequence=revision)
    metrics.MEDIA_JOBS.labels("cleared" if verdict.cleared else "rejected").inc()
    metrics.MEDIA_JOB_SECONDS.observe(time.monotonic() - started)


def verdict_fact(fact: UploadReceivedV1, verdict: Verdict, started_at: datetime) -> UploadClearedV1 | UploadRejectedV1:
    """The event that tells a verdict."""
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
        return UploadRejectedV1(**known, reason=verdict.reason.value, detail=REJECTIONS[verdict.reason])
    return UploadClearedV1(**known, width=verdict.width, height=verdict.height, previewable=domain.expects_preview(verdict))


REJECTIONS = {
    domain.RejectReason.EXECUTABLE_IN_DISGUISE: "The file is a program, but its name or type says that it is something else.",
    domain.RejectReason.POLYGLOT: "The file is two kinds of file at once, which is a way to smuggle one as the other.",
    domain.RejectReason.TEST_VIRUS: "The file is the EICAR anti-virus test file.",
}


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


async def on_item_committed(event: Envelope[ItemCommittedV1], deps: Deps) -> None:
    """Make the preview of a new version. Twice the same fact gives one preview; previews of purged items are not made."""
    fact = event.data
    content = fact.content
    if content is None or content.mime_type not in domain.RENDERABLE:
        return
    async with deps.work.read() as connection:
        gone = await store.is_gone(connection, fact.item_id, content.version_id, event.revision)
        known = await store.preview_of_blob(connection, content.blob_id)
    if gone:
        await _clear_up(deps, content.blob_id)
        return
    started, started_at = time.monotonic(), deps.work.clock.now()
    result: PreviewReadyV1 | PreviewFailedV1
    about = {
        "item_id": fact.item_id,
        "version_id": content.version_id,
        "owner_id": fact.owner_id,
        "ancestor_ids": fact.ancestor_ids,
        "blob_id": content.blob_id,
        "started_at": started_at,
    }
    if known is not None:
        images = tuple(PreviewImage.model_validate(image) for image in known.images)
        result = PreviewReadyV1(**about, images=images, width=known.width, height=known.height, placeholder=known.placeholder)
    else:
        try:
            outcome = await _render(deps, content.blob_key, content.etag, content.size_bytes)
        except (BlobMissing, BlobChanged) as error:
            log.info("blob_vanished", item_id=fact.item_id, error=type(error).__name__)
            return
        if isinstance(outcome, PreviewFailed):
            log.info("preview_failed", item_id=fact.item_id, reason=outcome.reason.value, detail=outcome.detail)
            result = PreviewFailedV1(**about, reason=outcome.reason.value)
        else:
            result = PreviewReadyV1(**about, **await _stored(deps.blobs, content.blob_id, outcome))
    async with deps.work.unit(cause=event, consumer=BULK) as unit:
        gone = await store.is_gone(unit.connection, fact.item_id, content.version_id, event.revision)
        ready = result if isinstance(result, PreviewReadyV1) else None
        if not gone:
            revision = await store.record_preview(
                unit.connection,
                content.version_id,
                item_id=fact.item_id,
                blob_id=content.blob_id,
                reason=None if ready else result.reason,  # type: ignore[union-attr]  # what is not ready has a reason
                images=[image.model_dump() for image in ready.images] if ready else (),
                width=ready.width if ready else None,
                height=ready.height if ready else None,
                placeholder=ready.placeholder if ready else None,
                now=unit.now,
            )
            unit.emit(result, sequence=revision)
    if gone:
        await _clear_up(deps, content.blob_id)
        return
    metrics.MEDIA_JOBS.labels("preview_ready" if ready else "preview_failed").inc()
    metrics.MEDIA_JOB_SECONDS.observe(time.monotonic() - started)


async def _clear_up(deps: Deps, blob_id: BlobId) -> None:
    """Delete a picture of something purged: written after the purge had cleared up, by this delivery or by one before it
    that crashed.
    """
    async with deps.work.read() as connection:
        in_use = await store.preview_of_blob(connection, blob_id)
    if in_use is None:
        await deps.blobs.delete([f"previews/{blob_id}/{BOX}"])


async def _render(deps: Deps, key: str, etag: str, size_bytes: int) -> PreviewOutcome:
    if size_bytes > domain.JOB_LIMITS.source_bytes:
        return PreviewFailed(PreviewFailure.TOO_LARGE, f"{size_bytes} bytes")
    return await render_patiently(deps, await deps.blobs.read(key, etag=etag))


async def render_patiently(deps: Deps, source: bytes, *, square: bool = False) -> PreviewOutcome:
    """A picture made small, tried twice where that may help. Raises Retry when the machinery broke."""
    try:
        outcome = await deps.children.render(source, BOX, square=square)
        if isinstance(outcome, PreviewFailed) and outcome.reason in WORTH_ANOTHER_TRY:
            outcome = await deps.children.render(source, BOX, square=square)
    except ChildrenLost as error:
        raise Retry(f"the rendering processes were lost: {error}", after_seconds=1, doubling=True) from error
    return outcome


async def _stored(blobs: Blobs, blob_id: BlobId, made: Rendered) -> dict[str, object]:
    """Write the pictures under keys made from the content's id, so that writing them again changes nothing."""
    images = []
    for picture in made.pictures:
        key = f"previews/{blob_id}/{picture.box}"
        await blobs.write(key, picture.content, content_type=picture.mime_type, cache_control=FOREVER)
        images.append(
            PreviewImage(
                box_pixels=picture.box,
                key=key,
                mime_type=picture.mime_type,
                width=picture.width,
                height=picture.height,
                size_bytes=len(picture.content),
            )
        )
    return {
        "images": tuple(images),
        "width": made.source_width,
        "height": made.source_height,
        "placeholder": base64.b64encode(made.placeholder).decode() or None,
    }


async def on_item_purged(event: Envelope[ItemPurgedV1], deps: Deps) -> None:
    """Delete the previews of objects that no version refers to any more, and remember that the item is gone.

    Deleting stands on both sides of the tombstone: before it, so that a crash after it leaves nothing; after it, for a
    preview that was written meanwhile.
    """
    fact = event.data
    async with deps.work.read() as connection:
        # Of an item with very many versions the fact names only some.
        known = await store.blobs_of_item_alone(connection, fact.item_id)
    keys = [f"previews/{blob_id}/{BOX}" for blob_id in dict.fromkeys((*fact.blob_ids, *known))]
    await deps.blobs.delete(keys)
    async with deps.work.unit(cause=event, consumer=BULK) as unit:
        await store.bury_item(unit.connection, fact.item_id, event.revision, unit.now)
    await deps.blobs.delete(keys)


async def on_version_deleted(event: Envelope[VersionDeletedV1], deps: Deps) -> None:
    """Delete the previews of objects that no version refers to any more, and remember that the version is gone; on both sides
    of the tombstone, as with items.
    """
    fact = event.data
    keys = [f"previews/{blob_id}/{BOX}" for blob_id in fact.blob_ids]
    await deps.blobs.delete(keys)
    async with deps.work.unit(cause=event, consumer=BULK) as unit:
        await store.bury_version(unit.connection, fact.version_id, unit.now)
    await deps.blobs.delete(keys)


FAST_TABLE = handler_table(
    [Handles(UploadReceivedV1, on_upload_received, emits=(UploadClearedV1, UploadRejectedV1), slow=True)]
)
BULK_TABLE = handler_table(
    [
        Handles(ItemCommittedV1, on_item_committed, emits=(PreviewReadyV1, PreviewFailedV1), slow=True),
        Handles(ItemPurgedV1, on_item_purged, slow=True),
        Handles(VersionDeletedV1, on_version_deleted, slow=True),
    ]
)
