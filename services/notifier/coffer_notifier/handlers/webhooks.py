"""Commands on webhooks: make, look, change, rotate the secret, remove. Those of others do not exist for anybody.

Queues of subscribers are webhooks of another kind: what is said of `kinds` says whether these are meant as well.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from coffer_chassis.etags import Conditions, etag_of
from coffer_chassis.idempotency import Claim, once
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import rfc3339
from coffer_contracts.ids import ItemId, WebhookId
from coffer_contracts.problems import FieldError, LimitReached, NotFound, StateConflict, ValidationFailed
from coffer_notifier.domain.addresses import AddressRefused
from coffer_notifier.domain.outside import OFFERED
from coffer_notifier.domain.signatures import secret_text
from coffer_notifier.domain.webhooks import MOST_OLDER, SECRET_OVERLAP, WEBHOOKS_ONLY, Kind, Webhook, accept_event_types
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.matching import WEBHOOKS
from coffer_notifier.store import deliveries, webhooks
from coffer_notifier.store.webhooks import WebhookPlace


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a new webhook is to be."""

    url: str
    event_types: tuple[str, ...]
    item_id: ItemId | None = None
    description: str = ""
    enabled: bool = True
    kind: Kind = "webhook"


@dataclass(frozen=True, slots=True)
class Made:
    """A webhook with its secret, which is shown this once; a repeated answer has none."""

    webhook: Webhook
    secret: str | None
    replayed: bool


@dataclass(frozen=True, slots=True)
class Change:
    """New values by field; those that are not there stay."""

    values: Mapping[str, Any] = field(default_factory=dict)


AS_NEW: Mapping[str, Any] = {"proven": False, "failing_since": None, "last_failed_at": None, "last_error": None}
"""What is known of a receiver that was never tried."""


def etag_of_webhook(webhook: Webhook) -> str:
    """The tag of a webhook as it is answered."""
    return etag_of(webhook.id, webhook.revision, rfc3339(webhook.failing_since) if webhook.failing_since else "")


async def create_webhook(deps: Deps, principal: Principal, origin: Origin, claim: Claim | None, wanted: Wanted) -> Made:
    """Make a webhook; a queue is off until it is proved. Raises ValidationFailed for an address or a type that no webhook may
    have, LimitReached.
    """
    values = _accepted(deps, {"url": wanted.url, "event_types": wanted.event_types}, wanted.kind)
    is_on, is_queue = wanted.enabled and wanted.kind == "webhook", wanted.kind == "queue"
    webhook_id, key = WebhookId(new_id()), deps.vault.new_key()

    async def run(unit: Unit) -> dict[str, Any]:
        most = deps.settings.webhooks_per_user
        if await webhooks.count_of(unit.connection, principal.user_id) >= most:
            raise LimitReached(f"There may be {most} webhooks of one account; remove one first.", limit=most)
        new = Webhook(
            id=webhook_id,
            user_id=principal.user_id,
            url=values["url"],
            event_types=values["event_types"],
            item_id=wanted.item_id,
            description=wanted.description,
            enabled=is_on,
            disabled_for=None,
            disabled_at=None if is_on else unit.now,
            failing_since=None,
            proven=False,
            sealed_secret=None if is_queue else deps.vault.seal(webhook_id, key),
            sealed_old_secret=None,
            old_secret_until=None,
            older_secrets=(),
            created_at=unit.now,
            changed_at=unit.now,
            revision=1,
            kind=wanted.kind,
        )
        await webhooks.add(unit.connection, new)
        return {"webhook_id": new.id}

    result, replayed = await once(deps.work, origin, claim, run)
    webhook = await read_webhook(deps, principal, WebhookId(result["webhook_id"]), kinds=(wanted.kind,))
    return Made(webhook, None if replayed or is_queue else secret_text(key), replayed)


async def read_webhook(
    deps: Deps, principal: Principal, webhook_id: WebhookId, *, kinds: Collection[Kind] = WEBHOOKS_ONLY
) -> Webhook:
    """One of the caller's webhooks. Raises NotFound."""
    async with deps.work.read() as connection:
        found = await webhooks.find(connection, principal.user_id, webhook_id, kinds=kinds)
    if found is None:
        raise NotFound
    return found


async def list_webhooks(
    deps: Deps,
    principal: Principal,
    after: WebhookPlace | None,
    limit: int,
    *,
    kinds: Collection[Kind] = WEBHOOKS_ONLY,
) -> list[Webhook]:
    """The caller's webhooks, oldest first."""
    async with deps.work.read() as connection:
        return await webhooks.page(connection, principal.user_id, after, limit, kinds=kinds)


async def change_webhook(
    deps: Deps,
    principal: Principal,
    origin: Origin,
    webhook_id: WebhookId,
    change: Change,
    conditions: Conditions,
    *,
    kinds: Collection[Kind] = WEBHOOKS_ONLY,
) -> Webhook:
    """Change a webhook. Turned on again it is as good as new; turned off, what waits is held until it is recovered.

    Raises NotFound, PreconditionFailed, ValidationFailed, StateConflict for turning on a queue that nobody has proved to be
    theirs, or what an operator turned off. May run twice.
    """
    values = _accepted(deps, change.values, "webhook")
    async with deps.work.unit(origin) as unit:
        found = await held(unit, principal, webhook_id, kinds=kinds)
        conditions.require(etag_of_webhook(found))
        if values.get("enabled") and found.needs_proof:
            raise StateConflict("Prove first that the queue is yours: ask for a code and send it back.", state="unconfirmed")
        if values.get("enabled"):
            require_not_taken_down(found)
        if values.get("enabled") is False and (found.enabled or found.back_on):
            values |= {"disabled_for": None, "disabled_at": unit.now, "back_on": False}
            await deliveries.hold(unit.connection, webhook_id)
        elif values.get("enabled") is True and not found.enabled:
            values |= {"disabled_for": None, "disabled_at": None, **AS_NEW}
        if "url" in values and values["url"] != found.url:
            values |= AS_NEW
        if "event_types" in values:
            values["event_types"] = list(values["event_types"])
        changed = await webhooks.change(unit.connection, webhook_id, **values, changed_at=unit.now)
        unit.wake(WEBHOOKS)
    return changed


async def remove_webhook(
    deps: Deps,
    principal: Principal,
    origin: Origin,
    webhook_id: WebhookId,
    *,
    kinds: Collection[Kind] = WEBHOOKS_ONLY,
) -> None:
    """Remove a webhook with its log; what is under way may still arrive. Raises NotFound."""
    async with deps.work.unit(origin) as unit:
        if not await webhooks.remove(unit.connection, principal.user_id, webhook_id, kinds=kinds):
            raise NotFound


async def rotate_secret(deps: Deps, principal: Principal, origin: Origin, webhook_id: WebhookId) -> Made:
    """Give a webhook a new secret; each one before it signs too for SECRET_OVERLAP from when it was replaced. Raises NotFound.
    Each run makes one: if an answer is lost, the receiver's secret stays good nevertheless.
    """
    key = deps.vault.new_key()
    async with deps.work.unit(origin) as unit:
        found = await held(unit, principal, webhook_id)
        changed = await webhooks.change(
            unit.connection,
            webhook_id,
            sealed_secret=deps.vault.seal(webhook_id, key),
            sealed_old_secret=found.sealed_secret,
            old_secret_until=unit.now + SECRET_OVERLAP,
            older_secrets=webhooks.written(found.old_secrets(unit.now)[:MOST_OLDER]),
            changed_at=unit.now,
        )
    return Made(changed, secret_text(key), replayed=False)


async def held(unit: Unit, principal: Principal, webhook_id: WebhookId, *, kinds: Collection[Kind] = WEBHOOKS_ONLY) -> Webhook:
    """One of the caller's webhooks, which nobody else changes until the unit ends. Raises NotFound."""
    found = await webhooks.find(unit.connection, principal.user_id, webhook_id, kinds=kinds, lock=True)
    if found is None:
        raise NotFound
    return found


def require_not_taken_down(webhook: Webhook) -> None:
    """Raises StateConflict while an operator keeps it off."""
    if webhook.taken_down_at is not None:
        raise StateConflict("An operator turned it off, and only an operator turns it on again.", state="taken_down")


def _accepted(deps: Deps, values: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """The values as they are kept. Raises ValidationFailed."""
    kept = dict(values)
    if "url" in kept:
        try:
            kept["url"] = deps.queues.accept(kept["url"]).arn if kind == "queue" else deps.receivers.accept(kept["url"])
        except AddressRefused as error:
            pointer = "/queue_arn" if kind == "queue" else "/url"
            raise ValidationFailed("", errors=(FieldError(pointer, error.code, str(error)),)) from error
    if "event_types" in kept:
        kept["event_types"] = accept_event_types(kept["event_types"], OFFERED)
    return kept
