"""Where preview pictures are fetched, in the form that a client can show, and what is told with them."""

from typing import Any

from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.ids import VersionId
from coffer_files.domain.items import Located
from coffer_files.domain.previews import (
    BOXES,
    TYPES,
    PictureForm,
    PreviewSize,
    PreviewUnavailable,
    degrees,
    jpeg_for,
    picture_for,
)
from coffer_files.handlers.content import content_at, picture_url
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.pages import find_page
from coffer_files.handlers.preview_requests import ask_for_jpeg
from coffer_files.store.drives import drive_of
from coffer_files.store.facts import facts_of
from coffer_files.store.versions import Version


async def sign_preview(
    deps: Deps,
    principal: Principal,
    origin: Origin,
    ref: str,
    size: PreviewSize,
    *,
    version_id: VersionId | None,
    form: PictureForm = "webp",
    page: int = 1,
) -> str | None:
    """Where to fetch a preview picture, of a document that of any page; None while it is being made. Whoever is the first to
    want one as JPEG has all pictures of the version made as such; whoever is the first to turn to a page has that one drawn.

    Raises NotFound, KindConflict, StateConflict, PreviewUnavailable.
    """
    found, content = await content_at(deps, principal, origin, ref, version_id)
    if size != "thumb":
        deps.interactions.note_by(origin, content.item_id)
    if content.preview_status == "pending":
        return None
    picture = picture_for(content.preview_images, size)
    if content.preview_status != "ready" or picture is None:
        reason = content.preview_reason or "none"
        raise PreviewUnavailable(f"There is no preview of this file: {reason}.", reason=reason)
    if page > 1:
        key = await find_page(deps, origin, content, found.at.item.owner_id, page, BOXES[size], TYPES[form])
        return picture_url(deps, key, TYPES[form]) if key else None
    if form == "jpeg":
        picture = jpeg_for(content.preview_images, size)
        if picture is None:
            await ask_for_jpeg(deps, origin, content, found.at.item.owner_id)
            return None
    return picture_url(deps, picture["key"], picture["mime_type"])


async def facts_shown(deps: Deps, principal: Principal, at: Located, content: Version) -> dict[str, Any]:
    """What is known of a content. Where it was taken, as `latitude` and `longitude` in degrees, only to its owner, and only
    while they want that known.
    """
    async with deps.work.read() as connection:
        facts = await facts_of(connection, content.blob_id)
        text = facts.pop("location", None)
        is_owner = principal.grantee == f"user/{at.item.owner_id}"
        drive = await drive_of(connection, at.item.owner_id) if text and is_owner else None
    if drive is not None and drive.keep_locations:
        latitude, longitude = degrees(text)
        facts["location"] = {"latitude": latitude, "longitude": longitude}
    return facts
