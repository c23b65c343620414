"""Public links over HTTP, for those who make them."""

from typing import Any

from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody

from coffer_chassis.access_rules import user
from coffer_chassis.cursors import Listing
from coffer_chassis.http import NO_STORE, not_modified
from coffer_chassis.idempotency import claim
from coffer_chassis.openapi import documented
from coffer_chassis.requests import (
    Cursor,
    IdempotencyKey,
    Limit,
    TheConditions,
    TheCursors,
    TheOrigin,
    ThePrincipal,
    page_size,
    replay_header,
)
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import (
    CursorInvalid,
    Forbidden,
    IdempotencyInProgress,
    IdempotencyKeyReuse,
    LimitReached,
    MalformedRequest,
    NotFound,
    PreconditionFailed,
    StateConflict,
    Unavailable,
)
from coffer_contracts.sharing import GrantRemovedV1, GrantSetV1
from coffer_contracts.sharing_links import (
    LinkChangedV1,
    LinkCreatedV1,
    LinkDisabledV1,
    LinkSessionsEndedV1,
)
from coffer_sharing.handlers.link_showing import ShownLink
from coffer_sharing.handlers.links import (
    NewLink,
    change_link,
    delete_link,
    find_link,
    list_links,
    make_link,
)
from coffer_sharing.routes.link_answers import LinkAnswer, LinkPage, link_answer
from coffer_sharing.routes.link_requests import (
    NULLABLE,
    LinkBody,
    LinkChangeBody,
    LinkInPath,
    OfSomeItem,
    link_in_path,
    place_in,
)
from coffer_sharing.routes.requests import DEFAULT_LIMIT, READ, WRITE, TheDeps, item_in_query

ROUTE = "POST /v1/links"
NEWEST_FIRST = "-created_at"


@post(
    "/v1/links",
    opt=user(WRITE)
    | documented(
        raises=[NotFound, Forbidden, StateConflict, LimitReached, IdempotencyKeyReuse, IdempotencyInProgress, Unavailable],
        request={
            "item_id": "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11",
            "mode": "download",
            "password": "tulips",
            "expires_at": "2026-12-31T23:00:00.000Z",
            "max_downloads": 10,
            "name": "For the printer",
        },
        headers=["Idempotent-Replayed"],
        events=[GrantSetV1.type, LinkCreatedV1.type],
    ),
    operation_id="create_link",
    tags=["links"],
    summary="Make a public link",
)
async def post_link(
    data: JSONBody[LinkBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    idempotency_key: IdempotencyKey = None,
) -> Response[LinkAnswer]:
    """Make a link to a file or folder of yours, which opens to anybody who has its address. At most 100 to one item.

    For an item that was made just now the answer may take up to a second.
    """
    hidden = {"password": deps.link_tokens.fingerprint(data.password) if data.password is not None else None}
    asked = data.model_dump(mode="json") | hidden
    used = claim(idempotency_key, principal=principal.grantee, route=ROUTE, body=asked)
    wanted = NewLink(
        ItemId(data.item_id),
        data.mode,
        data.password,
        data.expires_at,
        data.max_downloads,
        data.name or None,
        data.notify_on_upload,
    )
    made, replayed = await make_link(deps, principal, origin, used, wanted)
    return Response(link_answer(made), status_code=201, headers=_headers(made) | replay_header(replayed))


@get(
    "/v1/links",
    opt=user(READ) | documented(raises=[NotFound, CursorInvalid]),
    operation_id="list_links",
    tags=["links"],
    summary="List public links",
)
async def get_links(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    item_id: OfSomeItem = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[LinkPage]:
    """The links that you made, newest first, with how often they were used; or those to one item."""
    wanted = item_in_query(item_id) if item_id is not None else None
    listing = Listing("links", principal.user_id, NEWEST_FIRST, {"item_id": wanted})
    found, after = await list_links(deps, principal, wanted, place_in(cursors, cursor, listing), page_size(limit))
    page = LinkPage([link_answer(one) for one in found], cursors.seal([*after], listing) if after else None)
    return Response(page, headers={"Cache-Control": NO_STORE})


@get(
    "/v1/links/{link:str}",
    opt=user(READ) | documented(raises=[MalformedRequest], headers=["ETag"]),
    operation_id="get_link",
    tags=["links"],
    summary="Look at a public link",
)
async def get_link(
    link: LinkInPath, principal: ThePrincipal, deps: TheDeps, conditions: TheConditions
) -> Response[LinkAnswer] | Response[None]:
    """A link with its address and how often it was used, for who made it and for the item's owner. 304 if nobody has changed it
    since; that it was used changes no tag.
    """
    found = await find_link(deps, principal, link_in_path(link))
    if conditions.not_modified(found.etag):
        return not_modified(found.etag)
    return Response(link_answer(found), headers=_headers(found))


@patch(
    "/v1/links/{link:str}",
    opt=user(WRITE)
    | documented(
        raises=[PreconditionFailed, Unavailable],
        request={"password": None, "max_downloads": 20, "disabled": False},
        headers=["ETag"],
        events=[
            GrantSetV1.type,
            GrantRemovedV1.type,
            LinkChangedV1.type,
            LinkDisabledV1.type,
            LinkSessionsEndedV1.type,
        ],
    ),
    operation_id="change_link",
    tags=["links"],
    summary="Change a public link",
)
async def patch_link(
    link: LinkInPath,
    data: JSONBody[LinkChangeBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    conditions: TheConditions,
) -> Response[LinkAnswer]:
    """Change a link, shut it for a while, or open it again. Its address stays the same. With another password, and when it is
    shut, whoever had come in has to do so again.
    """
    given = {name: getattr(data, name) for name in data.model_fields_set}
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None or name in NULLABLE}
    if "name" in fields:
        fields["name"] = fields["name"] or None
    found = await change_link(deps, principal, origin, link_in_path(link), fields, conditions)
    return Response(link_answer(found), headers=_headers(found))


@delete(
    "/v1/links/{link:str}",
    opt=user(WRITE)
    | documented(raises=[PreconditionFailed, MalformedRequest], events=[GrantRemovedV1.type, LinkDisabledV1.type]),
    operation_id="delete_link",
    tags=["links"],
    summary="Delete a public link",
)
async def remove_link(
    link: LinkInPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, conditions: TheConditions
) -> None:
    """Delete a link: its address never works again. Once more is fine."""
    await delete_link(deps, principal, origin, link_in_path(link), conditions)


def _headers(shown: ShownLink) -> dict[str, str]:
    # The address is a secret of a kind: it is kept nowhere on the way.
    return {"ETag": shown.etag, "Cache-Control": NO_STORE}


ROUTES = (post_link, get_links, get_link, patch_link, remove_link)
