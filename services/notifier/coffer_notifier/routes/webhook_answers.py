"""How webhooks and their deliveries look on the wire, and the ids in their paths."""

from typing import Annotated, Any

import msgspec
from litestar.params import PathParameter

from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.requests import known_id
from coffer_contracts.ids import WebhookId
from coffer_notifier.domain.webhooks import Webhook
from coffer_notifier.handlers.webhooks import Made

WebhookInPath = Annotated[str, PathParameter(description="The webhook's id.")]

WEBHOOK_EXAMPLE: dict[str, Any] = {
    "url": "https://hooks.example.org/coffer",
    "event_types": ["files.item.committed.v1", "sharing.*"],
    "item_id": None,
    "description": "Tells the archive of new files.",
    "enabled": True,
}


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


def _told(webhook: Webhook) -> dict[str, Any]:
    moments = ("disabled_at", "failing_since", "old_secret_until", "created_at", "changed_at")
    told: dict[str, Any] = {name: (at := getattr(webhook, name)) and timestamp(at) for name in moments}
    plain = ("id", "url", "item_id", "description", "enabled", "disabled_for")
    return told | {name: getattr(webhook, name) for name in plain} | {"event_types": list(webhook.event_types)}


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
