"""How webhooks and their deliveries look on the wire, and the ids in their paths."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar.params import PathParameter

from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.requests import known_id
from coffer_contracts.ids import WebhookId
from coffer_notifier.domain.webhooks import Delivery, Webhook
from coffer_notifier.handlers.deliveries import Looked
from coffer_notifier.handlers.webhooks import Made
from coffer_notifier.store.watched_webhooks import WatchedWebhook

WebhookInPath = Annotated[str, PathParameter(description="The webhook's id.")]

WEBHOOK_EXAMPLE: dict[str, Any] = {
    "url": "https://hooks.example.org/coffer",
    "event_types": ["files.item.committed.v1", "sharing.*"],
    "item_id": None,
    "description": "Tells the archive of new files.",
    "enabled": True,
}


class WebhookTakedownAnswer(msgspec.Struct, frozen=True):
    """An operator keeps it off, and only an operator turns it on again."""

    at: Timestamp
    reason: str


class WebhookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook. `disabled_for` says why Coffer turned it off: `failing` for days, or `gone` (the receiver answered 410)."""

    id: str
    url: str
    event_types: list[str]
    item_id: str | None
    description: str
    enabled: bool
    disabled_for: str | None
    disabled_at: Timestamp | None
    failing_since: Timestamp | None
    taken_down: WebhookTakedownAnswer | None
    old_secret_until: Timestamp | None
    created_at: Timestamp
    changed_at: Timestamp


class WebhookMadeAnswer(WebhookAnswer, frozen=True, kw_only=True):
    """A new webhook with its secret, which is shown this once; null in a repeated answer."""

    secret: str | None


class WebhooksAnswer(msgspec.Struct, frozen=True):
    """A page of webhooks, oldest first."""

    items: list[WebhookAnswer]
    next_cursor: str | None


class SecretAnswer(msgspec.Struct, frozen=True):
    """A new secret, and until when the one before it signs too."""

    secret: str
    old_secret_until: Timestamp


def webhook_in_path(text: str) -> WebhookId:
    """The id of a path; raises NotFound for what cannot be one."""
    return WebhookId(known_id(text))


def takedown_answer(webhook: Webhook | WatchedWebhook) -> WebhookTakedownAnswer | None:
    """That an operator keeps it off, and why; nothing if none does."""
    if webhook.taken_down_at is None:
        return None
    return WebhookTakedownAnswer(timestamp(webhook.taken_down_at), webhook.takedown_reason or "")


def _told(webhook: Webhook) -> dict[str, Any]:
    moments = ("disabled_at", "failing_since", "old_secret_until", "created_at", "changed_at")
    told: dict[str, Any] = {name: (at := getattr(webhook, name)) and timestamp(at) for name in moments}
    plain = ("id", "url", "item_id", "description", "enabled", "disabled_for")
    more = {"event_types": list(webhook.event_types), "taken_down": takedown_answer(webhook)}
    return told | {name: getattr(webhook, name) for name in plain} | more


def webhook_answer(webhook: Webhook) -> WebhookAnswer:
    """A webhook as answers show it: never with its secret."""
    return WebhookAnswer(**_told(webhook))


def made_answer(made: Made) -> WebhookMadeAnswer:
    """A webhook that was just made."""
    return WebhookMadeAnswer(**_told(made.webhook), secret=made.secret)


def secret_answer(made: Made) -> SecretAnswer:
    """A secret that was just made."""
    until = made.webhook.old_secret_until or made.webhook.changed_at
    return SecretAnswer(made.secret or "", timestamp(until))


class DeliveryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery. `event_id` is the header webhook-id. `status` is `queued`, `sending`, `delivered`, `failed`, or `held` while
    the webhook is off; `attempts` and what follows speak of the last attempt.
    """

    id: str
    event_id: str
    event_type: str
    status: str
    attempts: int
    next_attempt_at: Timestamp | None
    response_status: int | None
    latency_ms: int | None
    error: str | None
    created_at: Timestamp
    ended_at: Timestamp | None


class AttemptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt. `error` is a stable word, e.g. `timeout`, `not_connected`, `address_not_allowed`, `status_500`."""

    attempt: int
    at: Timestamp
    response_status: int | None
    latency_ms: int
    error: str | None
    response_head: str | None


class DeliveryDetail(DeliveryAnswer, frozen=True, kw_only=True):
    """A delivery with its last 20 attempts, oldest first, and what was sent: null before the first attempt, and once the
    owner of the webhook may no longer see what it is about.
    """

    log: list[AttemptAnswer]
    payload: dict[str, Any] | None


class DeliveriesAnswer(msgspec.Struct, frozen=True):
    """A page of deliveries, newest first."""

    items: list[DeliveryAnswer]
    next_cursor: str | None


class RecoveredAnswer(msgspec.Struct, frozen=True):
    """How many deliveries are sent again."""

    queued: int


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "event_type": delivery.event_type,
        "status": delivery.state,
        "attempts": delivery.attempts,
        "next_attempt_at": timestamp(delivery.not_before) if delivery.state == "queued" else None,
        "response_status": delivery.last_status,
        "latency_ms": delivery.latency_ms,
        "error": delivery.last_error,
        "created_at": timestamp(delivery.created_at),
        "ended_at": timestamp(delivery.ended_at) if delivery.ended_at else None,
    }


def delivery_answer(delivery: Delivery) -> DeliveryAnswer:
    """A delivery as lists show it."""
    return DeliveryAnswer(**_delivery(delivery))


def delivery_detail(looked: Looked) -> DeliveryDetail:
    """A delivery with everything there is to say about it."""
    log = [
        AttemptAnswer(
            attempt=entry["attempt"],
            at=timestamp(datetime.fromisoformat(entry["at"])),
            response_status=entry["status"],
            latency_ms=entry["latency_ms"],
            error=entry["error"],
            response_head=entry["response_head"],
        )
        for entry in looked.delivery.log
    ]
    return DeliveryDetail(**_delivery(looked.delivery), log=log, payload=looked.payload)
