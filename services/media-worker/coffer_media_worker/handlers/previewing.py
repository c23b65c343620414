"""Previews of new versions, and what else is learnt of their content: made in processes of their own, stored, told; the small
picture before the others.
"""

import base64
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import Row

from coffer_chassis import metrics
from coffer_chassis.blobs import BlobChanged, BlobMissing
from coffer_chassis.handling import Retry
from coffer_chassis.origin import Origin
from coffer_contracts.files import ContentFact
from coffer_contracts.ids import BlobId, VersionId
from coffer_contracts.media import ExtractedText, MediaFacts, PreviewFailedV1, PreviewImage, PreviewOmittedV1, PreviewReadyV1
from coffer_media_worker import domain, kinds
from coffer_media_worker.children import Early
from coffer_media_worker.domain import SIZES, PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from coffer_media_worker.handlers.asking import Asked, asked_by
from coffer_media_worker.handlers.clearing import delete_derived
from coffer_media_worker.handlers.deps import FOREVER, Deps
from coffer_media_worker.handlers.jpegs import has_jpegs, with_jpegs
from coffer_media_worker.keys import derived_prefix, text_key
from coffer_media_worker.kinds import Treatment
from coffer_media_worker.sources import Source, Stored
from coffer_media_worker.store.previews import preview_of_blob, record_preview
from coffer_media_worker.store.queue import PreviewJob, end_job, has_use, note_told_early
from coffer_media_worker.store.tombstones import hold_item, is_gone
from coffer_media_worker.warm import ChildrenLost

WORTH_ANOTHER_TRY = frozenset({PreviewFailure.TIMEOUT, PreviewFailure.CRASHED})
LARGEST_FACT = (1 << 53) - 1
"""Numbers up to this are exact for every reader of JSON (RFC 8259, section 6)."""
Told = PreviewReadyV1 | PreviewOmittedV1 | PreviewFailedV1
"""What may become of a version: pictures, something without a picture, or nothing and why."""

log = structlog.get_logger(__name__)


class JobLost(Exception):
    """Somebody else has the job by now; nothing is to be told."""


async def make_preview(deps: Deps, job: PreviewJob) -> None:
    """Make the preview that a job is about, tell what became of it, and end the job. May run again from any point; previews of
    purged items are not made. Raises JobLost, and whatever is no fault of the file's.
    """
    asked = asked_by(job)
    content = asked.content
    async with deps.work.read() as connection:
        gone = await is_gone(connection, asked.event.data.item_id, content.version_id, asked.sequence)
        known = await preview_of_blob(connection, content.blob_id, since=asked.since)
    if gone:
        await end_without_word(deps, job)
        return
    about = asked.about(deps.work.clock.now())

    is_told = job.told_early  # before a crash

    async def early(part: Rendered) -> None:
        nonlocal is_told
        if part.pictures and not is_told:  # by itself a later part would stand for all
            is_told = True
            await _tell(asked, deps, job, _told(about, await _stored(deps, asked, part)), last=False)

    try:
        result: Told | None = await _known(deps, asked, about, known) if known is not None else None
        if result is None:
            result = await _made(deps, asked, about, early)
    except (BlobMissing, BlobChanged) as error:
        log.info("blob_vanished", item_id=asked.event.data.item_id, error=type(error).__name__)
        await end_without_word(deps, job)
        return
    await _tell(asked, deps, job, result)


async def _known(deps: Deps, asked: Asked, about: Mapping[str, Any], known: Row[Any]) -> Told | None:
    """A preview of the same bytes, told again; None if its pictures are wanted as JPEG and are gone. Raises Retry."""
    images = tuple(PreviewImage.model_validate(image) for image in known.images)
    if asked.as_jpeg and not has_jpegs(images):
        try:
            images = await with_jpegs(deps, asked.content.blob_id, images)
        except BlobMissing:
            return None
    return _told(about, {"images": images, "width": known.width, "height": known.height, "placeholder": known.placeholder})


async def _made(deps: Deps, asked: Asked, about: Mapping[str, Any], early: Early) -> Told:
    """A preview that is made now. Raises BlobMissing, BlobChanged, Retry."""
    outcome = await _render(deps, asked, early)
    if isinstance(outcome, PreviewFailed):
        log.info("preview_failed", item_id=about["item_id"], reason=outcome.reason.value, detail=outcome.detail)
        return PreviewFailedV1(**about, reason=outcome.reason.value)
    made = await _stored(deps, asked, outcome)
    if asked.as_jpeg:
        made["images"] = await with_jpegs(deps, asked.content.blob_id, made["images"])
    return _told(about, made)


async def give_up(deps: Deps, job: PreviewJob, reason: PreviewFailure) -> None:
    """Tell that there will be no preview, and end the job. Of pictures that are there and cannot be had as JPEG nothing is
    told: they stay as good as they are. Raises JobLost.
    """
    asked = asked_by(job)
    if asked.as_jpeg:
        async with deps.work.read() as connection:
            known = await preview_of_blob(connection, job.blob_id)
        if known is not None:
            await end_without_word(deps, job)
            return
    await _tell(asked, deps, job, PreviewFailedV1(**asked.about(deps.work.clock.now()), reason=reason.value))


def _told(about: Mapping[str, Any], made: Mapping[str, Any]) -> PreviewReadyV1 | PreviewOmittedV1:
    """The fact about what was made: another one where there is no picture."""
    if made["images"]:
        return PreviewReadyV1(**about, **made)
    return PreviewOmittedV1(**about, facts=made.get("facts"), text=made.get("text"))


UNFINISHED = "unfinished"
"""Noted of a preview whose larger pictures are still being made: after a crash they are made again."""


async def _tell(
    asked: Asked,
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
    async with deps.work.unit(Origin.of(asked.event)) as unit:
        await hold_item(unit.connection, result.item_id)
        gone = await is_gone(unit.connection, result.item_id, result.version_id, asked.sequence)
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
        await end_without_word(deps, job)
    elif last:
        outcome = "ready" if ready else "omitted"
        metrics.MEDIA_JOBS.labels("preview_failed" if reason else f"preview_{outcome}").inc()
        metrics.MEDIA_PREVIEWS.labels(reason or outcome).inc()


async def end_without_word(deps: Deps, job: PreviewJob) -> None:
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
        await delete_derived(deps, blob_id)


async def _render(deps: Deps, asked: Asked, early: Early) -> PreviewOutcome:
    content = asked.content
    treated = kinds.treatment(content.mime_type)
    if treated is None:
        return PreviewFailed(PreviewFailure.UNSUPPORTED, content.mime_type)
    source = await source_of(deps, content, treated)
    if isinstance(source, PreviewFailed):
        return source
    return await render_patiently(deps, source, SIZES, task=treated.task, early=early, locate=asked.locate)


async def source_of(deps: Deps, content: ContentFact, treated: Treatment) -> Source | bytes | PreviewFailed:
    """The bytes that a job works on, or where it reads them as far as it needs them; a failure where they are too many.
    Raises BlobMissing, BlobChanged.
    """
    if content.size_bytes > treated.whole_bytes and treated.by_ranges:
        return Stored(deps.blobs, content.blob_key, content.etag, content.size_bytes)
    if content.size_bytes > domain.JOB_LIMITS.source_bytes:
        return PreviewFailed(PreviewFailure.TOO_LARGE, f"{content.size_bytes} bytes")
    return await deps.blobs.read(content.blob_key, etag=content.etag)


async def render_patiently(
    deps: Deps,
    source: Source | bytes,
    boxes: Sequence[int] = (400,),
    *,
    task: str = "pictures",
    square: bool = False,
    early: Early | None = None,
    locate: bool = False,
    form: str = "WEBP",
    page: int | None = None,
) -> PreviewOutcome:
    """A picture made small, or what another task makes; tried twice where that may help. Raises Retry when the machinery
    broke.
    """
    render = partial(
        deps.children.render, source, boxes, task=task, square=square, early=early, locate=locate, format=form, page=page
    )
    try:
        outcome = await render()
        if isinstance(outcome, PreviewFailed) and outcome.reason in WORTH_ANOTHER_TRY:
            outcome = await render()
    except ChildrenLost as error:
        raise Retry(f"the rendering processes were lost: {error}", after_seconds=1, doubling=True) from error
    return outcome


async def _stored(deps: Deps, asked: Asked, made: Rendered) -> dict[str, Any]:
    """Write pictures and text under keys made from the content's id, so that writing them again changes nothing."""
    blobs, blob_id = deps.blobs, asked.content.blob_id
    images = []
    for picture in made.pictures:
        key = f"{derived_prefix(blob_id)}{picture.box}"
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
        text = ExtractedText(key=text_key(blob_id), size_bytes=len(made.text))
        await blobs.write(text.key, made.text, content_type="text/plain; charset=utf-8")
    return {
        "text": text,
        "images": tuple(images),
        "width": made.source_width,
        "height": made.source_height,
        "placeholder": base64.b64encode(made.placeholder).decode() or None,
        "facts": believed(made.facts, locate=asked.locate),
    }


def believed(told: Mapping[str, object], *, locate: bool = False) -> MediaFacts | None:
    """What a child told, as far as it has the form of facts: the child may have been taken over by the file. Where it was taken
    is left out unless it was asked for.
    """
    fields = {name: value for name, value in told.items() if name in MediaFacts.model_fields and _is_storable(value)}
    if not locate:
        fields.pop("location", None)
    try:
        return MediaFacts.model_validate(fields, strict=True) if fields else None
    except ValidationError as error:
        log.warning("facts_not_believed", fields=sorted(str(one["loc"][0]) for one in error.errors()))
        return None


def _is_storable(value: object) -> bool:
    """Whether whoever hears of it can keep it: databases take no NUL, and many readers no longer numbers."""
    if isinstance(value, int):
        return abs(value) <= LARGEST_FACT
    return not isinstance(value, str) or value.isprintable()
