"""Further pages of a document: drawn by the media worker when somebody turns to them, and kept.

The media worker is asked for one picture of one page at a time, in the size and form that is wanted. While it is waited for
nobody asks again.
"""

from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope
from coffer_contracts.files_previews import WantedPage
from coffer_contracts.ids import PageId, UserId
from coffer_contracts.media_pages import PageFailedV1, PageReadyV1
from coffer_files.domain.previews import MOST_PAGES, PAGED, PreviewUnavailable
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.preview_requests import NO_ANSWER, ask
from coffer_files.store import pages, preview_requests
from coffer_files.store.drives import lock_drive
from coffer_files.store.pages import MOST_AWAITED, Wish
from coffer_files.store.versions import Version


async def find_page(
    deps: Deps, origin: Origin, content: Version, owner_id: UserId, page: int, box: int, mime_type: str
) -> str | None:
    """Where a picture of a further page lies, of a document whose preview is there; None while it is being drawn. Whoever is
    the first to turn to the page has it drawn. May run twice and at once.

    Raises PreviewUnavailable where there is no such page, or it cannot be drawn.
    """
    if content.mime_type not in PAGED:
        raise _unavailable("no_pages", "Such a file has no pages.")
    wish = Wish(content.blob_id, page, box, mime_type)
    # Whoever waits, or asks in vain, takes no lock that the whole drive waits for.
    async with deps.work.read() as connection:
        now = deps.work.clock.now()
        found = await pages.standing(connection, wish, now)
    if found is None:
        return None  # it is just being deleted
    if found.page_count is not None and page > found.page_count:
        raise _unavailable("no_such_page", f"It has {found.page_count} pages.")
    if page > MOST_PAGES:
        raise _unavailable("too_many_pages", f"Only the first {MOST_PAGES} pages can be looked at.")
    if found.reason is not None:
        raise _unavailable(found.reason, f"There is no picture of this page: {found.reason}.")
    if found.key is None and not found.is_awaited(now):
        if not found.may_be_asked_for:
            raise _unavailable(NO_ANSWER, "There is no picture of this page.")
        if found.awaited < MOST_AWAITED:
            await _ask_for(deps, origin, content, owner_id, wish)
    return found.key


def _unavailable(reason: str, detail: str) -> PreviewUnavailable:
    return PreviewUnavailable(detail, reason=reason)


async def _ask_for(deps: Deps, origin: Origin, content: Version, owner_id: UserId, wish: Wish) -> None:
    async with deps.work.unit(origin) as unit:
        drive = await lock_drive(unit.connection, owner_id)
        asked = await pages.ask_for(unit.connection, wish, content.id, PageId(new_id()), unit.now) if drive else None
        if drive is None or asked is None:
            return
        wanted = WantedPage(
            page_id=asked.id, page=wish.page, box_pixels=wish.box_pixels, mime_type=wish.mime_type, attempt=asked.attempt
        )
        for request in await preview_requests.count_request(unit.connection, content.id, unit.now):
            await ask(unit, drive, request, "page", wanted)


async def on_page_ready(event: Envelope[PageReadyV1], unit: Unit, _deps: Deps) -> None:
    """The picture of a page can be shown."""
    await _note(event, unit, key=event.data.key)


async def on_page_failed(event: Envelope[PageFailedV1], unit: Unit, _deps: Deps) -> None:
    """There will be no such picture; the reason is kept for whoever turns to the page."""
    await _note(event, unit, reason=event.data.reason)


async def _note(
    event: Envelope[PageReadyV1] | Envelope[PageFailedV1], unit: Unit, *, key: str | None = None, reason: str | None = None
) -> None:
    fact = event.data
    await lock_drive(unit.connection, fact.owner_id)  # first, as everywhere: see `previews`
    wish = Wish(fact.blob_id, fact.page, fact.box_pixels, fact.mime_type)
    await pages.note_page(unit.connection, wish, fact.page_id, event.revision, key=key, reason=reason)
