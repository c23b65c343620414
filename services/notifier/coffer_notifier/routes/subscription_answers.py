"""How subscriptions of every kind look on the wire, and what they were told."""

from typing import Any

import msgspec

from coffer_chassis.answers import Timestamp, timestamp
from coffer_notifier.domain.queues import QueueAddress, policy_for
from coffer_notifier.domain.webhooks import Webhook
from coffer_notifier.handlers.deps import Queues
from coffer_notifier.handlers.told import Told, ToldPage
from coffer_notifier.routes.webhook_answers import WebhookTakedownAnswer, takedown_answer

SUBSCRIPTION_EXAMPLE: dict[str, Any] = {
    "queue_arn": "arn:aws:sqs:eu-central-1:123456789012:from-coffer",
    "event_types": ["files.item.*", "sharing.*"],
    "item_id": None,
    "description": "Feeds the archive.",
}


class SubscriptionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription. `kind` is `webhook` or `queue`, `address` the URL or the ARN. `state` is `unconfirmed` until a queue is
    proved, then `on` or `off`. `policy` is what the queue's owner permits, so that Coffer may send there.
    """

    id: str
    kind: str
    address: str
    event_types: list[str]
    item_id: str | None
    description: str
    enabled: bool
    state: str
    confirmed_at: Timestamp | None
    disabled_for: str | None
    disabled_at: Timestamp | None
    failing_since: Timestamp | None
    taken_down: WebhookTakedownAnswer | None
    policy: dict[str, Any] | None
    created_at: Timestamp
    changed_at: Timestamp


class SubscriptionsAnswer(msgspec.Struct, frozen=True):
    """A page of subscriptions, oldest first."""

    items: list[SubscriptionAnswer]
    next_cursor: str | None


class CodeSentAnswer(msgspec.Struct, frozen=True):
    """Until when the code that is in the queue now can be sent back."""

    expires_at: Timestamp


class ToldAnswer(msgspec.Struct, frozen=True):
    """One thing that was told. `message` is what was sent, `{type, timestamp, data}`; null if you may not see it now."""

    sequence: int
    event_id: str
    event_type: str | None
    message: dict[str, Any] | None


class ToldPageAnswer(msgspec.Struct, frozen=True):
    """What was told after a number, by number and without holes. `last_sequence` is the number that was given out last."""

    items: list[ToldAnswer]
    last_sequence: int


class ReplayedRangeAnswer(msgspec.Struct, frozen=True):
    """How many are sent again."""

    queued: int


def subscription_answer(one: Webhook, queues: Queues) -> SubscriptionAnswer:
    """A subscription as answers show it: never with a secret."""
    moments = ("confirmed_at", "disabled_at", "failing_since", "created_at", "changed_at")
    told: dict[str, Any] = {name: (at := getattr(one, name)) and timestamp(at) for name in moments}
    state = "unconfirmed" if one.needs_proof else "on" if one.enabled else "off"
    return SubscriptionAnswer(
        id=one.id,
        kind=one.kind,
        address=one.url,
        event_types=list(one.event_types),
        item_id=one.item_id,
        description=one.description,
        enabled=one.enabled,
        state=state,
        disabled_for=one.disabled_for,
        taken_down=takedown_answer(one),
        policy=_policy(one, queues),
        **told,
    )


def told_page_answer(page: ToldPage) -> ToldPageAnswer:
    """What was told as answers show it."""
    return ToldPageAnswer([_told(one) for one in page.items], page.last_number)


def _told(one: Told) -> ToldAnswer:
    shown = one.message is not None
    return ToldAnswer(one.delivery.number or 0, one.delivery.event_id, one.delivery.event_type if shown else None, one.message)


def _policy(one: Webhook, queues: Queues) -> dict[str, Any] | None:
    if one.kind != "queue" or queues.sender is None:
        return None
    return policy_for(QueueAddress.of(one.url), queues.sender, secure=queues.is_secure)
