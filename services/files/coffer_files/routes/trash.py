"""The trash over HTTP."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Literal

import msgspec
from litestar import Response, delete, get, post
from litestar.params import JSONBody, QueryParameter
from pydantic import Field

from coffer_chassis.access import Rights
from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body, Timestamp, permissions_answer, timestamp
from coffer_chassis.cursors import Listing, Value
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Limit, TheCursors, TheOrigin, ThePrincipal, known_id, page_size
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import CursorInvalid, KindConflict, Locked, NameConflict, StateConflict
from coffer_files.domain.items import Owner
from coffer_files.domain.trash import TrashOrder
from coffer_files.handlers.naming import etag_as_seen
from coffer_files.handlers.trash import purge_item, restore_item
from coffer_files.handlers.trash_pages import list_trash
from coffer_files.routes.answers import ItemAnswer, item_answer, owner_answer, seen_answer
from coffer_files.routes.requests import DEFAULT_LIMIT, READ, WRITE, InPath, ItemRef, TheDeps
from coffer_files.store.trash import Place

Sort = Annotated[str, QueryParameter(description="`trashed_at`, `name` or `size`; with `-` descending.")]


class TrashedAnswer(msgspec.Struct, frozen=True):
    """Something in the trash, where it was, and when it is removed for good."""

    item: ItemAnswer
    original_path: str
    purge_at: Timestamp


class TrashPage(msgspec.Struct, frozen=True):
    """Part of the trash; `next_cursor` is null at the end and nowhere else."""

    items: list[TrashedAnswer]
    next_cursor: str | None


class RestoreBody(Body):
    """Where to."""

    parent_id: ItemRef | None = Field(None, description="Another folder; default: where it was, or the root.")
    conflict: Literal["fail", "rename"] = Field("rename", description="What to do when the name is taken.")


@get(
    "/v1/trash",
    opt=user(READ) | documented(raises=[CursorInvalid]),
    operation_id="list_trash",
    tags=["trash"],
    summary="List the trash",
)
async def get_trash(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    sort: Sort = "-trashed_at",
) -> Response[TrashPage]:
    """What was put into the trash of the caller's drive; not what lies below it."""
    order = TrashOrder.parse(sort)
    listing = Listing("trash", principal.user_id, order.text)
    after = _place(cursors.open(cursor, listing)) if cursor else None
    found, place = await list_trash(deps, principal, order, limit=page_size(limit), after=after)
    owner = owner_answer(Owner(principal.user_id, principal.username, None))
    permissions = permissions_answer(Rights.OWN)
    kept = timedelta(days=deps.settings.trash_keep_days)
    shown = [
        TrashedAnswer(
            item_answer(one.item, owner, permissions, parent_id=one.item.parent_id, shared=one.is_shared, mark=one.mark),
            one.path,
            timestamp(one.item.trashed_at + kept),
        )
        for one in found
        if one.item.trashed_at
    ]
    end = cursors.seal(list(place), listing) if place else None
    return Response(TrashPage(shown, end))


@post(
    "/v1/trash/{item:str}/restore",
    opt=user(WRITE) | documented(raises=[Locked, NameConflict, KindConflict, StateConflict]),
    status_code=200,
    operation_id="restore_item",
    tags=["trash"],
    summary="Take an item out of the trash",
)
async def post_restore(
    item: InPath, data: JSONBody[RestoreBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[ItemAnswer]:
    """Back to where it was, to the root if that is gone, or into another folder."""
    restored = await restore_item(
        deps, principal, origin, ItemId(known_id(item)), parent=data.parent_id, conflict=data.conflict
    )
    return Response(seen_answer(restored), headers={"ETag": etag_as_seen(restored)})


@delete("/v1/trash/{item:str}", opt=user(WRITE), operation_id="purge_item", tags=["trash"], summary="Remove for good")
async def delete_trashed(item: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """Remove something in the trash for good, with everything below it."""
    await purge_item(deps, principal, origin, ItemId(known_id(item)))


def _place(position: Sequence[Value]) -> Place:
    match position:
        case [str() as value, str() as item_id]:
            return Place(value, ItemId(item_id))
    raise CursorInvalid


ROUTES = (get_trash, post_restore, delete_trashed)
