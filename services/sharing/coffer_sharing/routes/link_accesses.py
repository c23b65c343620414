"""The log of a public link over HTTP."""

from litestar import Response, get

from coffer_chassis.access_rules import user
from coffer_chassis.cursors import Listing
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Limit, TheCursors, ThePrincipal, page_size
from coffer_contracts.problems import CursorInvalid
from coffer_sharing.handlers.links import list_accesses
from coffer_sharing.routes.link_answers import AccessPage, access_answer
from coffer_sharing.routes.link_requests import LinkInPath, link_in_path, place_in
from coffer_sharing.routes.requests import DEFAULT_LIMIT, READ, TheDeps


@get(
    "/v1/links/{link:str}/accesses",
    opt=user(READ) | documented(raises=[CursorInvalid]),
    operation_id="list_link_accesses",
    tags=["links"],
    summary="List what visitors did with a link",
)
async def get_accesses(
    link: LinkInPath,
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[AccessPage]:
    """Who looked, came in, tried a wrong password, was given downloads, or sent files: newest first, by the minute, with the
    network (the /24 or /48 of the address) and the kind of program, which of files are not known. Kept for
    `COFFER_SHARING_ACCESSES_KEEP_DAYS`.
    """
    link_id = link_in_path(link)
    listing = Listing("link-accesses", principal.user_id, "-at", {"link": link_id})
    found, after = await list_accesses(deps, principal, link_id, place_in(cursors, cursor, listing), page_size(limit))
    page = [access_answer(one) for one in found]
    return Response(AccessPage(page, cursors.seal([*after], listing) if after else None))


ROUTES = (get_accesses,)
