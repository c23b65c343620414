"""Activity over HTTP."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from coffer_chassis.access_rules import user
from coffer_chassis.cursors import Listing
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Limit, TheCursors, ThePrincipal, id_in_query, page_size, refused
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import CursorInvalid, NotFound
from coffer_notifier.answers import EntryAnswer, entry_answer
from coffer_notifier.domain.account_activity import ACCOUNT_ACTIONS
from coffer_notifier.domain.activity import ACTIONS
from coffer_notifier.handlers.activity import Asked, read_activity
from coffer_notifier.routes.requests import DEFAULT_LIMIT, READ, TheDeps
from coffer_notifier.store.activity import EntryPlace

About = Annotated[str | None, QueryParameter(name="item_id", description="Only about this item, and what lies below it.")]
Subtree = Annotated[bool, QueryParameter(description="With a folder: also what happened below it.")]
Account = Annotated[
    bool, QueryParameter(description="What happened to the caller's own account, e.g. sign-ins, instead of to items.")
]
By = Annotated[str | None, QueryParameter(description="Only what this account did.")]
Action = Annotated[
    str | None,
    QueryParameter(description=f"Only one of: {', '.join(ACTIONS)}; of the account: {', '.join(ACCOUNT_ACTIONS)}."),
]
Before = Annotated[str | None, QueryParameter(description="Only before this time.")]
After = Annotated[str | None, QueryParameter(description="Only from this time on, e.g. `2026-11-20T10:15:00Z`.")]


class ActivityAnswer(msgspec.Struct, frozen=True):
    """A page of activity, newest first."""

    items: list[EntryAnswer]
    next_cursor: str | None


@get(
    "/v1/activity",
    opt=user(READ) | documented(raises=[CursorInvalid, NotFound]),
    operation_id="list_activity",
    tags=["activity"],
    summary="See who did what",
)
async def get_activity(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    about: About = None,
    subtree: Subtree = True,  # noqa: FBT002  # a query parameter
    account: Account = False,  # noqa: FBT002  # a query parameter
    actor: By = None,
    action: Action = None,
    after: After = None,
    before: Before = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response[ActivityAnswer]:
    """Who did what to the items that the caller can see, newest first, with values before and after; or what happened to the
    caller's own account, with address and user agent.
    """
    if account and about is not None:
        raise refused("item_id", "not_of_the_account", "What happened to the account is about no item.")
    item_id = id_in_query("item_id", about) if about is not None else None
    actor_id = id_in_query("actor", actor) if actor is not None else None
    known = ACCOUNT_ACTIONS if account else ACTIONS
    if action is not None and action not in known:
        raise refused("action", "unknown_action", f"The actions are {', '.join(known)}.")
    since = _moment("after", after) if after is not None else None
    until = _moment("before", before) if before is not None else None
    filters = {"item_id": item_id, "subtree": subtree, "actor": actor_id, "action": action, "after": since, "account": account}
    listing = Listing("activity", principal.user_id, filters=filters | {"before": until})
    place = _opened(cursors.open(cursor, listing)) if cursor else None
    asked = Asked(ItemId(item_id) if item_id else None, subtree, actor_id, action, since, account, until)
    page = await read_activity(deps, principal, asked, place, page_size(limit))
    following = cursors.seal([page.after.at, page.after.id], listing) if page.after else None
    return Response(ActivityAnswer([entry_answer(entry, page.people) for entry in page.entries], following))


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise refused(name, "invalid_time", "This is no time as in RFC 3339.") from error
    if not 1 < moment.year < 9999:
        raise refused(name, "out_of_range", "The time is not between the years 2 and 9998.")
    return moment


def _opened(place: Sequence[object]) -> EntryPlace:
    match place:
        case [datetime() as at, str() as entry_id]:
            return EntryPlace(at, entry_id)
    raise CursorInvalid


ROUTES = (get_activity,)
