"""Archives over HTTP: asked for by those who may read what is in them, fetched by whoever has the address."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter
from pydantic import Field

from coffer_chassis.access_rules import public, user
from coffer_chassis.answers import Body, Timestamp, timestamp
from coffer_chassis.byte_stream import ByteStream
from coffer_chassis.openapi import documented
from coffer_chassis.request_context import HEAD_KEY
from coffer_chassis.requests import IdText, TheOrigin, ThePrincipal, known_id
from coffer_contracts.ids import ArchiveId, ItemId
from coffer_contracts.problems import NameInvalid, NotFound, TicketRequired, TooLarge, Unavailable
from coffer_files.domain.content import disposition_header
from coffer_files.handlers.archive_bytes import archive_bytes
from coffer_files.handlers.archives import create_archive, find_archive, use_archive
from coffer_files.handlers.tickets import Admission
from coffer_files.routes.content import TicketHeader, TicketInQuery
from coffer_files.routes.requests import NO_STORE, READ, TheDeps, TheTickets

MOST_ITEMS = 1000
NAME_LIMIT = 1024
MEDIA_TYPE = "application/zip"


class ArchiveBody(Body):
    """What is to be in the archive."""

    item_ids: list[IdText] = Field(
        min_length=1, max_length=MOST_ITEMS, description="Files, and folders with everything below them."
    )
    name: str | None = Field(None, max_length=NAME_LIMIT, description="What the file is called; default: after its content.")


class ArchiveAnswer(msgspec.Struct, frozen=True):
    """An archive that can be fetched once, until `expires_at`, by whoever has the address: keep it like a token. The length is
    estimated in bytes.
    """

    id: str
    url: str
    name: str
    estimated_size: int
    expires_at: Timestamp


@post(
    "/v1/archives",
    opt=user(READ, links=True) | documented(raises=[NotFound, NameInvalid, TooLarge, TicketRequired]),
    operation_id="create_archive",
    tags=["content"],
    summary="Ask for an archive",
)
async def post_archive(
    data: JSONBody[ArchiveBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    tickets: TheTickets,
    ticket: TicketHeader = None,
    ticket_in_query: TicketInQuery = None,
) -> Response[ArchiveAnswer]:
    """A ZIP archive of files and folders, at an address that works once. It is made while it is fetched, so this is quick."""
    admission = Admission(tickets, principal, ticket or ticket_in_query)
    asked = await create_archive(deps, principal, origin, [ItemId(one) for one in data.item_ids], data.name, admission)
    archive = asked.archive
    url = f"{deps.public_url}/v1/archives/{archive.id}?ticket={asked.ticket}"
    answer = ArchiveAnswer(archive.id, url, archive.name, archive.estimated_size, timestamp(archive.expires_at))
    return Response(answer, status_code=201, headers={"Location": url, "Cache-Control": NO_STORE})


@get(
    "/v1/archives/{archive:str}",
    opt=public() | documented(raises=[NotFound, TicketRequired, Unavailable]),
    operation_id="get_archive",
    tags=["content"],
    summary="Fetch an archive",
    media_type=MEDIA_TYPE,
)
async def get_archive(
    archive: Annotated[str, PathParameter(description="The archive.")],
    request: Request[Any, Any, Any],
    deps: TheDeps,
    ticket: Annotated[str, QueryParameter(description="As it stands in the address that was given.")] = "",
) -> Response[bytes]:
    """The archive, stored and not compressed, made as it is read. The address works once; HEAD does not use it up. What
    vanished meanwhile is named in `_errors.txt`; when the answer breaks off, the archive is not whole.
    """
    found = await find_archive(deps, ArchiveId(known_id(archive)), ticket)
    headers = {
        "Content-Type": MEDIA_TYPE,
        "Content-Disposition": disposition_header("attachment", found.name),
        "Cache-Control": NO_STORE,
        "X-Accel-Buffering": "no",
    }
    if request.scope.get(HEAD_KEY):
        return Response(b"", media_type=MEDIA_TYPE, headers=headers)
    with deps.archiving.taken(found.grantee) as place:
        await use_archive(deps, found)
        return ByteStream(place.held(archive_bytes(deps, found)), headers)


ROUTES = (post_archive, get_archive)
