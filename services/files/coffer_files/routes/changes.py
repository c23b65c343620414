"""The change feed over HTTP."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, get
from litestar.params import QueryParameter
from litestar.types import Receive

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.cursors import Cursors, Listing, Value
from coffer_chassis.identity import Principal
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Limit, TheCursors, TheOrigin, ThePrincipal, page_size
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.problems import CursorExpired, CursorInvalid
from coffer_files.domain.items import ChangeReason
from coffer_files.handlers.feed import FeedCursor, Part, feed_now
from coffer_files.handlers.feed_entries import Told
from coffer_files.handlers.following import LONGEST_WAIT_SECONDS, follow_feed
from coffer_files.routes.answers import ItemAnswer, seen_answer
from coffer_files.routes.requests import DEFAULT_LIMIT, READ, TheDeps
from coffer_files.store.entries import Place

FeedPlace = Annotated[str | None, QueryParameter(description="As the last page gave it; without it the tree is told first.")]

Wait = Annotated[int, QueryParameter(description="Seconds to wait for a change if there is none; brought into 0 to 120.")]


class ChangeAnswer(msgspec.Struct, frozen=True):
    """The item as it stands now: put it, or remove it with all below it. `subtree`: what lies below it must be listed anew."""

    change: Literal["upsert", "remove"]
    reason: ChangeReason
    item_id: str
    item: ItemAnswer | None
    actor_id: str | None
    at: Timestamp
    subtree: bool = False


class FeedAnswer(msgspec.Struct, frozen=True):
    """Always keep the newest cursor, also after an empty page."""

    changes: list[ChangeAnswer]
    cursor: str
    has_more: bool


class CursorAnswer(msgspec.Struct, frozen=True):
    """The place from which everything is told that happens from now on."""

    cursor: str


@get("/v1/changes/cursor", opt=user(READ), operation_id="get_changes_cursor", tags=["changes"], summary="Begin at the present")
async def get_cursor(principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, cursors: TheCursors) -> Response[CursorAnswer]:
    """A cursor for everything that happens from now on."""
    return Response(CursorAnswer(_sealed(cursors, principal, await feed_now(deps, principal, origin))))


@get(
    "/v1/changes",
    opt=user(READ) | documented(raises=[CursorInvalid, CursorExpired]),
    operation_id="list_changes",
    tags=["changes"],
    summary="Read the change feed",
)
async def get_changes(
    request: Request[Any, Any, Any],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    cursors: TheCursors,
    cursor: FeedPlace = None,
    limit: Limit = DEFAULT_LIMIT,
    wait: Wait = 0,
) -> Response[FeedAnswer]:
    """What happened after the cursor; without one first everything that is there, parents before children.

    With `wait` an empty page is held back until something happens. `Retry-After` says when to ask again if nobody else can wait
    here; the answer comes at once then.
    """
    place = _opened(cursors, principal, cursor) if cursor else None
    page, again = await follow_feed(
        deps,
        principal,
        origin,
        place,
        page_size(limit),
        wait_seconds=max(0, min(wait, LONGEST_WAIT_SECONDS)),
        gone=partial(_gone, request.receive),
    )
    answer = FeedAnswer(list(map(_change, page.told)), _sealed(cursors, principal, page.cursor), page.has_more)
    return Response(answer, headers={} if again is None else {"Retry-After": str(again)})


async def _gone(receive: Receive) -> None:
    """Returns when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _change(told: Told) -> ChangeAnswer:
    item = seen_answer(told.seen) if told.seen else None
    kind: Literal["upsert", "remove"] = "upsert" if item else "remove"
    return ChangeAnswer(kind, told.reason, told.item_id, item, told.actor_id, timestamp(told.at), told.subtree)


def _listing(principal: Principal) -> Listing:
    return Listing("changes", principal.user_id)


def _sealed(cursors: Cursors, principal: Principal, cursor: FeedCursor) -> str:
    place: list[Value] = [cursor.reader, cursor.epoch, cursor.place.xid, cursor.place.position, cursor.told_at]
    more = cursor.listed or ((cursor.until,) if cursor.until else ())
    return cursors.seal([*place, *more], _listing(principal))


def _opened(cursors: Cursors, principal: Principal, text: str) -> FeedCursor:
    match cursors.open(text, _listing(principal)):
        case [str() as reader, int() as epoch, int() as xid, int() as position, datetime() as told_at]:
            return FeedCursor(UserId(reader), epoch, Place(xid, position), told_at)
        case [str() as reader, int() as epoch, int() as xid, int() as position, datetime() as told_at, int() as until]:
            return FeedCursor(UserId(reader), epoch, Place(xid, position), told_at, until=until)
        case [
            str() as reader, int() as epoch, int() as xid, int() as position, datetime() as told_at,
            str() as part, int() as depth, str() as last,
        ]:  # fmt: skip
            listed: tuple[Part, int, ItemId] = ("own" if part == "own" else "shared", depth, ItemId(last))
            return FeedCursor(UserId(reader), epoch, Place(xid, position), told_at, listed)
    raise CursorInvalid


ROUTES = (get_cursor, get_changes)
