"""Queues on topics over HTTP, for operators: subscribed, shown, changed, removed."""

from typing import Annotated, Any, Literal, Self

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody, PathParameter
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from coffer_chassis.access_rules import operator
from coffer_chassis.admin.acts import as_operator
from coffer_chassis.answers import Body, Timestamp, timestamp
from coffer_chassis.openapi import documented
from coffer_chassis.requests import IdText, TheConditions, TheOrigin, known_id
from coffer_contracts.ids import UserId
from coffer_contracts.notifier import OperatorActedV1
from coffer_contracts.problems import (
    DependencyFailed,
    LimitReached,
    MalformedRequest,
    NotFound,
    PreconditionFailed,
    StateConflict,
)
from coffer_notifier.domain.queues import ARN_LENGTH
from coffer_notifier.domain.topics import MOST_TYPES
from coffer_notifier.handlers.topic_subscriptions import (
    Placed,
    WantedSubscription,
    change_topic_subscription,
    etag_of_subscription,
    list_topic_subscriptions,
    read_topic_subscription,
    remove_topic_subscription,
    subscribe_queue,
)
from coffer_notifier.routes.requests import TheDeps

PATH = "/v1/admin/notifier/subscriptions"
TYPE_LENGTH = 100
DESCRIPTION_LENGTH = 200
EXAMPLE: dict[str, Any] = {
    "topic": "files-events",
    "queue_arn": "arn:aws:sqs:eu-central-1:444455556666:search",
    "event_types": ["files.item.committed.v1", "files.item.purged.v1"],
    "description": "Full-text search.",
}

SubscriptionInPath = Annotated[str, PathParameter(description="The subscription's id.")]
Topic = Literal["auth-events", "files-events", "media-worker-events", "notifier-events", "sharing-events"]
Types = Annotated[list[Annotated[str, Field(max_length=TYPE_LENGTH)]], Field(max_length=MOST_TYPES)]
Arn = Annotated[str, Field(max_length=ARN_LENGTH)]


class TopicSubscriptionBody(Body):
    """Which queue is to be fed by which topic."""

    topic: Topic = Field(description="The topic; those of private commands are not among them.")
    queue_arn: str = Field(description="The ARN of a standard queue.", max_length=ARN_LENGTH)
    event_types: Types = Field([], description="Only these types, each with its major; none: all that are published there.")
    owner_id: IdText | None = Field(None, description="Only facts about the drive and the account of this person.")
    dead_queue_arn: Arn | None = Field(None, description="Where SNS puts what it cannot deliver; without it, that is lost.")
    description: str = Field("", description="For operators.", max_length=DESCRIPTION_LENGTH)


class TopicSubscriptionChangeBody(Body):
    """New values; what is left out stays."""

    event_types: Types | None = Field(None, description="As when it was made.")
    owner_id: IdText | None = Field(None, description="Null: of anybody.")
    dead_queue_arn: Arn | None = Field(None, description="Null: none.")
    description: str | None = Field(None, description="For operators.", max_length=DESCRIPTION_LENGTH)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        given = self.model_fields_set
        if not given:
            raise PydanticCustomError("nothing_to_change", "Give at least one field.")
        if any(getattr(self, name) is None for name in given & {"event_types", "description"}):
            raise PydanticCustomError("not_nullable", "Only owner_id and dead_queue_arn may be null.")
        return self


class TopicSubscriptionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A queue on a topic. `state` is `confirmed`; `pending` while the owner of a queue in another account has not confirmed
    (SNS puts a message with an address into it); `missing` if SNS does not know it: any change puts it in place. `policies`
    holds what each queue's owner permits.
    """

    id: str
    topic: str
    topic_arn: str
    queue_arn: str
    event_types: list[str]
    owner_id: str | None
    dead_queue_arn: str | None
    description: str
    state: str
    policies: dict[str, dict[str, Any]]
    created_by: str
    created_at: Timestamp
    changed_at: Timestamp


class TopicSubscriptionsAnswer(msgspec.Struct, frozen=True):
    """All that operators made, oldest first; queues of Coffer's own services are not among them."""

    items: list[TopicSubscriptionAnswer]


def topic_subscription_answer(placed: Placed) -> TopicSubscriptionAnswer:
    """One as answers show it."""
    one = placed.one
    return TopicSubscriptionAnswer(
        id=one.id,
        topic=one.topic,
        topic_arn=placed.topic_arn,
        queue_arn=one.queue,
        event_types=list(one.event_types),
        owner_id=one.owner_id,
        dead_queue_arn=one.dead_queue,
        description=one.description,
        state=placed.state,
        policies=dict(placed.policies),
        created_by=one.created_by,
        created_at=timestamp(one.created_at),
        changed_at=timestamp(one.changed_at),
    )


@post(
    PATH,
    opt=operator()
    | documented(
        raises=[StateConflict, LimitReached, DependencyFailed, MalformedRequest],
        events=[OperatorActedV1.type],
        request=EXAMPLE,
        headers=["Location", "ETag"],
    ),
    operation_id="create_topic_subscription",
    tags=["operators"],
    summary="Have a queue fed by a topic as it is",
)
async def post_topic_subscription(
    data: JSONBody[TopicSubscriptionBody], origin: TheOrigin, deps: TheDeps
) -> Response[TopicSubscriptionAnswer]:
    """Subscribe a queue to a topic, raw: whoever reads it is told everything, whole and unjudged.

    Give the queue the policy shown. 502 says that SNS did not do it; it then stands there as `missing`.
    """
    owner = UserId(data.owner_id) if data.owner_id else None
    types = tuple(data.event_types)
    wanted = WantedSubscription(data.topic, data.queue_arn, types, owner, data.dead_queue_arn, data.description)
    placed = await subscribe_queue(deps, as_operator(origin), wanted)
    headers = {"Location": f"{PATH}/{placed.one.id}", "ETag": etag_of_subscription(placed.one)}
    return Response(topic_subscription_answer(placed), status_code=201, headers=headers)


@get(
    PATH,
    opt=operator() | documented(raises=[DependencyFailed]),
    operation_id="list_topic_subscriptions",
    tags=["operators"],
    summary="List queues on topics",
)
async def get_topic_subscriptions(deps: TheDeps) -> Response[TopicSubscriptionsAnswer]:
    """All queues that operators subscribed to topics, at most 50, as SNS knows them."""
    found = await list_topic_subscriptions(deps)
    return Response(TopicSubscriptionsAnswer([topic_subscription_answer(one) for one in found]))


@get(
    f"{PATH}/{{subscription:str}}",
    opt=operator() | documented(raises=[NotFound, DependencyFailed], headers=["ETag"]),
    operation_id="get_topic_subscription",
    tags=["operators"],
    summary="Look at a queue on a topic",
)
async def get_topic_subscription(subscription: SubscriptionInPath, deps: TheDeps) -> Response[TopicSubscriptionAnswer]:
    """One of them, as SNS knows it."""
    placed = await read_topic_subscription(deps, known_id(subscription))
    return Response(topic_subscription_answer(placed), headers={"ETag": etag_of_subscription(placed.one)})


@patch(
    f"{PATH}/{{subscription:str}}",
    opt=operator()
    | documented(
        raises=[NotFound, PreconditionFailed, StateConflict, DependencyFailed, MalformedRequest],
        events=[OperatorActedV1.type],
        request={"event_types": ["files.item.committed.v1"]},
        headers=["ETag"],
    ),
    operation_id="change_topic_subscription",
    tags=["operators"],
    summary="Change a queue on a topic",
)
async def patch_topic_subscription(
    subscription: SubscriptionInPath,
    data: JSONBody[TopicSubscriptionChangeBody],
    origin: TheOrigin,
    deps: TheDeps,
    conditions: TheConditions,
) -> Response[TopicSubscriptionAnswer]:
    """Change its filter, its dead-letter queue or its description; one that is missing is put in place. AWS takes up to
    15 minutes to filter otherwise. For another queue or topic make another one.
    """
    names = {"dead_queue_arn": "dead_queue"}
    values = {names.get(name, name): getattr(data, name) for name in data.model_fields_set}
    placed = await change_topic_subscription(deps, as_operator(origin), known_id(subscription), values, conditions)
    return Response(topic_subscription_answer(placed), headers={"ETag": etag_of_subscription(placed.one)})


@delete(
    f"{PATH}/{{subscription:str}}",
    opt=operator() | documented(raises=[NotFound, DependencyFailed], events=[OperatorActedV1.type]),
    operation_id="delete_topic_subscription",
    tags=["operators"],
    summary="Take a queue off a topic",
)
async def delete_topic_subscription(subscription: SubscriptionInPath, origin: TheOrigin, deps: TheDeps) -> None:
    """End a subscription that operators made. What is on its way may still arrive."""
    await remove_topic_subscription(deps, as_operator(origin), known_id(subscription))


ROUTES = (
    post_topic_subscription,
    get_topic_subscriptions,
    get_topic_subscription,
    patch_topic_subscription,
    delete_topic_subscription,
)
