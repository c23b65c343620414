"""Previews are not made when they are heard of but put in line, at once: the queue holds nobody up, and turns are fair."""

from collections.abc import Sequence
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope
from coffer_contracts.files import ItemCommittedV1
from coffer_contracts.files_previews import PreviewRequestedV1, WantedPage
from coffer_contracts.ids import BlobId
from coffer_media_worker import kinds
from coffer_media_worker.handlers.deps import Deps
from coffer_media_worker.keys import page_key
from coffer_media_worker.store.queue import Wanted, put_in_line

PREVIEWS = "previews"
"""The topic of wake-ups for those who make previews."""


async def on_item_committed(event: Envelope[ItemCommittedV1], unit: Unit, _deps: Deps) -> None:
    """Have the preview of a new version made, if its kind can have one. Twice the same fact gives one."""
    content = event.data.content
    if content is None or kinds.treatment(content.mime_type) is None:
        return
    unit.together(_put_all, Wanted(content.version_id, content.blob_id, event.data.owner_id, event.to_json()))
    unit.wake(PREVIEWS)


async def on_preview_requested(event: Envelope[PreviewRequestedV1], unit: Unit, _deps: Deps) -> None:
    """Have a preview made anew, or its pictures as JPEG, or a page drawn; whoever asked waits for a word, so also what can have
    none comes into the line. Twice the same fact gives one.
    """
    fact, blob_id = event.data, event.data.content.blob_id
    wanted = Wanted(fact.version_id, blob_id, fact.owner_id, event.to_json())
    if fact.page is not None:
        wanted = wanted._replace(id=page_job(blob_id, fact.page), page_of=fact.version_id)
    unit.together(_put_all, wanted)
    unit.wake(PREVIEWS)


def page_job(blob_id: BlobId, wanted: WantedPage) -> str:
    """Names the job of a picture of a page: the same however often and for whichever version it is asked for."""
    return str(uuid5(UUID(blob_id), page_key(blob_id, wanted.page, wanted.box_pixels, wanted.mime_type)))


async def _put_all(connection: AsyncConnection, asked: Sequence[tuple[Unit, Wanted]]) -> None:
    await put_in_line(connection, [wanted for _, wanted in asked], asked[0][0].now)
