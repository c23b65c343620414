"""Webhooks in trouble over HTTP, for operators."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from coffer_chassis.access_rules import operator
from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.cursors import Listing
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Limit, TheCursors, ThePrincipal, id_in_query, page_size
from coffer_contracts.ids import UserId
from coffer_contracts.problems import CursorInvalid
from coffer_notifier.routes.requests import DEFAULT_LIMIT, TheDeps
from coffer_notifier.store import watched_webhooks
from coffer_notifier.store.watched_webhooks import TroublePlace, WatchedWebhook

OfTrouble = Annotated[
    Literal["failing", "turned_off"] | None,
    QueryParameter(description="Only those that are `failing` and tried again, or that were `turned_off` for it."),
]
OfUser = Annotated[str | None, QueryParameter(name="user_id", description="Only those of this account.")]


class WatchedWebhookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook or a subscriber's queue (`kind`) that fails, or was turned off for it. Of a webhook's address operators see the
    host only. `last_error` is a stable word as in the log of deliveries; `waiting` counts up to 10,000, and not what is held.
    """

    id: str
    owner_id: str
    kind: str
    host: str
    queue_arn: str | None
    trouble: str
    disabled_for: str | None
    disabled_at: Timestamp | None
    failing_since: Timestamp
    last_failed_at: Timestamp | None
    last_error: str | None
    waiting: int
    oldest_waiting_at: Timestamp | None


class WatchedWebhooksAnswer(msgspec.Struct, frozen=True):
    """A page of them, those without a success for longest first."""

    items: list[WatchedWebhookAnswer]
    next_cursor: str | None


@get(
    "/v1/admin/notifier/webhooks",
    opt=operator() | documented(raises=[CursorInvalid]),
    operation_id="list_failing_webhooks",
    tags=["operators"],
    summary="See webhooks whose receivers fail",
)
async def get_watched_webhooks(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    trouble: OfTrouble = None,
    user_id: OfUser = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response[WatchedWebhooksAnswer]:
    """Everybody's webhooks and queues that had no success since a failure, and those that Coffer turned off for that."""
    person = UserId(id_in_query("user_id", user_id)) if user_id is not None else None
    listing = Listing("failing_webhooks", principal.user_id, filters={"trouble": trouble, "user_id": person})
    after = _place(cursors.open(cursor, listing)) if cursor else None
    size = page_size(limit)
    async with deps.work.read() as connection:
        found = await watched_webhooks.page(connection, trouble, person, after, size + 1)
    shown = found[:size]
    following = cursors.seal([shown[-1].failing_since, shown[-1].id], listing) if len(found) > size else None
    return Response(WatchedWebhooksAnswer([_answer(one) for one in shown], following))


def _answer(one: WatchedWebhook) -> WatchedWebhookAnswer:
    return WatchedWebhookAnswer(
        id=one.id,
        owner_id=one.user_id,
        kind=one.kind,
        host=one.host,
        queue_arn=one.queue_arn,
        trouble="failing" if one.enabled else "turned_off",
        disabled_for=one.disabled_for,
        disabled_at=timestamp(one.disabled_at) if one.disabled_at else None,
        failing_since=timestamp(one.failing_since),
        last_failed_at=timestamp(one.last_failed_at) if one.last_failed_at else None,
        last_error=one.last_error,
        waiting=one.waiting,
        oldest_waiting_at=timestamp(one.oldest_waiting_at) if one.oldest_waiting_at else None,
    )


def _place(position: Sequence[object]) -> TroublePlace:
    match position:
        case [datetime() as failing_since, str() as webhook_id]:
            return TroublePlace(failing_since, webhook_id)
    raise CursorInvalid


ROUTES = (get_watched_webhooks,)
