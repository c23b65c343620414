"""Lists of shares over HTTP, and why somebody may do what."""

from collections.abc import Sequence
from datetime import datetime

from litestar import Response, get

from coffer_chassis.access_rules import user
from coffer_chassis.answers import permissions_answer
from coffer_chassis.cursors import Cursors, Listing, Value
from coffer_chassis.identity import Principal
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Limit, TheCursors, ThePrincipal, page_size
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ShareId
from coffer_contracts.problems import CursorInvalid, NotFound
from coffer_sharing.domain import Beginning, Order
from coffer_sharing.handlers.explaining import explain
from coffer_sharing.handlers.link_explaining import links_on
from coffer_sharing.handlers.reading import Page, list_by_me, list_on_item, list_with_me
from coffer_sharing.routes.answers import ItemSharesPage, SharePage, explanation_answer, share_answer
from coffer_sharing.routes.link_answers import WholeExplanationAnswer, whole_explanation
from coffer_sharing.routes.requests import (
    DEFAULT_LIMIT,
    READ,
    OfItem,
    OfKind,
    OfPerson,
    Sort,
    TheDeps,
    item_in_query,
    person_in_query,
)
from coffer_sharing.store.listings import Asked

NEWEST_FIRST = "-created_at"


@get(
    "/v1/shares",
    opt=user(READ) | documented(raises=[NotFound, CursorInvalid]),
    operation_id="list_item_shares",
    tags=["shares"],
    summary="List who has what on an item",
)
async def get_item_shares(
    item_id: OfItem,
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[ItemSharesPage]:
    """The shares of an item and of the folders above it, newest first: for its owner all of them, for others those to
    themselves. `inherited_from` names the folder of a share from above.
    """
    wanted = item_in_query(item_id)
    listing = Listing("item-shares", principal.user_id, NEWEST_FIRST, {"item_id": wanted})
    asked = _asked(cursors, listing, Order(), limit, cursor)
    item, page = await list_on_item(deps, principal, wanted, asked)
    shares = [share_answer(one, reaches=wanted) for one in page.shares]
    return Response(ItemSharesPage(shares, _end(cursors, listing, page), permissions_answer(item.rights)))


@get(
    "/v1/shares/by-me",
    opt=user(READ) | documented(raises=[CursorInvalid]),
    operation_id="list_shares_by_me",
    tags=["shares"],
    summary="List what you share",
)
async def get_by_me(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    kind: OfKind = None,
    sort: Sort = NEWEST_FIRST,
) -> Response[SharePage]:
    """What you have shared and still give, also of what is in the trash at present."""
    order = Order.parse(sort)
    listing = _listing("shares-by-me", principal, order, kind)
    page = await list_by_me(deps, principal, _asked(cursors, listing, order, limit, cursor, kind))
    return _answered(cursors, listing, page)


@get(
    "/v1/shares/with-me",
    opt=user(READ) | documented(raises=[CursorInvalid]),
    operation_id="list_shares_with_me",
    tags=["shares"],
    summary="List what is shared with you",
)
async def get_with_me(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    kind: OfKind = None,
    sort: Sort = NEWEST_FIRST,
) -> Response[SharePage]:
    """What others share with you and what is open to you now: nothing that is over, in the trash or below it."""
    order = Order.parse(sort)
    listing = _listing("shares-with-me", principal, order, kind)
    page = await list_with_me(deps, principal, _asked(cursors, listing, order, limit, cursor, kind))
    return _answered(cursors, listing, page)


@get(
    "/v1/shares/explain",
    opt=user(READ) | documented(raises=[NotFound]),
    operation_id="explain_rights",
    tags=["shares"],
    summary="Explain why somebody may do what",
)
async def get_explanation(
    item_id: OfItem, principal: ThePrincipal, deps: TheDeps, user_id: OfPerson = None
) -> Response[WholeExplanationAnswer]:
    """Which ownership or shares give somebody which rights on an item, and what would remain without each. The owner may
    ask about anybody, everybody about themselves. The owner is told as well which public links lead there, and what they give
    to anybody.
    """
    wanted = item_in_query(item_id)
    answer = explanation_answer(await explain(deps, principal, wanted, person_in_query(user_id)))
    return Response(whole_explanation(answer, await links_on(deps, principal, wanted), wanted))


def _listing(route: str, principal: Principal, order: Order, kind: ItemKind | None) -> Listing:
    return Listing(route, principal.user_id, order.text, {"kind": kind})


def _asked(
    cursors: Cursors, listing: Listing, order: Order, limit: int, cursor: str | None, kind: ItemKind | None = None
) -> Asked:
    return Asked(order, page_size(limit), _beginning(cursors.open(cursor, listing)) if cursor else None, kind)


def _answered(cursors: Cursors, listing: Listing, page: Page) -> Response[SharePage]:
    return Response(SharePage([share_answer(one) for one in page.shares], _end(cursors, listing, page)))


def _end(cursors: Cursors, listing: Listing, page: Page) -> str | None:
    return cursors.seal([*page.after], listing) if page.after else None


def _beginning(position: Sequence[Value]) -> Beginning:
    match position:
        case [datetime() | str() as value, str() as share_id]:
            return Beginning(value, ShareId(share_id))
    raise CursorInvalid


ROUTES = (get_item_shares, get_by_me, get_with_me, get_explanation)
