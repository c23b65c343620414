"""Signed addresses for what is stored: bytes of files and their preview pictures. No byte passes through here."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.ids import VersionId
from coffer_contracts.problems import KindConflict, NotFound
from coffer_files.domain.content import Disposition, allowed_disposition, disposition_header, served_type
from coffer_files.domain.previews import PreviewSize, PreviewUnavailable, picture_for
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.items import find_item
from coffer_files.store.versions import Version, version


@dataclass(frozen=True, slots=True)
class Download:
    """An address under which the bytes of one version can be fetched until `expires_at`."""

    url: str
    expires_at: datetime
    content: Version


async def sign_download(
    deps: Deps,
    principal: Principal,
    origin: Origin,
    ref: str,
    *,
    version_id: VersionId | None,
    disposition: Disposition,
    seconds: int | None = None,
) -> Download:
    """Where to fetch a file, or an older version of it. What a browser might run is never shown, only saved.

    Raises NotFound, KindConflict for a folder.
    """
    content, name = await _content(deps, principal, origin, ref, version_id)
    allowed = allowed_disposition(disposition, content.mime_type, content.flags)
    life = seconds or deps.settings.get_url_seconds
    url = deps.blobs.presign_get(
        content.blob_key,
        content_type=served_type(content.mime_type, allowed),
        disposition=disposition_header(allowed, name),
        expires_seconds=life,
    )
    return Download(url, deps.work.clock.now() + timedelta(seconds=life), content)


async def sign_preview(
    deps: Deps, principal: Principal, origin: Origin, ref: str, size: PreviewSize, *, version_id: VersionId | None
) -> str | None:
    """Where to fetch a preview picture; None while it is being made. Raises NotFound, KindConflict, PreviewUnavailable."""
    content, _ = await _content(deps, principal, origin, ref, version_id)
    if content.preview_status == "pending":
        return None
    picture = picture_for(content.preview_images, size)
    if content.preview_status != "ready" or picture is None:
        reason = content.preview_reason or "none"
        raise PreviewUnavailable(f"There is no preview of this file: {reason}.", reason=reason)
    return picture_url(deps, picture["key"], picture["mime_type"])


def picture_url(deps: Deps, key: str, mime_type: str) -> str:
    """A signed address of a stored preview picture; the same for a while, so that browsers find it in their cache."""
    return deps.blobs.presign_get(
        key, content_type=mime_type, disposition="inline", expires_seconds=deps.settings.get_url_seconds
    )


async def _content(
    deps: Deps, principal: Principal, origin: Origin, ref: str, version_id: VersionId | None
) -> tuple[Version, str]:
    item = (await find_item(deps, principal, origin, ref)).at.item
    if item.version_id is None:
        raise KindConflict("A folder has no content.")
    async with deps.work.read() as connection:
        found = await version(connection, version_id or item.version_id)
    if found is None or found.item_id != item.id:
        raise NotFound
    return found, item.name
