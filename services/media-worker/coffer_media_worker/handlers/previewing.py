"""Previews of new versions: made in processes of their own, stored, told; the small picture before the others."""

import base64
import contextlib
import time
from collections.abc import Mapping, Sequence

import structlog
from pydantic import ValidationError

from coffer_chassis import metrics
from coffer_chassis.blobs import BlobChanged, BlobMissing, Blobs
from coffer_chassis.handling import Retry
from coffer_chassis.unit_of_work import Duplicate
from coffer_contracts.event import Envelope
from coffer_contracts.files import ContentFact, ItemCommittedV1
from coffer_contracts.ids import BlobId
from coffer_contracts.media import MediaFacts, PreviewFailedV1, PreviewImage, PreviewReadyV1
from coffer_media_worker import domain
from coffer_media_worker.children import Early
from coffer_media_worker.domain import SIZES, PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from coffer_media_worker.handlers.deps import BULK, Deps
from coffer_media_worker.sources import Source, Stored
from coffer_media_worker.store.previews import preview_of_blob, record_preview
from coffer_media_worker.store.tombstones import is_gone
from coffer_media_worker.warm import ChildrenLost

EARLY = f"{BULK}-early"
WHOLE_PICTURE_BYTES = 4 * 1024 * 1024
BY_RANGES = frozenset({"image/gif", "image/jpeg", "image/tiff"})
"""Pictures of which the beginning may do, or tell that they are too large; larger ones are read as far as that."""
FOREVER = "public, max-age=31536000, immutable"
WORTH_ANOTHER_TRY = frozenset({PreviewFailure.TIMEOUT, PreviewFailure.CRASHED})

log = structlog.get_logger(__name__)


async def on_item_committed(event: Envelope[ItemCommittedV1], deps: Deps) -> None:
    """Make the preview of a new version. Twice the same fact gives one preview; previews of purged items are not made."""
    fact = event.data
    content = fact.content
    if content is None or content.mime_type not in domain.RENDERABLE:
        return
    async with deps.work.read() as connection:
        gone = await is_gone(connection, fact.item_id, content.version_id, event.revision)
        known = await preview_of_blob(connection, content.blob_id)
    if gone:
        await _clear_up(deps, content.blob_id)
        return
    started, started_at = time.monotonic(), deps.work.clock.now()
    about = {
        "item_id": fact.item_id,
        "version_id": content.version_id,
        "owner_id": fact.owner_id,
        "ancestor_ids": fact.ancestor_ids,
        "blob_id": content.blob_id,
        "started_at": started_at,
    }

    async def early(part: Rendered) -> None:
        told = PreviewReadyV1(**about, **await _stored(deps.blobs, content.blob_id, part))
        with contextlib.suppress(Duplicate):  # told before a crash
            await _tell(event, deps, told, finished=False)

    result: PreviewReadyV1 | PreviewFailedV1
    if known is not None:
        images = tuple(PreviewImage.model_validate(image) for image in known.images)
        result = PreviewReadyV1(**about, images=images, width=known.width, height=known.height, placeholder=known.placeholder)
    else:
        try:
            outcome = await _render(deps, content, early)
        except (BlobMissing, BlobChanged) as error:
            log.info("blob_vanished", item_id=fact.item_id, error=type(error).__name__)
            return
        if isinstance(outcome, PreviewFailed):
            log.info("preview_failed", item_id=fact.item_id, reason=outcome.reason.value, detail=outcome.detail)
            result = PreviewFailedV1(**about, reason=outcome.reason.value)
        else:
            result = PreviewReadyV1(**about, **await _stored(deps.blobs, content.blob_id, outcome))
    if not await _tell(event, deps, result):
        return
    metrics.MEDIA_JOBS.labels("preview_ready" if isinstance(result, PreviewReadyV1) else "preview_failed").inc()
    metrics.MEDIA_JOB_SECONDS.observe(time.monotonic() - started)


UNFINISHED = "unfinished"
"""Noted of a preview whose larger pictures are still being made: after a crash they are made again."""


async def _tell(
    event: Envelope[ItemCommittedV1], deps: Deps, result: PreviewReadyV1 | PreviewFailedV1, *, finished: bool = True
) -> bool:
    """Note and tell what became of a preview; False, and nothing is left of it, where the file is gone."""
    ready = result if isinstance(result, PreviewReadyV1) else None
    reason = result.reason if isinstance(result, PreviewFailedV1) else None if finished else UNFINISHED
    async with deps.work.unit(cause=event, consumer=BULK if finished else EARLY) as unit:
        gone = await is_gone(unit.connection, result.item_id, result.version_id, event.revision)
        if not gone:
            revision = await record_preview(
                unit.connection,
                result.version_id,
                item_id=result.item_id,
                blob_id=result.blob_id,
                reason=reason,
                images=[image.model_dump() for image in ready.images] if ready else (),
                width=ready.width if ready else None,
                height=ready.height if ready else None,
                placeholder=ready.placeholder if ready else None,
                now=unit.now,
            )
            unit.emit(result, sequence=revision)
    if gone:
        await _clear_up(deps, result.blob_id)
    return not gone


async def _clear_up(deps: Deps, blob_id: BlobId) -> None:
    """Delete pictures of something purged: written after the purge had cleared up, by this delivery or by one before it
    that crashed.
    """
    async with deps.work.read() as connection:
        in_use = await preview_of_blob(connection, blob_id)
    if in_use is None:
        await deps.blobs.delete(domain.preview_keys(blob_id))


async def _render(deps: Deps, content: ContentFact, early: Early) -> PreviewOutcome:
    if content.size_bytes > WHOLE_PICTURE_BYTES and content.mime_type in BY_RANGES:
        stored = Stored(deps.blobs, content.blob_key, content.etag, content.size_bytes)
        return await render_patiently(deps, stored, SIZES, early=early)
    if content.size_bytes > domain.JOB_LIMITS.source_bytes:
        return PreviewFailed(PreviewFailure.TOO_LARGE, f"{content.size_bytes} bytes")
    whole = await deps.blobs.read(content.blob_key, etag=content.etag)
    return await render_patiently(deps, whole, SIZES, early=early)


async def render_patiently(
    deps: Deps,
    source: Source | bytes,
    boxes: Sequence[int] = (400,),
    *,
    square: bool = False,
    early: Early | None = None,
) -> PreviewOutcome:
    """A picture made small, tried twice where that may help. Raises Retry when the machinery broke."""
    try:
        outcome = await deps.children.render(source, boxes, square=square, early=early)
        if isinstance(outcome, PreviewFailed) and outcome.reason in WORTH_ANOTHER_TRY:
            outcome = await deps.children.render(source, boxes, square=square, early=early)
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
        "facts": believed(made.facts),
    }


def believed(told: Mapping[str, object]) -> MediaFacts | None:
    """What a child told, as far as it has the form of facts: the child may have been taken over by the file."""
    fields = {name: value for name, value in told.items() if name in MediaFacts.model_fields}
    try:
        return MediaFacts.model_validate(fields, strict=True) if fields else None
    except ValidationError as error:
        log.warning("facts_not_believed", fields=sorted(str(one["loc"][0]) for one in error.errors()))
        return None
