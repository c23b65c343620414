"""Favourites and recent items over HTTP: lists that every person has alone, across all drives they may see."""

from collections.abc import Sequence
from datetime import datetime

from litestar import Response, delete, get, put

from coffer_chassis.access_rules import user
from coffer_chassis.cursors import Cursors, Listing, Value
from coffer_chassis.identity import Principal
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Limit, TheCursors, TheOrigin, ThePrincipal, page_size
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import CursorInvalid
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.favourites import list_marked, set_favourite
from coffer_files.routes.answers import ItemPage, preview_answer, seen_answer
from coffer_files.routes.requests import DEFAULT_LIMIT, READ, Included, InPath, TheDeps, included, item_ref
from coffer_files.store.marks import MarkKind

LISTED_WITH = frozenset({"path", "permissions", "thumbnail"})


@get(
    "/v1/favourites",
    opt=user(READ) | documented(raises=[CursorInvalid]),
    operation_id="list_favourites",
    tags=["items"],
    summary="List favourites",
)
async def get_favourites(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    include: Included = "",
) -> Response[ItemPage]:
    """What the caller made a favourite, latest first, in whose drive it may be. What they may not see any more, and what lies
    in the trash, is left out, so a page may be short or empty; only a `next_cursor` of null is the end.

    `include` takes `thumbnail` and `path`; `permissions` are always there.
    """
    return await _page("favourite", principal, deps, cursors, limit, cursor, include)


@get(
    "/v1/recent",
    opt=user(READ) | documented(raises=[CursorInvalid]),
    operation_id="list_recent",
    tags=["items"],
    summary="List recent items",
)
async def get_recent(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    include: Included = "",
) -> Response[ItemPage]:
    """What the caller last uploaded, opened, downloaded, renamed or moved, latest first. It may be some seconds behind what
    they do through another process. Otherwise as `list_favourites`.
    """
    return await _page("recent", principal, deps, cursors, limit, cursor, include)


@put(
    "/v1/items/{item:str}/favourite",
    opt=user(READ),
    status_code=204,
    operation_id="add_favourite",
    tags=["items"],
    summary="Make it a favourite",
)
async def put_favourite(item: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """Make an item a favourite of the caller's, also one that is only shared with them. Nobody else learns of it."""
    await set_favourite(deps, principal, origin, item_ref(item), wanted=True)


@delete(
    "/v1/items/{item:str}/favourite",
    opt=user(READ),
    operation_id="remove_favourite",
    tags=["items"],
    summary="No longer a favourite",
)
async def delete_favourite(item: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """Remove it from the caller's favourites, also if they may not see it any more."""
    await set_favourite(deps, principal, origin, item_ref(item), wanted=False)


async def _page(
    kind: MarkKind, principal: Principal, deps: Deps, cursors: Cursors, limit: int, cursor: str | None, include: str
) -> Response[ItemPage]:
    wanted = included(include, LISTED_WITH)
    listing = Listing(kind, principal.user_id)
    after = _place(cursors.open(cursor, listing)) if cursor else None
    page = await list_marked(deps, principal, kind, limit=page_size(limit), after=after, with_pictures="thumbnail" in wanted)
    now = deps.work.clock.now()
    items = []
    for seen in page.items:
        item = seen.at.item
        images = page.pictures.get(item.version_id) if item.version_id else None
        preview = preview_answer(deps, item, *images, now) if images else None
        items.append(seen_answer(seen, with_path="path" in wanted, preview=preview))
    return Response(ItemPage(items, cursors.seal(list(page.after), listing) if page.after else None))


def _place(position: Sequence[Value]) -> tuple[datetime, ItemId]:
    match position:
        case [datetime() as moment, str() as item_id]:
            return moment, ItemId(item_id)
    raise CursorInvalid


ROUTES = (get_favourites, get_recent, put_favourite, delete_favourite)
