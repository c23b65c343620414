"""Subscriptions of every kind over HTTP: a queue subscribed and proved, all of them listed, changed, removed, replayed.

Webhooks are made below `/v1/webhooks`; deliveries of both stand in `webhook_deliveries.py`.
"""

from typing import Literal

from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody
from pydantic import Field

from coffer_chassis.access_rules import user
from coffer_chassis.cursors import Listing
from coffer_chassis.http import not_modified
from coffer_chassis.openapi import documented
from coffer_chassis.requests import (
    Cursor,
    IdempotencyKey,
    Limit,
    TheConditions,
    TheCursors,
    TheOrigin,
    ThePrincipal,
    claim_of,
    page_size,
    replay_header,
)
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import (
    CursorInvalid,
    FeatureDisabled,
    IdempotencyInProgress,
    IdempotencyKeyReuse,
    LimitReached,
    MalformedRequest,
    NotFound,
    PreconditionFailed,
    StateConflict,
)
from coffer_notifier.domain.queues import ARN_LENGTH
from coffer_notifier.domain.webhooks import EVERY_KIND
from coffer_notifier.handlers.webhooks import (
    Change,
    Wanted,
    change_webhook,
    create_webhook,
    etag_of_webhook,
    list_webhooks,
    read_webhook,
    remove_webhook,
)
from coffer_notifier.routes.requests import DEFAULT_LIMIT, READ, WRITE, TheDeps
from coffer_notifier.routes.subscription_answers import (
    SUBSCRIPTION_EXAMPLE,
    SubscriptionAnswer,
    SubscriptionsAnswer,
    subscription_answer,
)
from coffer_notifier.routes.webhook_answers import WebhookInPath, webhook_in_path
from coffer_notifier.routes.webhook_requests import SubscriptionChangeBody, ToldBody, webhook_place


class SubscriptionBody(ToldBody):
    """Which queue is to be told, and of what."""

    kind: Literal["queue"] = Field("queue", description="Webhooks are made at `/v1/webhooks`.")
    queue_arn: str = Field(description="The ARN of your SQS queue, standard or FIFO.", max_length=ARN_LENGTH)


@post(
    "/v1/subscriptions",
    opt=user(WRITE)
    | documented(
        raises=[FeatureDisabled, LimitReached, IdempotencyKeyReuse, IdempotencyInProgress, MalformedRequest],
        request=SUBSCRIPTION_EXAMPLE,
        headers=["Idempotent-Replayed", "Location", "ETag"],
    ),
    operation_id="create_subscription",
    tags=["subscriptions"],
    summary="Subscribe a queue of yours",
)
async def post_subscription(
    data: JSONBody[SubscriptionBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    idempotency_key: IdempotencyKey = None,
) -> Response[SubscriptionAnswer]:
    """Be told of facts by messages in an SQS queue of your own.

    Nothing is sent yet: give the queue the `policy` shown, ask for a code, read it from the queue and send it back. You are
    told only of what you may see when you are told.
    """
    if deps.queues.sender is None:
        raise FeatureDisabled("This installation sends to no queues.")
    used = claim_of(idempotency_key, principal, "POST /v1/subscriptions", data)
    item = ItemId(data.item_id) if data.item_id else None
    wanted = Wanted(data.queue_arn, tuple(data.event_types), item, data.description, kind="queue")
    made = await create_webhook(deps, principal, origin, used, wanted)
    headers = {"Location": f"/v1/subscriptions/{made.webhook.id}", "ETag": etag_of_webhook(made.webhook)}
    headers |= replay_header(made.replayed)
    return Response(subscription_answer(made.webhook, deps.queues), status_code=201, headers=headers)


@get(
    "/v1/subscriptions",
    opt=user(READ) | documented(raises=[CursorInvalid]),
    operation_id="list_subscriptions",
    tags=["subscriptions"],
    summary="List your subscriptions",
)
async def get_subscriptions(
    principal: ThePrincipal, deps: TheDeps, cursors: TheCursors, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Response[SubscriptionsAnswer]:
    """The caller's subscriptions of every kind, webhooks too, oldest first."""
    listing = Listing("subscriptions", principal.user_id)
    after = webhook_place(cursors.open(cursor, listing)) if cursor else None
    size = page_size(limit)
    found = await list_webhooks(deps, principal, after, size + 1, kinds=EVERY_KIND)
    shown = found[:size]
    following = cursors.seal([shown[-1].created_at, shown[-1].id], listing) if len(found) > size else None
    return Response(SubscriptionsAnswer([subscription_answer(one, deps.queues) for one in shown], following))


@get(
    "/v1/subscriptions/{webhook:str}",
    opt=user(READ) | documented(raises=[NotFound, MalformedRequest], headers=["ETag"]),
    operation_id="get_subscription",
    tags=["subscriptions"],
    summary="Look at a subscription",
)
async def get_subscription(
    webhook: WebhookInPath, principal: ThePrincipal, deps: TheDeps, conditions: TheConditions
) -> Response[SubscriptionAnswer] | Response[None]:
    """One of the caller's subscriptions. 304 if the caller has it already."""
    found = await read_webhook(deps, principal, webhook_in_path(webhook), kinds=EVERY_KIND)
    etag = etag_of_webhook(found)
    if conditions.not_modified(etag):
        return not_modified(etag)
    return Response(subscription_answer(found, deps.queues), headers={"ETag": etag})


@patch(
    "/v1/subscriptions/{webhook:str}",
    opt=user(WRITE)
    | documented(
        raises=[NotFound, PreconditionFailed, StateConflict, MalformedRequest], request={"enabled": False}, headers=["ETag"]
    ),
    operation_id="change_subscription",
    tags=["subscriptions"],
    summary="Change a subscription, or turn it on or off",
)
async def patch_subscription(
    webhook: WebhookInPath,
    data: JSONBody[SubscriptionChangeBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    conditions: TheConditions,
) -> Response[SubscriptionAnswer]:
    """Change types, item, description, or whether it is on. For another queue make another subscription."""
    change = Change({name: getattr(data, name) for name in data.model_fields_set})
    changed = await change_webhook(deps, principal, origin, webhook_in_path(webhook), change, conditions, kinds=EVERY_KIND)
    return Response(subscription_answer(changed, deps.queues), headers={"ETag": etag_of_webhook(changed)})


@delete(
    "/v1/subscriptions/{webhook:str}",
    opt=user(WRITE) | documented(raises=[NotFound]),
    operation_id="delete_subscription",
    tags=["subscriptions"],
    summary="Remove a subscription",
)
async def delete_subscription(webhook: WebhookInPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """Remove a subscription of any kind with its log. What is under way may still arrive."""
    await remove_webhook(deps, principal, origin, webhook_in_path(webhook), kinds=EVERY_KIND)


ROUTES = (
    post_subscription,
    get_subscriptions,
    get_subscription,
    patch_subscription,
    delete_subscription,
)
