"""Webhooks in trouble over HTTP, for operators, and turning off those that harm."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Response, delete, get, post
from litestar.params import JSONBody, QueryParameter
from pydantic import Field

from coffer_chassis.access_rules import operator
from coffer_chassis.answers import Body, Timestamp, timestamp
from coffer_chassis.cursors import Listing
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Limit, TheCursors, TheOrigin, ThePrincipal, id_in_query, page_size
from coffer_contracts.ids import UserId
from coffer_contracts.notifier import OperatorActedV1, WebhookDisabledV1
from coffer_contracts.problems import CursorInvalid, NotFound
from coffer_notifier.handlers.webhook_takedowns import REASON_LENGTH, look_at_webhook, put_back, take_down
from coffer_notifier.routes.requests import DEFAULT_LIMIT, TheDeps
from coffer_notifier.routes.webhook_answers import (
    WebhookInPath,
    WebhookTakedownAnswer,
    takedown_answer,
    webhook_in_path,
)
from coffer_notifier.store import watched_webhooks
from coffer_notifier.store.watched_webhooks import TroublePlace, WatchedWebhook

OfTrouble = Annotated[
    Literal["failing", "turned_off", "taken_down"] | None,
    QueryParameter(
        description="Only those that are `failing` and tried again, were `turned_off` for it, or `taken_down` by an operator."
    ),
]
OfUser = Annotated[str | None, QueryParameter(name="user_id", description="Only those of this account.")]


class TakedownBody(Body):
    """Why."""

    reason: str = Field(min_length=1, max_length=REASON_LENGTH, description="Told to its owner, and kept in the audit.")


class WatchedWebhookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook or a subscriber's queue (`kind`). `trouble` is `failing`, `turned_off` for that, `taken_down` by an operator,
    or null. Of a webhook's address operators see the host only. `last_error` is a stable word as in the log of deliveries;
    `waiting` counts up to 10,000, and not what is held.
    """

    id: str
    owner_id: str
    kind: str
    host: str
    queue_arn: str | None
    enabled: bool
    trouble: str | None
    disabled_for: str | None
    disabled_at: Timestamp | None
    failing_since: Timestamp | None
    last_failed_at: Timestamp | None
    last_error: str | None
    waiting: int
    oldest_waiting_at: Timestamp | None
    taken_down: WebhookTakedownAnswer | None


class WatchedWebhooksAnswer(msgspec.Struct, frozen=True):
    """A page of them, those in trouble for longest first."""

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
    """Everybody's webhooks and queues that had no success since a failure, those that Coffer turned off for that, and those
    that operators keep off.
    """
    person = UserId(id_in_query("user_id", user_id)) if user_id is not None else None
    listing = Listing("failing_webhooks", principal.user_id, filters={"trouble": trouble, "user_id": person})
    after = _place(cursors.open(cursor, listing)) if cursor else None
    size = page_size(limit)
    async with deps.work.read() as connection:
        found = await watched_webhooks.page(connection, trouble, person, after, size + 1)
    shown = found[:size]
    following = cursors.seal([shown[-1].since, shown[-1].id], listing) if len(found) > size else None
    return Response(WatchedWebhooksAnswer([_answer(one) for one in shown], following))


@get(
    "/v1/admin/notifier/webhooks/{webhook:str}",
    opt=operator() | documented(raises=[NotFound]),
    operation_id="look_up_webhook",
    tags=["operators"],
    summary="Find whose webhook it is",
)
async def get_watched_webhook(webhook: WebhookInPath, deps: TheDeps) -> Response[WatchedWebhookAnswer]:
    """A webhook or queue by its id, in trouble or not. Whoever complains of requests finds it in them, as `subscription_id`."""
    return Response(_answer(await look_at_webhook(deps, webhook_in_path(webhook))))


@post(
    "/v1/admin/notifier/webhooks/{webhook:str}/takedown",
    opt=operator()
    | documented(
        raises=[NotFound],
        request={"reason": "Sends thousands of requests to somebody who never asked for them."},
        events=[WebhookDisabledV1.type, OperatorActedV1.type],
    ),
    status_code=200,
    operation_id="take_webhook_down",
    tags=["operators"],
    summary="Turn off a webhook that harms",
)
async def post_takedown(
    webhook: WebhookInPath, data: JSONBody[TakedownBody], origin: TheOrigin, deps: TheDeps
) -> Response[WatchedWebhookAnswer]:
    """Turn off a webhook or a subscriber's queue, whatever its owner wants, who is told the reason. What waits is held, what
    happens meanwhile is not sent. Once more is fine, and changes nothing.
    """
    return Response(_answer(await take_down(deps, origin, webhook_in_path(webhook), data.reason)))


@delete(
    "/v1/admin/notifier/webhooks/{webhook:str}/takedown",
    opt=operator() | documented(raises=[NotFound], events=[OperatorActedV1.type]),
    status_code=200,
    operation_id="put_webhook_back",
    tags=["operators"],
    summary="Undo the takedown of a webhook",
)
async def delete_takedown(webhook: WebhookInPath, origin: TheOrigin, deps: TheDeps) -> Response[WatchedWebhookAnswer]:
    """It is as its owner had it; what was held its owner may recover. Once more is fine."""
    return Response(_answer(await put_back(deps, origin, webhook_in_path(webhook))))


def _answer(one: WatchedWebhook) -> WatchedWebhookAnswer:
    return WatchedWebhookAnswer(
        id=one.id,
        owner_id=one.user_id,
        kind=one.kind,
        host=one.host,
        queue_arn=one.queue_arn,
        enabled=one.enabled,
        trouble=one.trouble,
        disabled_for=one.disabled_for,
        disabled_at=timestamp(one.disabled_at) if one.disabled_at else None,
        failing_since=timestamp(one.failing_since) if one.failing_since else None,
        last_failed_at=timestamp(one.last_failed_at) if one.last_failed_at else None,
        last_error=one.last_error,
        waiting=one.waiting,
        oldest_waiting_at=timestamp(one.oldest_waiting_at) if one.oldest_waiting_at else None,
        taken_down=takedown_answer(one),
    )


def _place(position: Sequence[object]) -> TroublePlace:
    match position:
        case [datetime() as since, str() as webhook_id]:
            return TroublePlace(since, webhook_id)
    raise CursorInvalid


ROUTES = (get_watched_webhooks, get_watched_webhook, post_takedown, delete_takedown)
