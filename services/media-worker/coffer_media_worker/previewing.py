"""Previews of new versions, and what else is learnt of their content: made in processes of their own, stored, told; the small
picture before the others.
"""

import base64
import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from pydantic import ValidationError

from coffer_chassis import metrics
from coffer_chassis.blobs import BlobChanged, BlobMissing, Blobs
from coffer_chassis.handling import Retry
from coffer_chassis.unit_of_work import Duplicate
from coffer_contracts.event import Envelope
from coffer_contracts.files import ContentFact, ItemCommittedV1
from coffer_contracts.ids import BlobId
from coffer_contracts.media import ExtractedText, MediaFacts, PreviewFailedV1, PreviewImage, PreviewOmittedV1, PreviewReadyV1
from coffer_media_worker import domain, kinds, store
from coffer_media_worker.children import Early
from coffer_media_worker.deps import BULK, Deps
from coffer_media_worker.domain import SIZES, PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from coffer_media_worker.sources import Source, Stored
from coffer_media_worker.warm import ChildrenLost

EARLY = f"{BULK}-early"
FOREVER = "public, max-age=31536000, immutable"
WORTH_ANOTHER_TRY = frozenset({PreviewFailure.TIMEOUT, PreviewFailure.CRASHED})
Told = PreviewReadyV1 | PreviewOmittedV1 | PreviewFailedV1
"""What may become of a version: pictures, something without a picture, or nothing and why."""

log = structlog.get_logger(__name__)


async def on_item_committed(event: Envelope[ItemCommittedV1], deps: Deps) -> None:
    """Make the preview of a new version. Twice the same fact gives one preview; previews of purged items are not made."""
    fact = event.data
    content = fact.content
    treated = kinds.treatment(content.mime_type) if content is not None else None
    if content is None or treated is None:
        return
    async with deps.work.read() as connection:
        gone = await store.is_gone(connection, fact.item_id, content.version_id, event.revision)
        known = await store.preview_of_blob(connection, content.blob_id)
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
        told = _told(about, await _stored(deps.blobs, content.blob_id, part))
        with contextlib.suppress(Duplicate):  # told before a crash
            await _tell(event, deps, told, finished=False)

    result: Told
    if known is not None:
        images = tuple(PreviewImage.model_validate(image) for image in known.images)
        result = _told(
            about, {"images": images, "width": known.width, "height": known.height, "placeholder": known.placeholder}
        )
    else:
        try:
            outcome = await _render(deps, content, treated, early)
        except (BlobMissing, BlobChanged) as error:
            log.info("blob_vanished", item_id=fact.item_id, error=type(error).__name__)
            return
        if isinstance(outcome, PreviewFailed):
            log.info("preview_failed", item_id=fact.item_id, reason=outcome.reason.value, detail=outcome.detail)
            result = PreviewFailedV1(**about, reason=outcome.reason.value)
        else:
            result = _told(about, await _stored(deps.blobs, content.blob_id, outcome))
    if not await _tell(event, deps, result):
        return
    metrics.MEDIA_JOBS.labels(_OUTCOMES[type(result)]).inc()
    metrics.MEDIA_JOB_SECONDS.observe(time.monotonic() - started)


_OUTCOMES: Mapping[type[Told], str] = {
    PreviewReadyV1: "preview_ready",
    PreviewOmittedV1: "preview_omitted",
    PreviewFailedV1: "preview_failed",
}


def _told(about: Mapping[str, Any], made: Mapping[str, Any]) -> PreviewReadyV1 | PreviewOmittedV1:
    """The fact about what was made: another one where there is no picture."""
    if made["images"]:
        return PreviewReadyV1(**about, **made)
    return PreviewOmittedV1(**about, facts=made.get("facts"), text=made.get("text"))


UNFINISHED = "unfinished"
"""Noted of a preview whose larger pictures are still being made: after a crash they are made again."""


async def _tell(event: Envelope[ItemCommittedV1], deps: Deps, result: Told, *, finished: bool = True) -> bool:
    """Note and tell what became of a preview; False, and nothing is left of it, where the file is gone."""
    ready = result if isinstance(result, PreviewReadyV1) else None
    reason = result.reason if isinstance(result, PreviewFailedV1) else None if finished else UNFINISHED
    async with deps.work.unit(cause=event, consumer=BULK if finished else EARLY) as unit:
        gone = await store.is_gone(unit.connection, result.item_id, result.version_id, event.revision)
        if not gone:
            revision = await store.record_preview(
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
        in_use = await store.preview_of_blob(connection, blob_id)
    if in_use is None:
        await deps.blobs.delete(domain.preview_keys(blob_id))


async def _render(deps: Deps, content: ContentFact, treated: kinds.Treatment, early: Early) -> PreviewOutcome:
    if content.size_bytes > treated.whole_bytes and treated.by_ranges:
        stored = Stored(deps.blobs, content.blob_key, content.etag, content.size_bytes)
        return await render_patiently(deps, stored, SIZES, task=treated.task, early=early)
    if content.size_bytes > domain.JOB_LIMITS.source_bytes:
        return PreviewFailed(PreviewFailure.TOO_LARGE, f"{content.size_bytes} bytes")
    whole = await deps.blobs.read(content.blob_key, etag=content.etag)
    return await render_patiently(deps, whole, SIZES, task=treated.task, early=early)


async def render_patiently(
    deps: Deps,
    source: Source | bytes,
    boxes: Sequence[int] = (400,),
    *,
    task: str = "pictures",
    square: bool = False,
    early: Early | None = None,
) -> PreviewOutcome:
    """A picture made small, or what another task makes; tried twice where that may help. Raises Retry when the machinery
    broke.
    """
    try:
        outcome = await deps.children.render(source, boxes, task=task, square=square, early=early)
        if isinstance(outcome, PreviewFailed) and outcome.reason in WORTH_ANOTHER_TRY:
            outcome = await deps.children.render(source, boxes, task=task, square=square, early=early)
    except ChildrenLost as error:
        raise Retry(f"the rendering processes were lost: {error}", after_seconds=1, doubling=True) from error
    return outcome


async def _stored(blobs: Blobs, blob_id: BlobId, made: Rendered) -> dict[str, Any]:
    """Write pictures and text under keys made from the content's id, so that writing them again changes nothing."""
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
    text = None
    if made.text:
        text = ExtractedText(key=domain.text_key(blob_id), size_bytes=len(made.text))
        await blobs.write(text.key, made.text, content_type="text/plain; charset=utf-8")
    return {
        "text": text,
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
