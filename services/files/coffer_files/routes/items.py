"""Folders and items over HTTP: make, list, look, rename, move, trash."""

from collections.abc import Sequence
from typing import Annotated

from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET
from pydantic import Field

from coffer_chassis.access import Rights
from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body, permissions_answer
from coffer_chassis.cursors import Listing, Value
from coffer_chassis.http import not_modified
from coffer_chassis.identity import Principal
from coffer_chassis.openapi import documented
from coffer_chassis.requests import (
    Cursor,
    IdempotencyKey,
    Limit,
    Moment,
    TheConditions,
    TheCursors,
    TheOrigin,
    ThePrincipal,
    claim_of,
    page_size,
    replay_header,
)
from coffer_contracts.files import ConflictPolicy
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import (
    CursorInvalid,
    Cycle,
    IdempotencyInProgress,
    IdempotencyKeyReuse,
    KindConflict,
    Locked,
    MalformedRequest,
    NameConflict,
    NameInvalid,
    NotFound,
    PreconditionFailed,
    StateConflict,
)
from coffer_files.domain.items import Beginning, Filters, Order
from coffer_files.handlers.items import Wish, change_item, find_item, make_folder
from coffer_files.handlers.naming import etag_as_seen
from coffer_files.handlers.reading import Asked, list_folder
from coffer_files.handlers.sight import Seen
from coffer_files.handlers.trash import trash_item
from coffer_files.routes.answers import (
    ItemAnswer,
    ItemPage,
    listed_answer,
    owner_answer,
    page_response,
    preview_answer,
    seen_answer,
)
from coffer_files.routes.filters import (
    After,
    Before,
    Favourite,
    Kind,
    SizeMax,
    SizeMin,
    Tags,
    Types,
    bound,
    filters_of,
)
from coffer_files.routes.requests import (
    DEFAULT_LIMIT,
    READ,
    SHOWN_WITH,
    WRITE,
    Included,
    InPath,
    ItemRef,
    TheDeps,
    included,
    item_ref,
)

NAME_LIMIT = 1024
"""Characters that are looked at before the rules of names are asked."""

LISTED_WITH = frozenset({"path", "permissions", "thumbnail", "total"})

Sort = Annotated[str, QueryParameter(description="`name`, `modified_at`, `created_at` or `size`; with `-` descending.")]
FoldersFirst = Annotated[bool, QueryParameter(description="Folders before files.")]


class FolderBody(Body):
    """A new folder. A folder is never replaced: with `replace` a taken name is a `kind_conflict`."""

    parent_id: ItemRef = Field(description="Where it is made; `root` is the caller's own root folder.")
    name: str = Field(max_length=NAME_LIMIT, description="1 to 255 bytes of UTF-8.")
    conflict: ConflictPolicy = Field("fail", description="What to do when the name is taken.")


class ChangeBody(Body):
    """What is to be different about an item."""

    name: str | None = Field(None, max_length=NAME_LIMIT, description="The new name.")
    parent_id: ItemRef | None = Field(None, description="The folder to move it to, in the same drive.")
    modified_at: Moment | None = Field(None, description="When the content was changed, for clients that know.")
    conflict: ConflictPolicy = Field(
        "fail", description="What to do when the name is taken; with `replace` a file in the way of a file goes to the trash."
    )


@post(
    "/v1/folders",
    opt=user(WRITE, links=True)
    | documented(
        raises=[Locked, NameInvalid, NameConflict, KindConflict, NotFound, IdempotencyKeyReuse, IdempotencyInProgress]
    ),
    operation_id="make_folder",
    tags=["items"],
    summary="Make a folder",
)
async def post_folder(
    data: JSONBody[FolderBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    idempotency_key: IdempotencyKey = None,
) -> Response[ItemAnswer]:
    """Make a folder in a folder."""
    used = claim_of(idempotency_key, principal, "POST /v1/folders", data)
    made, replayed = await make_folder(
        deps, principal, origin, used, parent=data.parent_id, name=data.name, conflict=data.conflict
    )
    return _answered(made, 201, {"Location": f"/v1/items/{made.at.item.id}", **replay_header(replayed)})


@get(
    "/v1/items/{item:str}/children",
    opt=user(READ, links=True) | documented(raises=[KindConflict, CursorInvalid, MalformedRequest]),
    operation_id="list_children",
    tags=["items"],
    summary="List a folder",
)
async def get_children(
    item: InPath,
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    cursors: TheCursors,
    conditions: TheConditions,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    sort: Sort = "name",
    folders_first: FoldersFirst = True,  # noqa: FBT002  # a query parameter, never positional
    include: Included = "",
    kind: Kind = None,
    types: Types = None,
    tags: Tags = None,
    favourite: Favourite = None,
    modified_after: After = None,
    modified_before: Before = None,
    size_min: SizeMin = None,
    size_max: SizeMax = None,
) -> Response[ItemPage] | Response[None]:
    """A page of a folder: all of it, or what passes every filter that is given; filters by type or size show files only.

    `include` takes `thumbnail`, `total` and `path`; `permissions` are always there. 304 if the caller has the page already.
    """
    ref = item_ref(item)
    order = Order.parse(sort, folders_first=folders_first)
    wanted = included(include, LISTED_WITH)
    filters = filters_of(kind, types, tags, favourite, modified_after, modified_before, size_min, size_max)
    listing = _listing(ref, principal, order, filters)
    asked = Asked(
        order,
        page_size(limit),
        _beginning(cursors.open(cursor, listing)) if cursor else None,
        total="total" in wanted,
        pictures="thumbnail" in wanted,
        filters=filters,
    )
    page = await list_folder(deps, principal, origin, ref, asked)
    owner, permissions = owner_answer(page.folder.at.owner), permissions_answer(page.folder.rights)
    now, reached = deps.work.clock.now(), page.folder.rights != Rights.OWN
    above = page.folder.path.rstrip("/") if "path" in wanted else None
    items = []
    for row in page.items:
        pictures = page.pictures.get(row.version_id) if row.version_id and page.pictures else None
        items.append(
            listed_answer(
                row,
                page.folder.at.item.id,
                owner,
                permissions_answer(page.more[row.id]) if row.id in page.more else permissions,
                shared=reached,
                preview=preview_answer(deps, row, *pictures, now) if pictures else None,
                path=UNSET if above is None else f"{above}/{row.name}",
            )
        )
    end = cursors.seal(_position(page.after), listing) if page.after else None
    return page_response(ItemPage(items, end, UNSET if page.total is None else page.total), conditions)


@get(
    "/v1/items/{item:str}",
    opt=user(READ, links=True) | documented(raises=[MalformedRequest]),
    operation_id="get_item",
    tags=["items"],
    summary="Look at an item",
)
async def get_item(
    item: InPath,
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    conditions: TheConditions,
    include: Included = "",
) -> Response[ItemAnswer] | Response[None]:
    """An item, also one in the trash. `include=path` adds its path; `permissions` are always there. 304 if the caller has it
    already.
    """
    wanted = included(include, SHOWN_WITH)
    found = await find_item(deps, principal, origin, item_ref(item), in_trash=True)
    if conditions.not_modified(etag_as_seen(found)):
        return not_modified(etag_as_seen(found))
    return _answered(found, 200, {}, with_path="path" in wanted)


@patch(
    "/v1/items/{item:str}",
    opt=user(WRITE, links=True)
    | documented(raises=[Locked, NameInvalid, NameConflict, KindConflict, Cycle, StateConflict, PreconditionFailed]),
    operation_id="change_item",
    tags=["items"],
    summary="Rename or move",
)
async def patch_item(
    item: InPath,
    data: JSONBody[ChangeBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    conditions: TheConditions,
) -> Response[ItemAnswer]:
    """Rename, move, or both in one step. `If-Match` guards against changing what somebody else has changed."""
    wish = Wish(data.name, data.parent_id, data.modified_at, data.conflict)
    changed = await change_item(deps, principal, origin, item_ref(item), wish, conditions)
    return _answered(changed, 200, {})


@delete(
    "/v1/items/{item:str}",
    opt=user(WRITE, links=True) | documented(raises=[Locked, StateConflict, PreconditionFailed, MalformedRequest]),
    operation_id="trash_item",
    tags=["items"],
    summary="Put into the trash",
)
async def delete_item(
    item: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, conditions: TheConditions
) -> None:
    """Put an item into the trash, with everything below it."""
    await trash_item(deps, principal, origin, item_ref(item), conditions)


def _answered(seen: Seen, status: int, headers: dict[str, str], *, with_path: bool = False) -> Response[ItemAnswer]:
    headers = {"ETag": etag_as_seen(seen), **headers}
    return Response(seen_answer(seen, with_path=with_path), status_code=status, headers=headers)


def _listing(ref: str, principal: Principal, order: Order, filters: Filters) -> Listing:
    which = {"folder": ref, "folders_first": order.folders_first, **bound(filters)}
    return Listing("children", principal.user_id, order.text, which)


def _position(after: Beginning) -> list[Value]:
    return [after.kind, after.value, after.id]


def _beginning(position: Sequence[Value]) -> Beginning:
    match position:
        case [str() as kind, str() as value, str() as item_id]:
            return Beginning("folder" if kind == "folder" else "file", value, ItemId(item_id))
    raise CursorInvalid


ROUTES = (post_folder, get_children, get_item, patch_item, delete_item)
