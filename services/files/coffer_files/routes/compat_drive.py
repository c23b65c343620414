"""Folders as the CloudDrive API shows them: the whole folder at once, up to a thousand children."""

from collections.abc import Sequence
from typing import Annotated, Literal
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, patch, post
from litestar.params import JSONBody, QueryParameter
from pydantic import Field

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body, Timestamp, link_header, successor
from coffer_chassis.cursors import Cursors, Listing
from coffer_chassis.etags import Conditions
from coffer_chassis.identity import Principal
from coffer_chassis.openapi import documented
from coffer_chassis.origin import Origin
from coffer_chassis.requests import LARGEST_LIMIT, IdText, TheCursors, TheOrigin, ThePrincipal, known_id
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import Forbidden, KindConflict, Locked, NameConflict, NameInvalid, NotFound, StateConflict
from coffer_files.domain.compat import shown_type
from coffer_files.domain.items import Listed, Order, SortKey
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.drives import drive_or_new
from coffer_files.handlers.items import ROOT, Wish, change_item, make_folder
from coffer_files.handlers.people import email_of
from coffer_files.handlers.reading import Asked, FolderPage, list_folder
from coffer_files.routes.compat import MessageAnswer, named_item
from coffer_files.routes.items import NAME_LIMIT
from coffer_files.routes.requests import READ, WRITE, InPath, TheDeps

MOST = LARGEST_LIMIT
"""Children that are answered at once."""

_BY_INTERACTION = "last_interaction"
"""No index has this order, because it is another one for everybody: a folder that is answered as a whole is sorted here, the
beginning of a larger one comes in the order of changes, as the pages behind it.
"""

_KEYS: dict[str, SortKey] = {"name": "name", "created_at": "created_at", "last_interaction": "modified_at"}

SortBy = Annotated[Literal["name", "created_at", "last_interaction"], QueryParameter(description="What is sorted by.")]
Direction = Annotated[Literal["ASC", "DESC"], QueryParameter(description="Upwards or downwards.")]


class DriveFolderBody(Body):
    """A new folder, as the CloudDrive API takes it."""

    folder_name: str = Field(max_length=NAME_LIMIT, description="1 to 255 bytes of UTF-8.")
    parent_folder_id: IdText | None = Field(None, description="Where it is made; the root folder if absent.")


class DriveNameBody(Body):
    """Another name for a folder, as the CloudDrive API takes it."""

    new_name: str = Field(max_length=NAME_LIMIT, description="1 to 255 bytes of UTF-8.")
    parent_folder_id: IdText | None = Field(None, description="The folder it lies in; nothing is moved.")


class DriveUserAnswer(msgspec.Struct, frozen=True):
    """Whose drive it is, and how much room is in it. `email` is null until auth has told it."""

    username: str | None
    email: str | None
    available_storage_in_bytes: int
    total_storage_in_bytes: int


class DriveEntryAnswer(msgspec.Struct, frozen=True, gc=False):
    """A child of a folder. Folders have neither size nor type; the type of a file is what its name ends in."""

    id: str
    name: str
    size_in_bytes: int | None
    type: str | None
    created_at: Timestamp
    last_interaction: Timestamp
    parent_folder_id: str | None


class DriveAnswer(msgspec.Struct, frozen=True):
    """A folder; `user` only for the root folder."""

    files_and_folders: list[DriveEntryAnswer]
    user: DriveUserAnswer | msgspec.UnsetType = msgspec.UNSET


@post(
    "/drive",
    opt=user(WRITE)
    | documented(
        raises=[Locked, NameInvalid, NameConflict, KindConflict, NotFound, Forbidden],
        headers=["Link"],
        request={"folder_name": "Holiday"},
        events=["files.item.created.v1"],
        compat=True,
    ),
    status_code=200,
)
async def create_folder(
    data: JSONBody[DriveFolderBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[MessageAnswer]:
    """Make a folder, the CloudDrive way.

    As `POST /v1/folders`, with a sentence for an answer.
    """
    parent = data.parent_folder_id or ROOT
    made, _ = await make_folder(deps, principal, origin, None, parent=parent, name=data.folder_name, conflict="fail")
    item = made.at.item
    answer = MessageAnswer(f"Folder {item.name!r} was made.", item.id, item.name)
    return Response(answer, headers=successor("/v1/folders"))


@get("/drive", opt=user(READ) | documented(headers=["Link"], compat=True))
async def get_drive(
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    cursors: TheCursors,
    sort_by: SortBy = "last_interaction",
    order: Direction = "ASC",
) -> Response[DriveAnswer]:
    """List the root folder, the CloudDrive way.

    With how much room there is. Of more than a thousand children the first are answered, and `Link` leads to the others in
    the shape of `GET /v1/items/{item}/children`.
    """
    page = await list_folder(deps, principal, origin, ROOT, _asked(sort_by, order))
    drive = await drive_or_new(deps, principal.user_id, origin)
    available = max(0, drive.quota_bytes - drive.used_bytes - drive.reserved_bytes)
    email = await email_of(deps, principal.user_id)
    room = DriveUserAnswer(page.folder.at.owner.username or principal.username, email, available, drive.quota_bytes)
    return _contents(page, principal, cursors, sort_by, order, room)


@get("/drive/{folder:str}", opt=user(READ) | documented(headers=["Link"], compat=True))
async def get_drive_folder(
    folder: InPath,
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    cursors: TheCursors,
    sort_by: SortBy = "last_interaction",
    order: Direction = "ASC",
) -> Response[DriveAnswer]:
    """List a folder, the CloudDrive way.

    As the root folder is listed, without how much room there is.
    """
    try:
        page = await list_folder(deps, principal, origin, known_id(folder), _asked(sort_by, order))
    except KindConflict as error:
        raise NotFound from error
    return _contents(page, principal, cursors, sort_by, order)


@patch(
    "/drive/{folder:str}",
    opt=user(WRITE)
    | documented(
        raises=[Locked, NameInvalid, NameConflict, StateConflict, Forbidden],
        headers=["Link"],
        request={"new_name": "Holiday 2026"},
        events=["files.item.changed.v1"],
        compat=True,
    ),
)
async def rename_folder(
    folder: InPath, data: JSONBody[DriveNameBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[MessageAnswer]:
    """Rename a folder, the CloudDrive way.

    As `PATCH /v1/items/{item}`, with a sentence for an answer.
    """
    return await _renamed(deps, principal, origin, ItemId(known_id(folder)), data)


async def _renamed(
    deps: Deps, principal: Principal, origin: Origin, folder_id: ItemId, data: DriveNameBody
) -> Response[MessageAnswer]:
    await named_item(deps, principal, origin, folder_id, "folder", parent_id=data.parent_folder_id)
    changed = await change_item(deps, principal, origin, folder_id, Wish(data.new_name), Conditions())
    item = changed.at.item
    answer = MessageAnswer(f"The folder is called {item.name!r} now.", item.id, item.name)
    return Response(answer, headers=successor(f"/v1/items/{item.id}"))


def _asked(sort_by: str, order: str) -> Asked:
    return Asked(Order(_KEYS[sort_by], descending=order == "DESC", folders_first=False), MOST)


def _contents(
    page: FolderPage,
    principal: Principal,
    cursors: Cursors,
    sort_by: str,
    order: str,
    room: DriveUserAnswer | msgspec.UnsetType = msgspec.UNSET,
) -> Response[DriveAnswer]:
    folder_id = page.folder.at.item.id
    path = f"/v1/items/{folder_id}/children"
    links = [(path, "successor-version")]
    if page.after is not None:
        # A cursor of the route that it leads to: see there what it is bound to.
        by = _asked(sort_by, order).order
        listing = Listing("children", principal.user_id, by.text, {"folder": folder_id, "folders_first": False})
        cursor = cursors.seal([page.after.kind, page.after.value, page.after.id], listing)
        query = {"sort": by.text, "folders_first": "false", "limit": str(LARGEST_LIMIT), "cursor": cursor}
        links.append((f"{path}?{urlencode(query)}", "next"))
    entries = _entries(page.items, None if page.folder.at.is_root else folder_id)
    if sort_by == _BY_INTERACTION and page.after is None:
        entries.sort(key=lambda entry: (entry.last_interaction, entry.id), reverse=order == "DESC")
    answer = DriveAnswer(entries, room)
    return Response(answer, headers={"Cache-Control": "private, no-cache", **link_header(links)})


def _entries(items: Sequence[Listed], parent_id: ItemId | None) -> list[DriveEntryAnswer]:
    return [
        DriveEntryAnswer(
            item.id,
            item.name,
            item.size_bytes if item.kind == "file" else None,
            shown_type(item.name, item.media_kind) if item.kind == "file" else None,
            item.created_at,
            item.touched_at or item.modified_at,
            parent_id,
        )
        for item in items
    ]


ROUTES = (create_folder, get_drive, get_drive_folder, rename_folder)
