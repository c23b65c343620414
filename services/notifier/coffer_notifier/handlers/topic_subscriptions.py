"""What operators do with queues on topics: subscribe, look, change, remove. What others subscribed is not touched.

The row and the fact that an operator acted are committed first, and SNS is asked then: whatever dies in between, what was
wanted stands there, is shown as `missing` if SNS does not know it, and is put in place by any change.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from coffer_chassis.admin.acts import tell
from coffer_chassis.etags import Conditions, etag_of
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import UserId
from coffer_contracts.notifier import OperatorActedV1
from coffer_contracts.problems import (
    DependencyFailed,
    FieldError,
    LimitReached,
    NotFound,
    StateConflict,
    ValidationFailed,
)
from coffer_notifier.domain.addresses import AddressRefused
from coffer_notifier.domain.queues import QueueAddress, topic_policy_for
from coffer_notifier.domain.topics import (
    ARN,
    MOST_SUBSCRIPTIONS,
    State,
    TopicSubscription,
    accept_subscriber,
    accept_types,
    attributes_of,
    is_elsewhere,
    state_of,
)
from coffer_notifier.handlers.deps import Deps, TopicsAway
from coffer_notifier.store import topic_subscriptions

SUBSCRIBED = "topics.subscribed"
CHANGED = "topics.changed"
UNSUBSCRIBED = "topics.unsubscribed"


@dataclass(frozen=True, slots=True)
class WantedSubscription:
    """What a new one is to be."""

    topic: str
    queue: str
    event_types: tuple[str, ...] = ()
    owner_id: UserId | None = None
    dead_queue: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A queue on a topic, how it stands, and what its owner has to permit, by queue."""

    one: TopicSubscription
    state: State
    topic_arn: str
    policies: Mapping[str, Any] = field(default_factory=dict)


def etag_of_subscription(one: TopicSubscription) -> str:
    """The tag of one as it is answered."""
    return etag_of(one.id, one.revision)


async def list_topic_subscriptions(deps: Deps) -> list[Placed]:
    """All of them, oldest first, as SNS knows them. Raises DependencyFailed."""
    async with deps.work.read() as connection:
        found = await topic_subscriptions.every(connection)
    return await _placed(deps, found)


async def read_topic_subscription(deps: Deps, subscription_id: str) -> Placed:
    """One of them. Raises NotFound, DependencyFailed."""
    async with deps.work.read() as connection:
        found = await topic_subscriptions.find(connection, subscription_id)
    if found is None:
        raise NotFound
    (placed,) = await _placed(deps, [found])
    return placed


async def subscribe_queue(deps: Deps, origin: Origin, wanted: WantedSubscription) -> Placed:
    """Subscribe a queue to a topic.

    Raises ValidationFailed, LimitReached, StateConflict for a queue that is on that topic already, whoever put it there, and
    DependencyFailed when SNS did not do it; what was wanted then stands there as `missing`. The second of two is a conflict.
    """
    topic_arn, subscribers = await _asked(deps, wanted.topic)
    _accept_queues(topic_arn, wanted.queue, wanted.dead_queue)
    types = accept_types(wanted.topic, wanted.event_types)
    async with deps.work.unit(origin) as unit:
        if await topic_subscriptions.count(unit.connection) >= MOST_SUBSCRIPTIONS:
            raise LimitReached(f"There may be {MOST_SUBSCRIPTIONS}; remove one first.", limit=MOST_SUBSCRIPTIONS)
        one = TopicSubscription(
            id=new_id(),
            topic=wanted.topic,
            queue=wanted.queue,
            event_types=types,
            owner_id=wanted.owner_id,
            dead_queue=wanted.dead_queue,
            description=wanted.description,
            arn=None,
            created_by=origin.actor_id or "",
            created_at=unit.now,
            changed_at=unit.now,
            revision=1,
        )
        if not await topic_subscriptions.add(unit.connection, one):
            raise StateConflict("This queue is on this topic already.", state="subscribed")
        if wanted.queue in subscribers:
            raise _elsewhere()
        _act(unit, SUBSCRIBED, one)
    return await _put_in_place(deps, one)


async def change_topic_subscription(
    deps: Deps, origin: Origin, subscription_id: str, values: Mapping[str, Any], conditions: Conditions
) -> Placed:
    """Change what it filters, its dead-letter queue or its description, and put it in place if it is missing.

    Raises NotFound, PreconditionFailed, ValidationFailed, StateConflict where somebody else subscribed the queue meanwhile,
    DependencyFailed. May run twice.
    """
    known = await read_topic_subscription(deps, subscription_id)
    kept = dict(values)
    if "event_types" in kept:
        kept["event_types"] = list(accept_types(known.one.topic, kept["event_types"]))
    if kept.get("dead_queue"):
        _accept_queues(known.topic_arn, None, kept["dead_queue"])
    async with deps.work.unit(origin) as unit:
        found = await _held(unit, subscription_id)
        conditions.require(etag_of_subscription(found))
        changed = await topic_subscriptions.change(unit.connection, subscription_id, **kept, changed_at=unit.now)
        _act(unit, CHANGED, changed)
    return await _put_in_place(deps, changed)


async def remove_topic_subscription(deps: Deps, origin: Origin, subscription_id: str) -> None:
    """End it. What is on its way may still arrive. Raises NotFound, DependencyFailed. May run twice until it is gone."""
    async with deps.work.unit(origin) as unit:
        found = await _held(unit, subscription_id)
        _act(unit, UNSUBSCRIBED, found)
    _, subscribers = await _asked(deps, found.topic)
    arn = subscribers.get(found.queue)
    try:
        if arn is not None and arn.startswith(ARN) and not is_elsewhere(found, subscribers):
            await deps.topics.unsubscribe(arn)
    except TopicsAway as error:
        raise _away(error) from error
    async with deps.work.unit(origin) as unit:
        await topic_subscriptions.remove(unit.connection, subscription_id)


async def _held(unit: Unit, subscription_id: str) -> TopicSubscription:
    found = await topic_subscriptions.find(unit.connection, subscription_id, lock=True)
    if found is None:
        raise NotFound
    return found


async def _put_in_place(deps: Deps, one: TopicSubscription) -> Placed:
    """Have SNS do what stands in the row. May run twice and at once."""
    values = attributes_of(one)
    try:
        topic_arn = await deps.topics.arn_of(one.topic)
        subscribers = await deps.topics.subscribers(one.topic)
        if is_elsewhere(one, subscribers):
            raise _elsewhere()
        arn = subscribers.get(one.queue)
        if arn is None:
            arn = await deps.topics.subscribe(one.topic, one.queue, values)
        elif arn.startswith(ARN):
            await deps.topics.change(arn, values)
    except TopicsAway as error:
        raise _away(error) from error
    async with deps.work.engine.begin() as connection:
        await topic_subscriptions.note_arn(connection, one.id, arn)
    return _shown(replace(one, arn=arn), topic_arn, {one.queue: arn})


async def _placed(deps: Deps, found: list[TopicSubscription]) -> list[Placed]:
    asked = {topic: await _asked(deps, topic) for topic in dict.fromkeys(one.topic for one in found)}
    return [_shown(one, *asked[one.topic]) for one in found]


async def _asked(deps: Deps, topic: str) -> tuple[str, Mapping[str, str]]:
    try:
        return await deps.topics.arn_of(topic), await deps.topics.subscribers(topic)
    except TopicsAway as error:
        raise _away(error) from error


def _shown(one: TopicSubscription, topic_arn: str, subscribers: Mapping[str, str]) -> Placed:
    queues = [queue for queue in (one.queue, one.dead_queue) if queue]
    policies = {queue: topic_policy_for(QueueAddress.of(queue), topic_arn) for queue in queues}
    return Placed(one, state_of(one, subscribers), topic_arn, policies)


def _accept_queues(topic_arn: str, queue: str | None, dead_queue: str | None) -> None:
    for pointer, arn in (("/queue_arn", queue), ("/dead_queue_arn", dead_queue)):
        if arn is None:
            continue
        try:
            accept_subscriber(arn, topic_arn)
        except AddressRefused as error:
            raise ValidationFailed("", errors=(FieldError(pointer, error.code, str(error)),)) from error


def _act(unit: Unit, action: str, one: TopicSubscription) -> None:
    types = list(one.event_types) or None
    about = {"topic": one.topic, "queue": one.queue, "types": types, "owner": one.owner_id, "dead_queue": one.dead_queue}
    tell(OperatorActedV1, unit, action, target=f"topic-subscription/{one.id}", count=1, **about)


def _elsewhere() -> StateConflict:
    return StateConflict("Somebody else subscribed this queue to this topic.", state="subscribed_elsewhere")


def _away(error: TopicsAway) -> DependencyFailed:
    return DependencyFailed(f"SNS did not do it ({error.code}).", retry_after_seconds=10)
