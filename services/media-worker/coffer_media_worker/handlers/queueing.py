"""Previews are not made when they are heard of but put in line, at once: the queue holds nobody up, and turns are fair."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope
from coffer_contracts.files import ItemCommittedV1
from coffer_contracts.files_previews import PreviewRequestedV1
from coffer_media_worker import kinds
from coffer_media_worker.handlers.deps import Deps
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
    """Have a preview made anew, or its pictures as JPEG; whoever asked waits for a word, so also what can have none comes into
    the line. Twice the same fact gives one.
    """
    fact = event.data
    unit.together(_put_all, Wanted(fact.version_id, fact.content.blob_id, fact.owner_id, event.to_json()))
    unit.wake(PREVIEWS)


async def _put_all(connection: AsyncConnection, asked: Sequence[tuple[Unit, Wanted]]) -> None:
    await put_in_line(connection, [wanted for _, wanted in asked], asked[0][0].now)
