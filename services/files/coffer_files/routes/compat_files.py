"""Files as the CloudDrive API has them: a form that sends the bytes, addresses as bare JSON strings, another name."""

from typing import Any, Literal

import msgspec
from litestar import MediaType, Response, get, patch, post
from litestar.params import JSONBody
from pydantic import Field

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body, successor
from coffer_chassis.etags import Conditions
from coffer_chassis.openapi import documented
from coffer_chassis.requests import IdText, TheOrigin, ThePrincipal, known_id
from coffer_contracts.files import ConflictPolicy
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import (
    Forbidden,
    KindConflict,
    Locked,
    NameConflict,
    NameInvalid,
    NotFound,
    QuotaExceeded,
    StateConflict,
    TooLarge,
)
from coffer_files.domain.compat import with_extension
from coffer_files.domain.previews import PreviewUnavailable
from coffer_files.handlers.announcing import Announcement, start_upload
from coffer_files.handlers.content import find_content, hand_out
from coffer_files.handlers.forms import sign_form
from coffer_files.handlers.items import ROOT, Wish, change_item
from coffer_files.handlers.showing import sign_preview
from coffer_files.handlers.tickets import Admission
from coffer_files.routes.compat import MessageAnswer, named_item
from coffer_files.routes.items import NAME_LIMIT
from coffer_files.routes.previews import PENDING_RETRY_SECONDS, PendingAnswer
from coffer_files.routes.requests import NO_STORE, READ, WRITE, InPath, TheDeps, TheTickets

LIFE_SECONDS = 60
"""How long the address of a file works at least."""

_POLICIES: dict[str | None, ConflictPolicy] = {None: "fail", "Replace": "replace", "Keep": "rename"}
_HINT = "Say `file_conflict`: `Replace` or `Keep`."


class FileBody(Body):
    """A file that is to be sent, as the CloudDrive API takes it."""

    file_name: str = Field(max_length=NAME_LIMIT, description="1 to 255 bytes of UTF-8.")
    file_size_in_bytes: int = Field(ge=0, le=2**43, strict=True, description="Exact length in bytes.")
    parent_folder_id: IdText | None = Field(None, description="Where it goes; the root folder if absent.")
    file_conflict: Literal["Replace", "Keep"] | None = Field(None, description="What to do when the name is taken; else 409.")


class FileNameBody(Body):
    """Another name for a file, as the CloudDrive API takes it."""

    file_name: str = Field(max_length=NAME_LIMIT, description="With or without extension; without one the old one is kept.")
    parent_folder_id: IdText | None = Field(None, description="The folder it lies in; nothing is moved.")


class FileFormAnswer(msgspec.Struct, frozen=True):
    """A form: POST it as `multipart/form-data` to `url`, with all `fields` as they are and the bytes last, as `file`."""

    url: str
    fields: dict[str, str]
    upload_id: str


@post(
    "/file",
    opt=user(WRITE)
    | documented(
        raises=[Locked, NotFound, NameInvalid, NameConflict, KindConflict, QuotaExceeded, TooLarge, Forbidden],
        headers=["Link"],
        request={"file_name": "beach.jpg", "file_size_in_bytes": 123456},
        compat=True,
    ),
    status_code=200,
)
async def request_file_form(
    data: JSONBody[FileBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[FileFormAnswer]:
    """Get a form that sends a file, the CloudDrive way.

    As `POST /v1/uploads` with `mode: post_form`. Nobody has to report the bytes: the bucket does.
    """
    announced = Announcement(
        parent=data.parent_folder_id or ROOT,
        name=data.file_name,
        size_bytes=data.file_size_in_bytes,
        conflict=_POLICIES[data.file_conflict],
        mode="post_form",
    )
    try:
        upload, _ = await start_upload(deps, principal, origin, None, announced)
    except NameConflict as error:
        existing, suggested = (error.extensions.get(name) for name in ("existing", "suggested_name"))
        raise NameConflict(f"{error.detail} {_HINT}", existing=existing, suggested_name=suggested) from error
    form = sign_form(deps, upload)
    if form is None:
        raise StateConflict("The upload has ended already.", state=upload.state)
    headers = {"Cache-Control": NO_STORE, "Location": f"/v1/uploads/{upload.id}", **successor("/v1/uploads")}
    return Response(FileFormAnswer(form.url, dict(form.fields), upload.id), headers=headers)


@get(
    "/file/{file:str}",
    opt=user(READ) | documented(headers=["Link"], response="https://bucket.example/blobs/a/b?signed", compat=True),
)
async def get_file_url(
    file: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, tickets: TheTickets
) -> Response[str]:
    """Get the address of a file, the CloudDrive way.

    The answer is a JSON string; it works for a minute at least, without a token.
    """
    item_id = known_id(file)
    try:
        found = await find_content(deps, principal, origin, item_id, version_id=None)
    except KindConflict as error:
        raise NotFound from error
    given = await hand_out(deps, origin, found, Admission(tickets, principal, None), "url", seconds=LIFE_SECONDS)
    return _address(given.url, f"/v1/items/{item_id}/download-url")


@patch(
    "/file/{file:str}",
    opt=user(WRITE)
    | documented(
        raises=[Locked, NameInvalid, NameConflict, StateConflict, Forbidden],
        headers=["Link"],
        request={"file_name": "sunset"},
        events=["files.item.changed.v1"],
        compat=True,
    ),
)
async def rename_file(
    file: InPath, data: JSONBody[FileNameBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[MessageAnswer]:
    """Rename a file, the CloudDrive way.

    As `PATCH /v1/items/{item}`; a name without an extension keeps the one that the file has.
    """
    item_id = ItemId(known_id(file))
    found = await named_item(deps, principal, origin, item_id, "file", parent_id=data.parent_folder_id)
    wish = Wish(with_extension(data.file_name, found.at.item.name))
    item = (await change_item(deps, principal, origin, item_id, wish, Conditions())).at.item
    answer = MessageAnswer(f"The file is called {item.name!r} now.", item.id, item.name)
    return Response(answer, headers=successor(f"/v1/items/{item.id}"))


@get(
    "/image-preview/{file:str}",
    opt=user(READ)
    | documented(
        raises=[PreviewUnavailable],
        headers=["Link"],
        also={202: "It is still being made."},
        response="https://bucket.example/previews/b/400?signed",
        compat=True,
    ),
)
async def get_image_preview(
    file: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[str] | Response[PendingAnswer]:
    """Get the address of a preview, the CloudDrive way.

    The answer is a JSON string; 202 with `Retry-After` while the picture is being made.
    """
    item_id = known_id(file)
    try:
        url = await sign_preview(deps, principal, origin, item_id, "thumb", version_id=None)
    except KindConflict as error:
        raise NotFound from error
    if url is None:
        headers = {"Retry-After": str(PENDING_RETRY_SECONDS), "Cache-Control": NO_STORE}
        return Response(PendingAnswer(), status_code=202, headers=headers | successor(f"/v1/items/{item_id}/preview"))
    return _address(url, f"/v1/items/{item_id}/preview")


def _address(url: str, preferred: str) -> Response[str]:
    text: Any = msgspec.json.encode(url)  # a bare string would be sent without its quotes
    return Response(text, media_type=MediaType.JSON, headers={"Cache-Control": NO_STORE, **successor(preferred)})


ROUTES = (request_file_form, get_file_url, rename_file, get_image_preview)
