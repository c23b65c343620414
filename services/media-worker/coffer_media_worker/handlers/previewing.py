"""Previews of new versions, and what else is learnt of their content: made in processes of their own, stored, told; the small
picture before the others.
"""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import structlog
from pydantic import ValidationError

from coffer_chassis import metrics
from coffer_chassis.blobs import BlobChanged, BlobMissing, Blobs
from coffer_chassis.handling import Retry
from coffer_chassis.origin import Origin
from coffer_contracts.catalog import parse
from coffer_contracts.event import Envelope
from coffer_contracts.files import ContentFact, ItemCommittedV1
from coffer_contracts.ids import BlobId, VersionId
from coffer_contracts.media import ExtractedText, MediaFacts, PreviewFailedV1, PreviewImage, PreviewOmittedV1, PreviewReadyV1
from coffer_media_worker import domain, kinds
from coffer_media_worker.children import Early
from coffer_media_worker.domain import SIZES, PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from coffer_media_worker.handlers.deps import Deps
from coffer_media_worker.sources import Source, Stored
from coffer_media_worker.store.previews import preview_of_blob, record_preview
from coffer_media_worker.store.queue import PreviewJob, end_job, has_use, note_told_early
from coffer_media_worker.store.tombstones import is_gone
from coffer_media_worker.warm import ChildrenLost

FOREVER = "public, max-age=31536000, immutable"
WORTH_ANOTHER_TRY = frozenset({PreviewFailure.TIMEOUT, PreviewFailure.CRASHED})
Told = PreviewReadyV1 | PreviewOmittedV1 | PreviewFailedV1
"""What may become of a version: pictures, something without a picture, or nothing and why."""

log = structlog.get_logger(__name__)


class JobLost(Exception):
    """Somebody else has the job by now; nothing is to be told."""


async def make_preview(deps: Deps, job: PreviewJob) -> None:
    """Make the preview that a job is about, tell what became of it, and end the job. May run again from any point; previews of
    purged items are not made. Raises JobLost, and whatever is no fault of the file's.
    """
    event, content = asked_by(job)
    fact = event.data
    async with deps.work.read() as connection:
        gone = await is_gone(connection, fact.item_id, content.version_id, event.revision)
        known = await preview_of_blob(connection, content.blob_id)
    if gone:
        await _end_without_word(deps, job)
        return
    about = _about(event, content, deps.work.clock.now())

    async def early(part: Rendered) -> None:
        if not job.told_early:  # or it was, before a crash
            await _tell(event, deps, job, _told(about, await _stored(deps.blobs, content.blob_id, part)), last=False)

    result: Told
    if known is not None:
        images = tuple(PreviewImage.model_validate(image) for image in known.images)
        result = _told(
            about, {"images": images, "width": known.width, "height": known.height, "placeholder": known.placeholder}
        )
    else:
        try:
            outcome = await _render(deps, content, early)
        except (BlobMissing, BlobChanged) as error:
            log.info("blob_vanished", item_id=fact.item_id, error=type(error).__name__)
            await _end_without_word(deps, job)
            return
        if isinstance(outcome, PreviewFailed):
            log.info("preview_failed", item_id=fact.item_id, reason=outcome.reason.value, detail=outcome.detail)
            result = PreviewFailedV1(**about, reason=outcome.reason.value)
        else:
            result = _told(about, await _stored(deps.blobs, content.blob_id, outcome))
    await _tell(event, deps, job, result)


async def give_up(deps: Deps, job: PreviewJob, reason: PreviewFailure) -> None:
    """Tell that there will be no preview, and end the job. Raises JobLost."""
    event, content = asked_by(job)
    failed = PreviewFailedV1(**_about(event, content, deps.work.clock.now()), reason=reason.value)
    await _tell(event, deps, job, failed)


def asked_by(job: PreviewJob) -> tuple[Envelope[ItemCommittedV1], ContentFact]:
    """The fact that asked for a preview, and the content that it is to show. Raises TypeError for a fact that asks for none,
    which nobody puts in line.
    """
    event = cast("Envelope[ItemCommittedV1]", parse(job.event))
    if not isinstance(event.data, ItemCommittedV1) or event.data.content is None:
        raise TypeError(f"{event.type} asks for no preview")
    return event, event.data.content


def _about(event: Envelope[ItemCommittedV1], content: ContentFact, started_at: datetime) -> dict[str, Any]:
    fact = event.data
    return {
        "item_id": fact.item_id,
        "version_id": content.version_id,
        "owner_id": fact.owner_id,
        "ancestor_ids": fact.ancestor_ids,
        "blob_id": content.blob_id,
        "started_at": started_at,
    }


def _told(about: Mapping[str, Any], made: Mapping[str, Any]) -> PreviewReadyV1 | PreviewOmittedV1:
    """The fact about what was made: another one where there is no picture."""
    if made["images"]:
        return PreviewReadyV1(**about, **made)
    return PreviewOmittedV1(**about, facts=made.get("facts"), text=made.get("text"))


UNFINISHED = "unfinished"
"""Noted of a preview whose larger pictures are still being made: after a crash they are made again."""


async def _tell(
    event: Envelope[ItemCommittedV1],
    deps: Deps,
    job: PreviewJob,
    result: Told,
    *,
    last: bool = True,
) -> None:
    """Note and tell what became of a preview, and with the last word end the job; where the file is gone nothing is told, and
    in the end nothing left of it. Raises JobLost.
    """
    ready = result if isinstance(result, PreviewReadyV1) else None
    reason = result.reason if isinstance(result, PreviewFailedV1) else None if last else UNFINISHED
    async with deps.work.unit(Origin.of(event)) as unit:
        gone = await is_gone(unit.connection, result.item_id, result.version_id, event.revision)
        if not gone:
            if not await (end_job(unit.connection, job) if last else note_told_early(unit.connection, job, unit.now)):
                raise JobLost(job.version_id)
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
    if last and gone:
        await _end_without_word(deps, job)
    elif last:
        outcome = "ready" if ready else "omitted"
        metrics.MEDIA_JOBS.labels("preview_failed" if reason else f"preview_{outcome}").inc()
        metrics.MEDIA_PREVIEWS.labels(reason or outcome).inc()


async def _end_without_word(deps: Deps, job: PreviewJob) -> None:
    """End the job of a file that is gone. Pictures first, so that a crash in between leaves nothing."""
    await clear_up(deps, job.blob_id, besides=job.version_id)
    async with deps.work.engine.begin() as connection:
        await end_job(connection, job)


async def clear_up(deps: Deps, blob_id: BlobId, *, besides: VersionId | None = None) -> None:
    """Delete pictures that nobody shows, nor is to: of something purged, written after the purge had cleared up, by this job
    or before a crash; or by somebody who had lost the job.
    """
    async with deps.work.read() as connection:
        in_use = await has_use(connection, blob_id, besides=besides)
    if not in_use:
        await deps.blobs.delete(domain.preview_keys(blob_id))


async def _render(deps: Deps, content: ContentFact, early: Early) -> PreviewOutcome:
    treated = kinds.treatment(content.mime_type)
    if treated is None:
        return PreviewFailed(PreviewFailure.UNSUPPORTED, content.mime_type)
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
