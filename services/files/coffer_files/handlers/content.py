"""Signed addresses for what is stored: bytes of files and their preview pictures. No byte passes through here."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.files_downloads import DownloadWay
from coffer_contracts.ids import VersionId
from coffer_contracts.problems import KindConflict, NotFound, StateConflict, TicketRequired
from coffer_files.domain.content import Disposition, allowed_disposition, disposition_header, served_type
from coffer_files.domain.items import Located
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.items import find_item
from coffer_files.handlers.sight import Seen
from coffer_files.handlers.tickets import Admission
from coffer_files.store.versions import Version, version


@dataclass(frozen=True, slots=True)
class Served:
    """One content of a file, and as what it is served to whoever asked."""

    at: Located
    content: Version
    disposition: str
    """The whole header."""
    content_type: str
    is_current: bool

    @property
    def etag(self) -> str:
        """The entity tag with which the bytes themselves are answered."""
        return f'"{self.content.etag}"'


@dataclass(frozen=True, slots=True)
class Download:
    """An address under which the bytes of one version can be fetched until `expires_at`."""

    url: str
    expires_at: datetime
    content: Version


async def find_content(
    deps: Deps,
    principal: Principal,
    origin: Origin,
    ref: str,
    *,
    version_id: VersionId | None,
    disposition: Disposition = "attachment",
) -> Served:
    """A file's content, or an older one, and how it is to be served. What a browser might run is never shown, only saved.

    Raises NotFound, KindConflict for a folder, StateConflict while the content of a file is not there.
    """
    found, content = await content_at(deps, principal, origin, ref, version_id)
    at = found.at
    allowed = allowed_disposition(disposition, content.mime_type, content.flags, content.preview_reason)
    served_as = served_type(content.mime_type, allowed)
    return Served(at, content, disposition_header(allowed, at.item.name), served_as, content.id == at.item.version_id)


async def hand_out(
    deps: Deps, origin: Origin, served: Served, admission: Admission, way: DownloadWay, *, seconds: int | None = None
) -> Download:
    """Where to fetch it: for `seconds` and no longer, or without them for as long as the settings say at least.

    Raises TicketRequired for a link session without a fresh ticket for this content.
    """
    content = served.content
    ticket = await admission.read("content")
    if ticket is not None:
        is_meant = ticket.version_id == content.id if ticket.version_id else served.is_current
        if ticket.item_id != content.item_id or not is_meant:
            raise TicketRequired("The ticket was made for something else.")
        await admission.use(deps)
    life = seconds or deps.settings.get_url_seconds
    url = deps.addresses.presign_get(
        content.blob_key,
        content_type=served.content_type,
        disposition=served.disposition,
        expires_seconds=life,
        # What a link session was given is for once; what was asked for a time ends with it.
        fresh=seconds is not None or ticket is not None,
    )
    deps.interactions.note_by(origin, content.item_id)
    deps.downloads.note(origin, served.at, way, version_id=content.id, size_bytes=content.size_bytes)
    return Download(url, deps.work.clock.now() + timedelta(seconds=life), content)


def picture_url(deps: Deps, key: str, mime_type: str) -> str:
    """A signed address of a stored preview picture; the same for a while, so that browsers find it in their cache."""
    return deps.addresses.presign_get(
        key, content_type=mime_type, disposition="inline", expires_seconds=deps.settings.get_url_seconds
    )


async def content_at(
    deps: Deps, principal: Principal, origin: Origin, ref: str, version_id: VersionId | None
) -> tuple[Seen, Version]:
    """A file as the caller sees it, and its content or an older one. Raises NotFound, KindConflict, StateConflict."""
    found = await find_item(deps, principal, origin, ref)
    item = found.at.item
    if item.version_id is None:
        raise KindConflict("A folder has no content.")
    async with deps.work.read() as connection:
        content = await version(connection, version_id or item.version_id)
    if content is None and version_id in {None, item.version_id}:
        raise StateConflict("The content is not there yet.", state="uncommitted")
    if content is None or content.item_id != item.id:
        raise NotFound
    return found, content
