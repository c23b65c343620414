"""The feed over HTTP."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

import msgspec
from litestar import Response, delete, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter
from pydantic import Field, StringConstraints, model_validator

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body
from coffer_chassis.cursors import Listing
from coffer_chassis.identity import Principal
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Limit, TheCursors, TheOrigin, ThePrincipal, known_id, page_size
from coffer_contracts.problems import CursorInvalid
from coffer_notifier.answers import NoticeAnswer, notice_answer
from coffer_notifier.handlers.feed import mark_all_read, mark_read, mark_read_up_to, read_feed, remove
from coffer_notifier.routes.requests import DEFAULT_LIMIT, READ, TheDeps
from coffer_notifier.store.notices import FeedPlace

NoticeId = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", to_lower=True)]
Unread = Annotated[bool, QueryParameter(description="Only what was not read yet.")]
InPath = Annotated[str, PathParameter(description="The notice's id.")]


class FeedAnswer(msgspec.Struct, frozen=True):
    """A page of the feed, newest first. `unread_count` is that of the whole feed, counted up to 1000."""

    items: list[NoticeAnswer]
    unread_count: int
    next_cursor: str | None


class ReadBody(Body):
    """Which notices were read: these, or one with everything below it."""

    ids: list[NoticeId] | None = Field(None, description="Ids of notices; unknown ones change nothing.", max_length=1000)
    up_to: NoticeId | None = Field(None, description="A notice; it and all that stand below it in the feed.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.ids is None) == (self.up_to is None):
            raise ValueError("give either ids or up_to")
        return self


@get(
    "/v1/notifications",
    opt=user(READ) | documented(raises=[CursorInvalid]),
    operation_id="list_notifications",
    tags=["notifications"],
    summary="Read the feed",
)
async def get_notifications(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    unread: Unread = False,  # noqa: FBT002  # a query parameter
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response[FeedAnswer]:
    """What the caller was told, newest first. Notices about what they may no longer see are left out."""
    listing = _listing(principal, unread=unread)
    after = _opened(cursors.open(cursor, listing)) if cursor else None
    page = await read_feed(deps, principal, unread=unread, after=after, limit=page_size(limit))
    following = cursors.seal([page.after.created_at, page.after.id], listing) if page.after else None
    return Response(FeedAnswer([notice_answer(shown) for shown in page.shown], page.unread_count, following))


@post(
    "/v1/notifications/read",
    opt=user(READ),
    operation_id="mark_notifications_read",
    tags=["notifications"],
    summary="Mark notices as read",
    status_code=204,
)
async def post_read(data: JSONBody[ReadBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """Mark notices as read, here and on the caller's other devices. Repeating changes nothing."""
    if data.up_to is not None:
        await mark_read_up_to(deps, principal, origin, data.up_to)
    else:
        await mark_read(deps, principal, origin, data.ids or [])


@post(
    "/v1/notifications/read-all",
    opt=user(READ),
    operation_id="mark_all_notifications_read",
    tags=["notifications"],
    summary="Mark the whole feed as read",
    status_code=204,
)
async def post_read_all(principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """Mark everything as read. Repeating changes nothing."""
    await mark_all_read(deps, principal, origin)


@delete(
    "/v1/notifications/{notice:str}",
    opt=user(READ),
    operation_id="delete_notification",
    tags=["notifications"],
    summary="Take a notice out of the feed",
)
async def delete_notification(notice: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """Take a notice out of the feed for good. Repeating changes nothing."""
    await remove(deps, principal, origin, known_id(notice))


def _listing(principal: Principal, *, unread: bool) -> Listing:
    return Listing("notifications", principal.user_id, filters={"unread": unread})


def _opened(place: Sequence[object]) -> FeedPlace:
    match place:
        case [datetime() as created_at, str() as notice_id]:
            return FeedPlace(created_at, notice_id)
    raise CursorInvalid


ROUTES = (get_notifications, post_read, post_read_all, delete_notification)
