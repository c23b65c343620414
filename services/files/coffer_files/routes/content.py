"""Downloads over HTTP: the answer is an address in the bucket, never the bytes."""

from email.utils import format_datetime
from typing import Annotated, Any

import msgspec
from litestar import HttpMethod, MediaType, Request, Response, get, route
from litestar.params import HeaderParameter, QueryParameter

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.http import not_modified
from coffer_chassis.openapi import documented
from coffer_chassis.request_context import HEAD_KEY
from coffer_chassis.requests import TheConditions, TheOrigin, ThePrincipal, known_id
from coffer_contracts.ids import VersionId
from coffer_contracts.problems import KindConflict, StateConflict, TicketRequired
from coffer_files.domain.content import Disposition
from coffer_files.handlers.content import Served, find_content, hand_out
from coffer_files.handlers.tickets import Admission
from coffer_files.routes.requests import NO_STORE, READ, InPath, TheDeps, TheTickets, item_ref

LONGEST_LIFE_SECONDS = 900

WantedVersion = Annotated[str | None, QueryParameter(name="version_id", description="An older version; default the current.")]
Shown = Annotated[Disposition, QueryParameter(description="`inline` is honoured only for types that run nothing.")]
TicketHeader = Annotated[
    str | None, HeaderParameter(name="Coffer-Ticket", description="For sessions of public links: a ticket, good for once.")
]
TicketInQuery = Annotated[str | None, QueryParameter(name="ticket", description="The same, where no header can be sent.")]


class DownloadAnswer(msgspec.Struct, frozen=True):
    """A signed address. It works without a token, so it is to be kept like one until `expires_at`."""

    url: str
    expires_at: Timestamp
    size: int
    content_hash: str | None
    etag: str


def wanted_version(text: str | None) -> VersionId | None:
    """The version that a query names; raises NotFound for what cannot be one."""
    return VersionId(known_id(text)) if text else None


@route(
    "/v1/items/{item:str}/content",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    opt=user(READ, links=True)
    | documented(
        raises=[KindConflict, StateConflict, TicketRequired],
        also={200: "To HEAD alone: with length, type and tag, as the bytes themselves are answered.", 302: "To the bytes."},
    ),
    status_code=302,
    tags=["content"],
    summary="Download a file",
)
async def get_content(
    item: InPath,
    request: Request[Any, Any, Any],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    tickets: TheTickets,
    conditions: TheConditions,
    version: WantedVersion = None,
    disposition: Shown = "attachment",
    ticket: TicketHeader = None,
    ticket_in_query: TicketInQuery = None,
) -> Response[bytes] | Response[None]:
    """Redirects to the bytes, which answer ranges by themselves. Follow it without the Authorization header. HEAD answers
    200 with length, type and tag itself, hands out nothing and needs no ticket; 304 if the caller has the content already.
    """
    found = await find_content(
        deps, principal, origin, item_ref(item), version_id=wanted_version(version), disposition=disposition
    )
    if conditions.not_modified(found.etag):
        return not_modified(found.etag)
    if request.scope.get(HEAD_KEY):
        return _told(found)
    admission = Admission(tickets, principal, ticket or ticket_in_query)
    return redirect((await hand_out(deps, origin, found, admission, "content")).url)


@get(
    "/v1/items/{item:str}/download-url",
    opt=user(READ, links=True) | documented(raises=[KindConflict, StateConflict, TicketRequired]),
    operation_id="get_download_url",
    tags=["content"],
    summary="Get a download address",
)
async def get_download_url(
    item: InPath,
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    tickets: TheTickets,
    version: WantedVersion = None,
    disposition: Shown = "attachment",
    ttl: Annotated[int | None, QueryParameter(description="Seconds, up to 900.")] = None,
    ticket: TicketHeader = None,
    ticket_in_query: TicketInQuery = None,
) -> Response[DownloadAnswer]:
    """The address of the bytes as JSON, for clients that cannot follow redirects. With `ttl` it works so long and no longer."""
    found = await find_content(
        deps, principal, origin, item_ref(item), version_id=wanted_version(version), disposition=disposition
    )
    admission = Admission(tickets, principal, ticket or ticket_in_query)
    seconds = max(1, min(ttl, LONGEST_LIFE_SECONDS)) if ttl is not None else None
    given = await hand_out(deps, origin, found, admission, "url", seconds=seconds)
    content = given.content
    answer = DownloadAnswer(given.url, timestamp(given.expires_at), content.size_bytes, content.content_hash, content.etag)
    return Response(answer, headers={"Cache-Control": NO_STORE})


def _told(found: Served) -> Response[bytes]:
    """What a HEAD is answered: as the bytes themselves would be, without asking the bucket."""
    headers = {
        "Content-Length": str(found.content.size_bytes),
        "Content-Type": found.content_type,
        "Content-Disposition": found.disposition,
        "ETag": found.etag,
        "Last-Modified": format_datetime(found.content.created_at.replace(microsecond=0), usegmt=True),
        "Accept-Ranges": "bytes",
        "Cache-Control": NO_STORE,
    }
    return Response(b"", status_code=200, media_type=MediaType.TEXT, headers=headers)


def redirect(url: str) -> Response[bytes]:
    """To a signed address, which nobody may keep."""
    return Response(b"", status_code=302, media_type=MediaType.TEXT, headers={"Location": url, "Cache-Control": NO_STORE})


ROUTES = (get_content, get_download_url)
