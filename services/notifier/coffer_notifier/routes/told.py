"""Over HTTP: proving that a queue is one's own, what a subscription was told by number, and having that sent again."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import JSONBody, QueryParameter
from pydantic import Field

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body, timestamp
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Limit, TheOrigin, ThePrincipal, page_size
from coffer_contracts.problems import DependencyFailed, EventsForgotten, NotFound, StateConflict, TooManyAttempts
from coffer_notifier.handlers.queue_proofs import confirm, send_code
from coffer_notifier.handlers.told import replay, told_after
from coffer_notifier.handlers.webhooks import etag_of_webhook
from coffer_notifier.routes.requests import DEFAULT_LIMIT, READ, WRITE, TheDeps
from coffer_notifier.routes.subscription_answers import (
    CodeSentAnswer,
    ReplayedRangeAnswer,
    SubscriptionAnswer,
    ToldPageAnswer,
    subscription_answer,
    told_page_answer,
)
from coffer_notifier.routes.webhook_answers import WebhookInPath, webhook_in_path

HIGHEST = 2**53
After = Annotated[
    int, QueryParameter(ge=0, le=HIGHEST, description="The last number that you have dealt with; 0: from the first.")
]


class QueueCodeBody(Body):
    """What stood in the queue."""

    code: str = Field(
        description="`code` of the newest message with the type `coffer.subscription.confirmation`.", max_length=100
    )


class ReplayRangeBody(Body):
    """What is to be sent again."""

    after: int = Field(description="Begin after this number; 0: with the first.", ge=0, le=HIGHEST)
    until: int | None = Field(None, description="Up to this number; default: the last.", ge=1, le=HIGHEST)


@post(
    "/v1/subscriptions/{webhook:str}/code",
    opt=user(WRITE) | documented(raises=[NotFound, StateConflict, TooManyAttempts, DependencyFailed]),
    operation_id="send_subscription_code",
    tags=["subscriptions"],
    summary="Have a code sent to your queue",
    status_code=202,
)
async def post_code(
    webhook: WebhookInPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[CodeSentAnswer]:
    """Send a message with a code into the queue, to prove that you can read it. The code before it is worth nothing then.

    409 says by `state` why the queue did not take it: `access_denied` without the policy, `queue_gone`, `key_denied`.
    """
    sent = await send_code(deps, principal, origin, webhook_in_path(webhook))
    return Response(CodeSentAnswer(timestamp(sent.expires_at)), status_code=202)


@post(
    "/v1/subscriptions/{webhook:str}/confirm",
    opt=user(WRITE) | documented(raises=[NotFound], request={"code": "pXv1v0mY2o4cFq1m3bX8cQm1N5s0ZrGq"}, headers=["ETag"]),
    operation_id="confirm_subscription",
    tags=["subscriptions"],
    summary="Prove that a queue is yours",
    status_code=200,
)
async def post_confirm(
    webhook: WebhookInPath, data: JSONBody[QueueCodeBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[SubscriptionAnswer]:
    """Send back the code that stood in the queue. From then on it is told of facts. Once more is fine."""
    proved = await confirm(deps, principal, origin, webhook_in_path(webhook), data.code)
    return Response(subscription_answer(proved, deps.queues), headers={"ETag": etag_of_webhook(proved)})


@get(
    "/v1/subscriptions/{webhook:str}/events",
    opt=user(READ) | documented(raises=[NotFound, EventsForgotten]),
    operation_id="list_subscription_events",
    tags=["subscriptions"],
    summary="See what a subscription was told",
)
async def get_told(
    webhook: WebhookInPath, principal: ThePrincipal, deps: TheDeps, after: After = 0, limit: Limit = DEFAULT_LIMIT
) -> Response[ToldPageAnswer]:
    """What a subscription was told after a number, to close a gap: numbers have no holes. What waits for its first attempt has
    none yet, and comes. Kept for a month unless the operator says otherwise; 410 when what came next is no longer known.
    """
    page = await told_after(deps, principal, webhook_in_path(webhook), after, page_size(limit))
    return Response(told_page_answer(page))


@post(
    "/v1/subscriptions/{webhook:str}/replay",
    opt=user(WRITE) | documented(raises=[NotFound, StateConflict, EventsForgotten], request={"after": 1041, "until": 1100}),
    operation_id="replay_subscription",
    tags=["subscriptions"],
    summary="Have a range sent again",
    status_code=202,
)
async def post_replay(
    webhook: WebhookInPath, data: JSONBody[ReplayRangeBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[ReplayedRangeAnswer]:
    """Send again what was told after one number up to another, with the same numbers and ids: at most 10,000 at once, and only
    what you may see when it is sent. Once more is fine: what waits already goes out once.
    """
    count = await replay(deps, principal, origin, webhook_in_path(webhook), data.after, data.until)
    return Response(ReplayedRangeAnswer(count), status_code=202)


ROUTES = (post_code, post_confirm, get_told, post_replay)
