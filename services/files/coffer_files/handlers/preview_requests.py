"""Previews that are waited for though the media worker heard of the content long ago: made anew, or wanted as JPEG. Pages
have a file of their own.

The media worker is asked by a fact of its own. While an answer is waited for nobody asks again but the clock.
"""

from datetime import timedelta

import structlog

from coffer_chassis.access import Rights
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files_previews import PreviewRequestedV1, WantedPage, WantedPictures
from coffer_contracts.ids import UserId, VersionId
from coffer_files.domain.previews import PreviewUnavailable
from coffer_files.handlers.content import content_at
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.facts import content_of_version
from coffer_files.handlers.previews import tell_preview
from coffer_files.store import items, pages, preview_requests
from coffer_files.store.drives import Drive, lock_drive
from coffer_files.store.preview_requests import Request, Waiting
from coffer_files.store.versions import Version

ASKED_AGAIN_AFTER = timedelta(hours=1)
"""How long nothing may be heard of a preview before the media worker is asked once more; each pause is longer."""

PAGE = 200
NO_ANSWER = "no_answer"

log = structlog.get_logger(__name__)


async def make_preview_anew(
    deps: Deps, principal: Principal, origin: Origin, ref: str, *, version_id: VersionId | None
) -> None:
    """Have the preview of a file made anew, or of one of its versions; nothing new happens while it is waited for, so it may
    run twice and at once.

    Raises NotFound, also for what is in the trash, Forbidden without the right to write, KindConflict for a folder,
    StateConflict while the content is not there.
    """
    found, content = await content_at(deps, principal, origin, ref, version_id)
    found.permit(Rights.WRITE)
    async with deps.work.unit(origin) as unit:
        drive = await lock_drive(unit.connection, found.at.item.owner_id)
        if drive is not None:
            await ask_anew(unit, drive, [content.id])


async def ask_anew(unit: Unit, drive: Drive, version_ids: list[VersionId]) -> int:
    """Have previews of a drive, which is locked, made anew; how many were not waited for already."""
    requests = await preview_requests.request_previews(unit.connection, version_ids, unit.now)
    await pages.forget_pages(unit.connection, [request.content.id for request in requests])
    for request in requests:
        await tell_preview(unit, request.content.item_id, request.content.id, "pending", None, unit.now)
        await ask(unit, drive, request, "all")
    return len(requests)


async def ask_for_jpeg(deps: Deps, origin: Origin, content: Version, owner_id: UserId) -> None:
    """Have the pictures of a version made as JPEG, unless that is under way. May run twice and at once.

    Raises PreviewUnavailable where that was asked for and nothing came.
    """
    # Whoever asks again and again while it is waited for, or in vain, takes no lock that the whole drive waits for.
    async with deps.work.read() as connection:
        now = deps.work.clock.now()
        awaited = await preview_requests.is_jpeg_awaited(connection, content.id, now)
        hopeless = not awaited and await preview_requests.is_jpeg_hopeless(connection, content.id, now)
    if not awaited and not hopeless:
        async with deps.work.unit(origin) as unit:
            drive = await lock_drive(unit.connection, owner_id)
            requests = await preview_requests.request_jpeg(unit.connection, content.id, unit.now) if drive else []
            if drive is not None:
                for request in requests:
                    await ask(unit, drive, request, "jpeg")
    if hopeless:
        raise PreviewUnavailable("There are no pictures of this file as JPEG.", reason=NO_ANSWER)


async def ask_again(deps: Deps) -> int:
    """Ask about previews once more of which nothing was heard: messages may be lost, and media workers start over; how many.
    May run twice and at once.
    """
    async with deps.work.read() as connection:
        now = deps.work.clock.now()
        due = await preview_requests.unanswered_previews(connection, now, ASKED_AGAIN_AFTER, PAGE)
    asked = [await _ask_again(deps, one) for one in due]
    if any(asked):
        log.warning("previews_asked_again", count=sum(asked))
    return sum(asked)


async def _ask_again(deps: Deps, waiting: Waiting) -> int:
    async with deps.work.unit(Origin.system(new_id())) as unit:
        drive = await lock_drive(unit.connection, waiting.owner_id)
        if drive is None:
            return 0
        requests = await preview_requests.repeat_request(unit.connection, waiting.version_id, waiting.since, unit.now)
        for request in requests:
            await ask(unit, drive, request, "all")
        return len(requests)


async def ask(unit: Unit, drive: Drive, request: Request, wanted: WantedPictures, page: WantedPage | None = None) -> None:
    """Tell what is wanted of a version. The drive is locked."""
    content = request.content
    fact = PreviewRequestedV1(
        version_id=content.id,
        item_id=content.item_id,
        owner_id=request.owner_id,
        ancestor_ids=await items.ids_above(unit.connection, content.item_id),
        content=content_of_version(content),
        wanted=wanted,
        page=page,
        locate=drive.keep_locations or None,
        requested_at=request.requested_at,
    )
    unit.emit(fact, sequence=request.sequence)
