"""Events over HTTP: what happened, for whoever may be told of it, without a subscription."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from coffer_chassis.access_rules import user
from coffer_chassis.cursors import Listing
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Limit, TheCursors, ThePrincipal, id_in_query, page_size, refused
from coffer_contracts.problems import CursorExpired, CursorInvalid, ValidationFailed
from coffer_notifier.domain.outside import OFFERED
from coffer_notifier.domain.places import Place, StreamId
from coffer_notifier.domain.webhooks import MOST_TYPES, accept_event_types, types_for
from coffer_notifier.handlers.retelling import retell
from coffer_notifier.routes.requests import DEFAULT_LIMIT, READ, TheDeps

_SUBJECT = re.compile(r"[a-z-]{1,50}/[!-~]{1,150}", re.ASCII)
Types = Annotated[
    str | None,
    QueryParameter(
        description="Only these, with commas between: types, or what they begin with and `.*`, as webhooks have them."
    ),
]
Subject = Annotated[str | None, QueryParameter(description="Only about this, e.g. `item/<id>`, `share/<id>`, `webhook/<id>`.")]
After = Annotated[str | None, QueryParameter(description="Only what came after the event with this id (`data.event_id`).")]


class EventsAnswer(msgspec.Struct, frozen=True):
    """A page of events, oldest first, each `{type, timestamp, data}` as webhooks are told. It may have fewer than asked for, or
    none, where much is not for you: go on with `next_cursor`, which is null at the end and nowhere else.
    """

    items: list[dict[str, Any]]
    next_cursor: str | None


@get(
    "/v1/events",
    opt=user(READ) | documented(raises=[CursorInvalid, CursorExpired]),
    operation_id="list_events",
    tags=["events"],
    summary="Read what happened in the last days",
)
async def get_events(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    types: Types = None,
    subject: Subject = None,
    after: After = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response[EventsAnswer]:
    """What happened in the last seven days, as webhooks of yours would be told of it: what you may see now, in the order in
    which it became known.

    To follow, ask again with the `after` of the last event you had; it may come twice. 410 says that what came next may be
    forgotten.
    """
    wanted = _types_in(types)
    if subject is not None and not _SUBJECT.fullmatch(subject):
        raise refused("subject", "invalid_subject", "Subjects are `item/<id>`, `share/<id>` and the like.")
    event_id = id_in_query("after", after) if after is not None else None
    listing = Listing("events", principal.user_id, filters={"types": wanted or [], "subject": subject, "after": event_id})
    begin = _opened(cursors.open(cursor, listing)) if cursor else event_id
    page = await retell(deps, principal, begin, page_size(limit), types=wanted, subject=subject)
    following = None
    if page.after is not None:
        following = cursors.seal([page.after.place.xid, page.after.place.position, page.after.at], listing)
    return Response(EventsAnswer(page.items, following))


def _types_in(text: str | None) -> list[str] | None:
    if text is None:
        return None
    asked = [word.strip() for word in text.split(",") if word.strip()]
    if not 0 < len(asked) <= MOST_TYPES:
        raise refused("types", "too_many" if asked else "no_type", f"Name one type at least, and {MOST_TYPES} at most.")
    try:
        return types_for(accept_event_types(asked, OFFERED), OFFERED)
    except ValidationFailed as error:
        raise refused("types", "unknown_type", "There is no such type, or it is told to nobody outside.") from error


def _opened(place: Sequence[object]) -> StreamId:
    match place:
        case [int() as xid, int() as position, datetime() as at]:
            return StreamId(Place(xid, position), at)
    raise CursorInvalid


ROUTES = (get_events,)
