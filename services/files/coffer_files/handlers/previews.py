"""What becomes of previews: told by the media worker, or given up because nothing was heard of them."""

from datetime import datetime

import structlog

from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope
from coffer_contracts.files import PreviewStatus
from coffer_contracts.ids import BlobId, ItemId, UserId, VersionId
from coffer_contracts.media import MediaFacts, PreviewFailedV1, PreviewOmittedV1, PreviewReadyV1
from coffer_files.domain.previews import JPEG
from coffer_files.domain.timelines import PREVIEW_PATIENCE
from coffer_files.handlers.deps import Deps
from coffer_files.store import items, preview_requests, versions
from coffer_files.store.changes import note_change
from coffer_files.store.drives import lock_drive
from coffer_files.store.facts import note_facts

NO_ANSWER = "no_answer"
PAGE = 200

log = structlog.get_logger(__name__)


async def on_preview_ready(event: Envelope[PreviewReadyV1], unit: Unit, _deps: Deps) -> None:
    """The pictures of a version can be shown."""
    fact = event.data
    pictures = [image.model_dump(mode="json") for image in fact.images]
    more = {"width": fact.width, "height": fact.height} if fact.width and fact.height else {}
    await _note_preview(event, unit, "ready", None, preview_images=pictures, placeholder=fact.placeholder, **more)
    if not any(image.mime_type == JPEG for image in fact.images):
        await preview_requests.forget_jpeg_request(unit.connection, fact.version_id)
    await _note_facts(unit, fact.owner_id, fact.blob_id, fact.facts)


async def on_preview_omitted(event: Envelope[PreviewOmittedV1], unit: Unit, _deps: Deps) -> None:
    """A version has no pictures, as its kind has none; what is known of it is kept."""
    fact = event.data
    await _note_preview(event, unit, "none", None, preview_images=[], placeholder=None)
    await _note_facts(unit, fact.owner_id, fact.blob_id, fact.facts)


async def _note_facts(unit: Unit, owner_id: UserId, blob_id: BlobId, told: MediaFacts | None) -> None:
    if told is None:
        return
    facts = told.model_dump(mode="json", exclude_none=True)
    if told.location is not None:
        drive = await lock_drive(unit.connection, owner_id)
        if drive is None or not drive.keep_locations:
            del facts["location"]  # its owner changed their mind meanwhile
    await note_facts(unit.connection, blob_id, facts)


async def on_preview_failed(event: Envelope[PreviewFailedV1], unit: Unit, _deps: Deps) -> None:
    """There will be no pictures of a version; the reason is kept for whoever asks for them."""
    await _note_preview(event, unit, "failed", event.data.reason, preview_images=[], placeholder=None)


async def _note_preview(
    event: Envelope[PreviewReadyV1] | Envelope[PreviewOmittedV1] | Envelope[PreviewFailedV1],
    unit: Unit,
    status: PreviewStatus,
    reason: str | None,
    **values: object,
) -> None:
    """No fact about the item follows: whoever cares for previews hears the media worker itself."""
    version_id = event.data.version_id
    # First, as everywhere: a batch that goes on to a verdict of this owner must not hold the file and wait for the drive.
    await lock_drive(unit.connection, event.data.owner_id)
    item_id = await versions.note_preview(
        unit.connection,
        version_id,
        event.revision,
        preview_status=status,
        preview_reason=reason,
        preview_at=unit.now,
        preview_started_at=event.data.started_at,
        **values,
    )
    if item_id is not None:
        await tell_preview(unit, item_id, version_id, status, reason, unit.now)


async def tell_preview(
    unit: Unit, item_id: ItemId, version_id: VersionId, status: PreviewStatus, reason: str | None, now: datetime
) -> None:
    """Show at the file and in the feed how far the preview of its current version is. The drive is locked."""
    item = await items.note_preview(unit.connection, item_id, version_id, status, reason, now)
    if item is not None:
        above = await items.ids_above(unit.connection, item.id)
        await note_change(unit.connection, item, "metadata", above, actor_id=None, now=now)


async def give_up_previews(deps: Deps) -> int:
    """Files must not look for ever as if their preview were being made: whatever was lost, after a day they stand without
    one; how many. May run twice and at once. A preview that comes later is shown all the same.
    """
    count = 0
    while True:
        async with deps.work.read() as connection:
            before = deps.work.clock.now() - PREVIEW_PATIENCE
            due = await preview_requests.overdue_previews(connection, before, PAGE)
        for version_id, owner_id, _ in due:
            async with deps.work.unit(Origin.system(new_id())) as unit:
                await lock_drive(unit.connection, owner_id)
                item_id = await versions.give_up_preview(unit.connection, version_id, NO_ANSWER, unit.now)
                if item_id is not None:
                    await tell_preview(unit, item_id, version_id, "failed", NO_ANSWER, unit.now)
                    count += 1
        if len(due) < PAGE:
            break
    if count:
        log.warning("previews_given_up", count=count)
    return count
