"""Topics of Coffer's services, to which operators may subscribe queues as they are. Pure.

Whoever reads such a queue is told everything, whole and unjudged: it is for those who may see everything anyway. Topics of
private commands are not among them, and queues of Coffer's own services cannot be subscribed, changed or removed this way.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from coffer_contracts.catalog import EVENTS
from coffer_contracts.ids import UserId
from coffer_contracts.problems import FieldError, ValidationFailed
from coffer_notifier.domain.addresses import AddressRefused
from coffer_notifier.domain.queues import OWN_BEGINNINGS, QueueAddress

_SERVICES = {"auth": "auth", "files": "files", "media": "media-worker", "notifier": "notifier", "sharing": "sharing"}
"""How types begin -> who publishes them."""
TOPICS: Mapping[str, tuple[str, ...]] = {
    f"{service}-events": tuple(sorted(event.type for event in EVENTS if event.type.split(".")[0] == begins))
    for begins, service in _SERVICES.items()
}
"""Topic -> the types that are published there."""

MOST_SUBSCRIPTIONS = 50
"""Of all operators together: SNS takes 200 filters per topic, and Coffer's own queues have theirs."""
MOST_TYPES = 100
"""Well below the 150 values that SNS takes in one filter."""

State = Literal["confirmed", "pending", "missing"]
"""`pending`: the queue lies in another account, whose owner has not confirmed yet. `missing`: SNS does not know it."""

ARN = "arn:"
"""What the ARN of a subscription begins with; until one is confirmed SNS says words instead."""


@dataclass(frozen=True, slots=True)
class TopicSubscription:
    """A queue on a topic."""

    id: str
    topic: str
    queue: str
    event_types: tuple[str, ...]
    """None: all."""
    owner_id: UserId | None
    """Only what is about drives and accounts of this person."""
    dead_queue: str | None
    description: str
    arn: str | None
    """What SNS called it last."""
    created_by: str
    created_at: datetime
    changed_at: datetime
    revision: int


def attributes_of(one: TopicSubscription) -> dict[str, str]:
    """The attributes of the subscription, as SNS takes them. An empty text takes a redrive policy away."""
    wanted = {"type": list(one.event_types)} if one.event_types else {}
    if one.owner_id:
        wanted["tenant"] = [one.owner_id]
    return {
        "RawMessageDelivery": "true",
        "FilterPolicyScope": "MessageAttributes",
        "FilterPolicy": json.dumps(wanted),
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": one.dead_queue}) if one.dead_queue else "",
    }


def is_elsewhere(one: TopicSubscription, subscribers: Mapping[str, str]) -> bool:
    """Whether its queue is on the topic by a subscription that is not this one: ours ended, and somebody made another."""
    found = subscribers.get(one.queue)
    both_known = found is not None and found.startswith(ARN) and one.arn is not None and one.arn.startswith(ARN)
    return both_known and found != one.arn


def state_of(one: TopicSubscription, subscribers: Mapping[str, str]) -> State:
    """How it stands, by what SNS knows of the topic: queue -> ARN of the subscription, or a word until it is confirmed."""
    found = subscribers.get(one.queue)
    if found is None or is_elsewhere(one, subscribers):
        return "missing"
    return "confirmed" if found.startswith(ARN) else "pending"


def accept_types(topic: str, asked: Iterable[str]) -> tuple[str, ...]:
    """The types, each once. Raises ValidationFailed for one that is not published there."""
    wanted = tuple(dict.fromkeys(asked))
    errors = [
        FieldError(f"/event_types/{position}", "unknown_type", f"Nothing of that type is published to {topic}.")
        for position, one in enumerate(wanted)
        if one not in TOPICS[topic]
    ]
    if errors:
        raise ValidationFailed("", errors=tuple(errors))
    return wanted


def accept_subscriber(arn: str, topic_arn: str) -> QueueAddress:
    """A queue that may be subscribed to a topic. Raises AddressRefused for Coffer's own, and for those that keep an order: SNS
    takes none for a topic that keeps none.
    """
    queue = QueueAddress.of(arn)
    if queue.account == topic_arn.split(":")[4] and queue.name.startswith(OWN_BEGINNINGS):
        raise AddressRefused("address_not_allowed", "This queue belongs to Coffer itself.")
    if queue.is_fifo:
        raise AddressRefused("fifo_not_allowed", "A FIFO queue cannot be subscribed to a topic that keeps no order.")
    return queue
