"""What a webhook, or a subscription of any kind, was sent, over HTTP: the log, sending again, recovering, trying out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from litestar import Response, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter
from pydantic import Field

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body
from coffer_chassis.cursors import Listing
from coffer_chassis.openapi import documented
from coffer_chassis.requests import (
    Cursor,
    Limit,
    Moment,
    TheCursors,
    TheOrigin,
    ThePrincipal,
    known_id,
    page_size,
)
from coffer_contracts.problems import CursorInvalid, NotFound, StateConflict
from coffer_notifier.domain.webhooks import EVERY_KIND, WEBHOOKS_ONLY, Kind
from coffer_notifier.handlers.deliveries import list_deliveries, look_at_delivery, recover, redeliver, try_out
from coffer_notifier.routes.requests import DEFAULT_LIMIT, READ, WRITE, TheDeps
from coffer_notifier.routes.webhook_answers import (
    DeliveriesAnswer,
    DeliveryAnswer,
    DeliveryDetail,
    RecoveredAnswer,
    WebhookInPath,
    delivery_answer,
    delivery_detail,
    webhook_in_path,
)
from coffer_notifier.store.delivery_log import DeliveryPlace

DeliveryInPath = Annotated[str, PathParameter(description="The delivery's id.")]
OfStatus = Annotated[
    Literal["queued", "sending", "delivered", "failed", "held"] | None,
    QueryParameter(description="Only these: `queued`, `sending`, `delivered`, `failed`, `held`."),
]


class TestBody(Body):
    """What to be sent."""

    __test__ = False  # no class of tests

    event_type: str | None = Field(
        None, description="The type of the made-up fact; default: the first that the webhook asks for.", max_length=100
    )


class RecoverBody(Body):
    """From when on."""

    since: Moment = Field(
        description="Deliveries of facts that came since then.", examples=[datetime(2026, 11, 20, 10, 15, tzinfo=UTC)]
    )


@dataclass(frozen=True, slots=True)
class Noun:
    """Where deliveries stand: below webhooks, or below subscriptions of every kind."""

    path: str
    word: str
    kinds: tuple[Kind, ...]


def routes(noun: Noun) -> tuple[Any, ...]:
    """Of webhooks, or of subscriptions."""

    @get(
        f"{noun.path}/{{webhook:str}}/deliveries",
        opt=user(READ) | documented(raises=[NotFound, CursorInvalid]),
        operation_id=f"list_{noun.word}_deliveries",
        tags=[f"{noun.word}s"],
        summary=f"See what a {noun.word} was sent",
    )
    async def get_deliveries(
        webhook: WebhookInPath,
        principal: ThePrincipal,
        deps: TheDeps,
        cursors: TheCursors,
        status: OfStatus = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response[DeliveriesAnswer]:
        """What was sent, waits to be sent, or was given up, newest first. Kept for a month if the operator leaves it so."""
        webhook_id = webhook_in_path(webhook)
        listing = Listing(f"{noun.word}_deliveries", principal.user_id, filters={"webhook": webhook_id, "status": status})
        after = _place(cursors.open(cursor, listing)) if cursor else None
        size = page_size(limit)
        found = await list_deliveries(deps, principal, webhook_id, status, after, size + 1, kinds=noun.kinds)
        shown = found[:size]
        following = cursors.seal([shown[-1].created_at, shown[-1].id], listing) if len(found) > size else None
        return Response(DeliveriesAnswer([delivery_answer(one) for one in shown], following))

    @get(
        f"{noun.path}/{{webhook:str}}/deliveries/{{delivery:str}}",
        opt=user(READ) | documented(raises=[NotFound]),
        operation_id=f"get_{noun.word}_delivery",
        tags=[f"{noun.word}s"],
        summary="Look at a delivery",
    )
    async def get_delivery(
        webhook: WebhookInPath, delivery: DeliveryInPath, principal: ThePrincipal, deps: TheDeps
    ) -> Response[DeliveryDetail]:
        """One delivery with its attempts and what was sent, which is shown as long as you may see what it is about."""
        looked = await look_at_delivery(deps, principal, webhook_in_path(webhook), known_id(delivery), kinds=noun.kinds)
        return Response(delivery_detail(looked))

    @post(
        f"{noun.path}/{{webhook:str}}/deliveries/{{delivery:str}}/redeliver",
        opt=user(WRITE) | documented(raises=[NotFound, StateConflict]),
        operation_id=f"redeliver_{noun.word}",
        tags=[f"{noun.word}s"],
        summary="Send a delivery again",
        status_code=202,
    )
    async def post_redeliver(
        webhook: WebhookInPath, delivery: DeliveryInPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
    ) -> Response[DeliveryAnswer]:
        """Send a delivery again, whatever became of it, under the same webhook-id. Once more is fine."""
        again = await redeliver(deps, principal, origin, webhook_in_path(webhook), known_id(delivery), kinds=noun.kinds)
        return Response(delivery_answer(again), status_code=202)

    @post(
        f"{noun.path}/{{webhook:str}}/recover",
        opt=user(WRITE) | documented(raises=[NotFound, StateConflict], request={"since": "2026-11-20T10:15:00Z"}),
        operation_id=f"recover_{noun.word}",
        tags=[f"{noun.word}s"],
        summary=f"Send again what a {noun.word} missed",
        status_code=202,
    )
    async def post_recover(
        webhook: WebhookInPath, data: JSONBody[RecoverBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
    ) -> Response[RecoveredAnswer]:
        """Send again what was given up since then, and what was held while the webhook was off. Once more is fine."""
        count = await recover(deps, principal, origin, webhook_in_path(webhook), data.since, kinds=noun.kinds)
        return Response(RecoveredAnswer(count), status_code=202)

    @post(
        f"{noun.path}/{{webhook:str}}/test",
        opt=user(WRITE)
        | documented(raises=[NotFound, StateConflict], request={"event_type": "files.item.committed.v1"}, headers=["Location"]),
        operation_id=f"try_{noun.word}",
        tags=[f"{noun.word}s"],
        summary=f"Send a made-up fact to a {noun.word}",
        status_code=202,
    )
    async def post_test(
        webhook: WebhookInPath, data: JSONBody[TestBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
    ) -> Response[DeliveryAnswer]:
        """Send a made-up fact with `"test": true` in its data. What became of it stands at the delivery a moment later."""
        webhook_id = webhook_in_path(webhook)
        made = await try_out(deps, principal, origin, webhook_id, data.event_type, kinds=noun.kinds)
        headers = {"Location": f"{noun.path}/{webhook_id}/deliveries/{made.id}"}
        return Response(delivery_answer(made), status_code=202, headers=headers)

    return get_deliveries, get_delivery, post_redeliver, post_recover, post_test


def _place(position: Sequence[object]) -> DeliveryPlace:
    match position:
        case [datetime() as created_at, str() as delivery_id]:
            return DeliveryPlace(created_at, delivery_id)
    raise CursorInvalid


ROUTES = (
    *routes(Noun("/v1/webhooks", "webhook", WEBHOOKS_ONLY)),
    *routes(Noun("/v1/subscriptions", "subscription", EVERY_KIND)),
)
