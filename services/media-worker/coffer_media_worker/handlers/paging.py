"""A picture of one page of a document, because somebody turned to it: drawn, stored under a key that says what it is, told.

Nothing of it is kept here: files knows which pages there are, and asks again for those that it has forgotten.
"""

from typing import Any

import structlog

from coffer_chassis import metrics
from coffer_chassis.blobs import BlobChanged, BlobMissing
from coffer_chassis.origin import Origin
from coffer_contracts.files import ContentFact
from coffer_contracts.files_previews import WantedPage
from coffer_contracts.media_pages import PageFailedV1, PageReadyV1
from coffer_media_worker import kinds
from coffer_media_worker.domain import SIZES, Picture, PreviewFailed, PreviewFailure, PreviewOutcome
from coffer_media_worker.handlers.asking import Asked, asked_by
from coffer_media_worker.handlers.deps import FOREVER, Deps
from coffer_media_worker.handlers.previewing import JobLost, end_without_word, render_patiently, source_of
from coffer_media_worker.keys import page_key
from coffer_media_worker.sources import Stored
from coffer_media_worker.store.queue import PreviewJob, end_job
from coffer_media_worker.store.tombstones import hold_item, is_gone

FORMS = {"image/webp": "WEBP", "image/jpeg": "JPEG"}
"""As what a page can be had."""

log = structlog.get_logger(__name__)


async def make_page(deps: Deps, job: PreviewJob) -> None:
    """Draw the page that a job is about, tell what became of it, and end the job. May run again from any point; pages of what
    was deleted are not drawn. Raises JobLost, and whatever is no fault of the file's.
    """
    asked, wanted = _asked(job)
    async with deps.work.read() as connection:
        gone = await is_gone(connection, asked.event.data.item_id, asked.content.version_id, asked.sequence)
    if gone:
        await end_without_word(deps, job)
        return
    about = _about(deps, asked, wanted)
    try:
        made = _picture_of(await _drawn(deps, asked.content, wanted), wanted)
    except (BlobMissing, BlobChanged) as error:
        log.info("blob_vanished", item_id=asked.event.data.item_id, error=type(error).__name__)
        await end_without_word(deps, job)
        return
    if isinstance(made, PreviewFailed):
        log.info("page_failed", item_id=about["item_id"], page=wanted.page, reason=made.reason.value, detail=made.detail)
        await _tell(deps, job, asked, wanted, PageFailedV1(**about, reason=made.reason.value))
        return
    key = page_key(asked.content.blob_id, wanted.page, wanted.box_pixels, wanted.mime_type)
    await deps.blobs.write(key, made.content, content_type=made.mime_type, cache_control=FOREVER)
    measures = {"width": made.width, "height": made.height, "size_bytes": len(made.content)}
    await _tell(deps, job, asked, wanted, PageReadyV1(**about, key=key, **measures))


async def give_up_page(deps: Deps, job: PreviewJob, reason: PreviewFailure) -> None:
    """Tell that there will be no picture of the page, and end the job. Raises JobLost."""
    asked, wanted = _asked(job)
    await _tell(deps, job, asked, wanted, PageFailedV1(**_about(deps, asked, wanted), reason=reason.value))


def _asked(job: PreviewJob) -> tuple[Asked, WantedPage]:
    asked = asked_by(job)
    if asked.page is None:
        raise TypeError("the job is about no page")
    return asked, asked.page


def _about(deps: Deps, asked: Asked, wanted: WantedPage) -> dict[str, Any]:
    """What every fact about the page tells."""
    return {
        **asked.about(deps.work.clock.now()),
        "page_id": wanted.page_id,
        "page": wanted.page,
        "box_pixels": wanted.box_pixels,
        "mime_type": wanted.mime_type,
    }


async def _drawn(deps: Deps, content: ContentFact, wanted: WantedPage) -> PreviewOutcome:
    treated = kinds.treatment(content.mime_type)
    if treated is not kinds.PDF or wanted.mime_type not in FORMS or wanted.box_pixels not in SIZES:
        return PreviewFailed(PreviewFailure.UNSUPPORTED, f"{content.mime_type} as {wanted.mime_type}")
    source = await source_of(deps, content, treated)
    if isinstance(source, PreviewFailed):
        return source
    if isinstance(source, Stored):
        source.remembered = deps.remembered
    boxes, form = (wanted.box_pixels,), FORMS[wanted.mime_type]
    return await render_patiently(deps, source, boxes, task=kinds.PAGE, form=form, page=wanted.page)


def _picture_of(outcome: PreviewOutcome, wanted: WantedPage) -> Picture | PreviewFailed:
    """The one picture that was asked for: the child may have been taken over by the file."""
    if isinstance(outcome, PreviewFailed):
        return outcome
    if len(outcome.pictures) != 1 or outcome.smallest.mime_type != wanted.mime_type:
        return PreviewFailed(PreviewFailure.CRASHED, "another picture than was asked for")
    return outcome.smallest


async def _tell(deps: Deps, job: PreviewJob, asked: Asked, wanted: WantedPage, result: PageReadyV1 | PageFailedV1) -> None:
    """Tell what became of it and end the job; where the file is gone nothing is told, and nothing left of it. Raises
    JobLost.
    """
    async with deps.work.unit(Origin.of(asked.event)) as unit:
        await hold_item(unit.connection, result.item_id)
        gone = await is_gone(unit.connection, result.item_id, result.version_id, asked.sequence)
        if not gone:
            if not await end_job(unit.connection, job):
                raise JobLost(job.id)
            unit.emit(result, sequence=wanted.attempt)
    if gone:
        await end_without_word(deps, job)
        return
    reason = result.reason if isinstance(result, PageFailedV1) else None
    metrics.MEDIA_JOBS.labels("page_failed" if reason else "page_ready").inc()
    metrics.MEDIA_PREVIEWS.labels(reason or "page").inc()
