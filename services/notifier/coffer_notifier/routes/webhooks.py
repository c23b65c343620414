"""Webhooks over HTTP: make, list, look, change, rotate the secret, remove. Their deliveries are `webhook_deliveries.py`'s."""

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
    IdempotencyInProgress,
    IdempotencyKeyReuse,
    LimitReached,
    MalformedRequest,
    NotFound,
    PreconditionFailed,
)
from coffer_notifier.domain.addresses import URL_LENGTH
from coffer_notifier.handlers.webhooks import (
    Change,
    Wanted,
    change_webhook,
    create_webhook,
    etag_of_webhook,
    list_webhooks,
    read_webhook,
    remove_webhook,
    rotate_secret,
)
from coffer_notifier.routes.requests import DEFAULT_LIMIT, READ, WRITE, TheDeps
from coffer_notifier.routes.webhook_answers import (
    WEBHOOK_EXAMPLE,
    SecretAnswer,
    WebhookAnswer,
    WebhookInPath,
    WebhookMadeAnswer,
    WebhooksAnswer,
    made_answer,
    secret_answer,
    webhook_answer,
    webhook_in_path,
)
from coffer_notifier.routes.webhook_requests import SubscriptionChangeBody, ToldBody, webhook_place


class WebhookBody(ToldBody):
    """Where to be told, and of what."""

    url: str = Field(description="Where requests go, by https.", max_length=URL_LENGTH)
    enabled: bool = Field(True, description="Whether it is turned on.")


class WebhookChangeBody(SubscriptionChangeBody):
    """New values; what is left out stays."""

    url: str | None = Field(None, description="Where requests go from now on.", max_length=URL_LENGTH)


@post(
    "/v1/webhooks",
    opt=user(WRITE)
    | documented(
        raises=[LimitReached, IdempotencyKeyReuse, IdempotencyInProgress, MalformedRequest],
        request=WEBHOOK_EXAMPLE,
        headers=["Idempotent-Replayed", "Location", "ETag"],
    ),
    operation_id="create_webhook",
    tags=["webhooks"],
    summary="Make a webhook",
)
async def post_webhook(
    data: JSONBody[WebhookBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    idempotency_key: IdempotencyKey = None,
) -> Response[WebhookMadeAnswer]:
    """Be told of facts by requests to an address of yours, signed as Standard Webhooks 1.0 has it.

    The secret is shown this once; a repeated answer to the same Idempotency-Key has none. You are told only of what you may
    see when you are told.
    """
    used = claim_of(idempotency_key, principal, "POST /v1/webhooks", data)
    item = ItemId(data.item_id) if data.item_id else None
    wanted = Wanted(data.url, tuple(data.event_types), item, data.description, data.enabled)
    made = await create_webhook(deps, principal, origin, used, wanted)
    headers = {"Location": f"/v1/webhooks/{made.webhook.id}", "ETag": etag_of_webhook(made.webhook)}
    return Response(made_answer(made), status_code=201, headers={**headers, **replay_header(made.replayed)})


@get(
    "/v1/webhooks",
    opt=user(READ) | documented(raises=[CursorInvalid]),
    operation_id="list_webhooks",
    tags=["webhooks"],
    summary="List your webhooks",
)
async def get_webhooks(
    principal: ThePrincipal, deps: TheDeps, cursors: TheCursors, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Response[WebhooksAnswer]:
    """The caller's webhooks, oldest first."""
    listing = Listing("webhooks", principal.user_id)
    after = webhook_place(cursors.open(cursor, listing)) if cursor else None
    size = page_size(limit)
    found = await list_webhooks(deps, principal, after, size + 1)
    shown = found[:size]
    following = cursors.seal([shown[-1].created_at, shown[-1].id], listing) if len(found) > size else None
    return Response(WebhooksAnswer([webhook_answer(one) for one in shown], following))


@get(
    "/v1/webhooks/{webhook:str}",
    opt=user(READ) | documented(raises=[NotFound, MalformedRequest], headers=["ETag"]),
    operation_id="get_webhook",
    tags=["webhooks"],
    summary="Look at a webhook",
)
async def get_webhook(
    webhook: WebhookInPath, principal: ThePrincipal, deps: TheDeps, conditions: TheConditions
) -> Response[WebhookAnswer] | Response[None]:
    """One of the caller's webhooks, without its secret. 304 if the caller has it already."""
    found = await read_webhook(deps, principal, webhook_in_path(webhook))
    etag = etag_of_webhook(found)
    return not_modified(etag) if conditions.not_modified(etag) else Response(webhook_answer(found), headers={"ETag": etag})


@patch(
    "/v1/webhooks/{webhook:str}",
    opt=user(WRITE)
    | documented(raises=[NotFound, PreconditionFailed, MalformedRequest], request={"enabled": True}, headers=["ETag"]),
    operation_id="change_webhook",
    tags=["webhooks"],
    summary="Change a webhook, or turn it on or off",
)
async def patch_webhook(
    webhook: WebhookInPath,
    data: JSONBody[WebhookChangeBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    conditions: TheConditions,
) -> Response[WebhookAnswer]:
    """Change address, types, item, description, or whether it is on. Its secret stays. Repeating changes nothing more."""
    change = Change({name: getattr(data, name) for name in data.model_fields_set})
    changed = await change_webhook(deps, principal, origin, webhook_in_path(webhook), change, conditions)
    return Response(webhook_answer(changed), headers={"ETag": etag_of_webhook(changed)})


@delete(
    "/v1/webhooks/{webhook:str}",
    opt=user(WRITE) | documented(raises=[NotFound]),
    operation_id="delete_webhook",
    tags=["webhooks"],
    summary="Remove a webhook",
)
async def delete_webhook(webhook: WebhookInPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """Remove a webhook with its log. What is under way may still arrive."""
    await remove_webhook(deps, principal, origin, webhook_in_path(webhook))


@post(
    "/v1/webhooks/{webhook:str}/rotate-secret",
    opt=user(WRITE) | documented(raises=[NotFound]),
    operation_id="rotate_webhook_secret",
    tags=["webhooks"],
    summary="Give a webhook a new secret",
    status_code=200,
)
async def post_rotate_secret(
    webhook: WebhookInPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[SecretAnswer]:
    """Make a new secret, which is shown this once. Requests carry a signature of each for 24 hours, then of the new one; of the
    four replaced last, if somebody makes many. If the answer is lost, ask again: the receiver's secret stays good.
    """
    return Response(secret_answer(await rotate_secret(deps, principal, origin, webhook_in_path(webhook))))


ROUTES = (post_webhook, get_webhooks, get_webhook, patch_webhook, delete_webhook, post_rotate_secret)
