"""The audit over HTTP, for operators."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from coffer_chassis.access_rules import operator
from coffer_chassis.admin.routes.requests import place_of
from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.cursors import Listing
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Limit, TheCursors, ThePrincipal, id_in_query, page_size, refused
from coffer_contracts.problems import CursorInvalid
from coffer_notifier.routes.requests import DEFAULT_LIMIT, TheDeps
from coffer_notifier.store import audit
from coffer_notifier.store.audit import AuditEntry, Wanted

OfAction = Annotated[str | None, QueryParameter(description="Only this action, e.g. `dead_letters.dropped`.")]
OfActor = Annotated[str | None, QueryParameter(description="Only what this account or `shell/<user>` did.")]
OfUser = Annotated[str | None, QueryParameter(name="user_id", description="Only what was done to this account.")]
OfService = Annotated[str | None, QueryParameter(description="Only what was done to this service, e.g. `media-worker`.")]
Since = Annotated[str | None, QueryParameter(description="From this time on, e.g. `2026-11-20T10:15:00Z`.")]
Until = Annotated[str | None, QueryParameter(description="Before this time.")]


class AuditEntryAnswer(msgspec.Struct, frozen=True):
    """One act of an operator, or one fact about the security of an account. `actor_id` is an account, `shell/<user>` for a
    command, or `address/<address>` of somebody who was not signed in; `count` how many messages it was about; `user_id`,
    `address` and `agent` whose account it was, and from where it was done.
    """

    id: str
    at: Timestamp
    service: str
    actor_id: str | None
    actor_kind: str
    action: str
    target: str
    count: int | None
    detail: dict[str, str]
    correlation_id: str
    user_id: str | None
    address: str | None
    agent: str | None


class AuditAnswer(msgspec.Struct, frozen=True):
    """A page of entries, newest first."""

    items: list[AuditEntryAnswer]
    next_cursor: str | None


@get(
    "/v1/audit",
    opt=operator() | documented(raises=[CursorInvalid]),
    operation_id="list_audit_entries",
    tags=["operators"],
    summary="See what operators did, and what happened to accounts",
)
async def get_audit(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    action: OfAction = None,
    actor: OfActor = None,
    service: OfService = None,
    user_id: OfUser = None,
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response[AuditAnswer]:
    """What operators of this installation did to its messages by hand, and what happened to the security of accounts, newest
    first. Entries are kept for good.
    """
    account = id_in_query("user_id", user_id) if user_id is not None else None
    span = {"since": _moment("since", since), "until": _moment("until", until)}
    wanted = Wanted(action, actor, service, account, span["since"], span["until"])
    filters = {"action": action, "actor": actor, "service": service, "user_id": account, **span}
    listing = Listing("audit", principal.user_id, filters=filters)
    after = place_of(cursors.open(cursor, listing)) if cursor else None
    size = page_size(limit)
    async with deps.work.read() as connection:
        found = await audit.page(connection, wanted, after, size + 1)
    shown = found[:size]
    following = cursors.seal([shown[-1].at, shown[-1].id], listing) if len(found) > size else None
    return Response(AuditAnswer([_answer(entry) for entry in shown], following))


def _answer(entry: AuditEntry) -> AuditEntryAnswer:
    return AuditEntryAnswer(
        id=entry.id,
        at=timestamp(entry.at),
        service=entry.service,
        actor_id=entry.actor_id,
        actor_kind=entry.actor_kind,
        action=entry.action,
        target=entry.target,
        count=entry.count,
        detail=dict(entry.detail),
        correlation_id=entry.correlation_id,
        user_id=entry.user_id,
        address=entry.address,
        agent=entry.agent,
    )


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise refused(name, "invalid_time", "This is no time as in RFC 3339.") from error
    if not 1 < moment.year < 9999:
        raise refused(name, "out_of_range", "The time is not between the years 2 and 9998.")
    return moment


ROUTES = (get_audit,)
