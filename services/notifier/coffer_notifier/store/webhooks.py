"""Webhooks of people: made, changed, turned off, removed. Their deliveries stand in `deliveries.py`.

Whoever locks a webhook and its deliveries in one transaction takes the webhook first.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, delete, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.event import rfc3339
from coffer_contracts.ids import ItemId, UserId, WebhookId
from coffer_notifier.domain.webhooks import WEBHOOKS_ONLY, DisabledFor, Kind, OldSecret, Webhook
from coffer_notifier.store.tables import webhooks


@dataclass(frozen=True, slots=True)
class WebhookPlace:
    """Where a page of webhooks ends."""

    created_at: datetime
    id: str


async def add(connection: AsyncConnection, webhook: Webhook) -> None:
    """Write a new one."""
    lists = {"event_types": list(webhook.event_types), "older_secrets": written(webhook.older_secrets)}
    await connection.execute(insert(webhooks).values(asdict(webhook) | lists))


def written(secrets: Iterable[OldSecret]) -> list[dict[str, str]]:
    """Older secrets as they stand in the row."""
    return [{"sealed": one.sealed.hex(), "until": rfc3339(one.until)} for one in secrets]


async def count_of(connection: AsyncConnection, user_id: UserId) -> int:
    """How many somebody has; nobody else adds one of theirs until the transaction ends."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('webhooks'), hashtext(:user))"), {"user": user_id})
    wanted = select(func.count()).select_from(webhooks).where(webhooks.c.user_id == user_id)
    return int((await connection.execute(wanted)).scalar_one())


async def find(
    connection: AsyncConnection,
    user_id: UserId,
    webhook_id: WebhookId,
    *,
    kinds: Collection[Kind] = WEBHOOKS_ONLY,
    lock: bool = False,
) -> Webhook | None:
    """Somebody's webhook of one of these kinds; with `lock` nobody else changes it until the transaction ends."""
    wanted = select(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.user_id == user_id, webhooks.c.kind.in_(kinds))
    row = (await connection.execute(wanted.with_for_update(key_share=True) if lock else wanted)).one_or_none()
    return _webhook(row) if row else None


async def find_of_anybody(connection: AsyncConnection, webhook_id: WebhookId) -> Webhook | None:
    """A webhook or a queue, whoever it belongs to; nobody else changes it until the transaction ends."""
    wanted = select(webhooks).where(webhooks.c.id == webhook_id).with_for_update(key_share=True)
    row = (await connection.execute(wanted)).one_or_none()
    return _webhook(row) if row else None


async def page(
    connection: AsyncConnection,
    user_id: UserId,
    after: WebhookPlace | None,
    limit: int,
    *,
    kinds: Collection[Kind] = WEBHOOKS_ONLY,
) -> list[Webhook]:
    """Somebody's webhooks of these kinds, oldest first."""
    wanted = select(webhooks).where(webhooks.c.user_id == user_id, webhooks.c.kind.in_(kinds))
    if after:
        place = tuple_(after.created_at, after.id, types=[webhooks.c.created_at.type, webhooks.c.id.type])
        wanted = wanted.where(tuple_(webhooks.c.created_at, webhooks.c.id) > place)
    wanted = wanted.order_by(webhooks.c.created_at, webhooks.c.id).limit(limit)
    return [_webhook(row) for row in await connection.execute(wanted)]


async def change(connection: AsyncConnection, webhook_id: WebhookId, **values: Any) -> Webhook:
    """Write new values; the webhook as it stands then. The caller holds the row."""
    changed = update(webhooks).where(webhooks.c.id == webhook_id)
    changed = changed.values(**values, revision=webhooks.c.revision + 1)
    return _webhook((await connection.execute(changed.returning(webhooks))).one())


async def remove(
    connection: AsyncConnection, user_id: UserId, webhook_id: WebhookId, *, kinds: Collection[Kind] = WEBHOOKS_ONLY
) -> bool:
    """Delete somebody's webhook of one of these kinds with its deliveries; False if it was not there."""
    gone = delete(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.user_id == user_id, webhooks.c.kind.in_(kinds))
    return bool((await connection.execute(gone)).rowcount)


async def remove_all_of(connection: AsyncConnection, user_id: UserId) -> None:
    """Delete all webhooks of somebody. May run twice."""
    await connection.execute(delete(webhooks).where(webhooks.c.user_id == user_id))


async def note_success(connection: AsyncConnection, webhook_id: WebhookId, url: str) -> None:
    """It works at this address; nothing is written, nor locked, if it did before, or if it has another address by now."""
    news = or_(webhooks.c.failing_since.is_not(None), webhooks.c.proven.is_(False))
    works = update(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.url == url, news)
    await connection.execute(works.values(failing_since=None, last_failed_at=None, last_error=None, proven=True))


async def note_failure(
    connection: AsyncConnection, webhook_id: WebhookId, url: str, now: datetime, error: str | None
) -> Webhook | None:
    """An attempt at this address failed with that error; the webhook, locked, with the time since when nothing else happens,
    unless it has another address by now. Nothing if it is gone.
    """
    here = webhooks.c.url == url
    values = {
        "failing_since": case((here, func.coalesce(webhooks.c.failing_since, now)), else_=webhooks.c.failing_since),
        "last_failed_at": case((here, now), else_=webhooks.c.last_failed_at),
        "last_error": case((here, error), else_=webhooks.c.last_error),
    }
    fails = update(webhooks).where(webhooks.c.id == webhook_id).values(values).returning(webhooks)
    row = (await connection.execute(fails)).one_or_none()
    return _webhook(row) if row else None


async def number(connection: AsyncConnection, numbers: Mapping[WebhookId, int]) -> None:
    """Note the last number that was given to something told there. The caller holds the rows."""
    rows = [{"of": webhook_id, "last": last} for webhook_id, last in numbers.items()]
    await connection.execute(text("UPDATE webhooks SET last_number = :last WHERE id = :of"), rows)


async def turn_off(connection: AsyncConnection, webhook_id: WebhookId, why: DisabledFor, now: datetime) -> Webhook:
    """Nothing is sent there any more; the webhook as it stands then. The caller holds the row."""
    return await change(connection, webhook_id, enabled=False, disabled_for=why, disabled_at=now, changed_at=now)


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        id=WebhookId(row.id),
        user_id=UserId(row.user_id),
        url=row.url,
        event_types=tuple(row.event_types),
        item_id=ItemId(row.item_id) if row.item_id else None,
        description=row.description,
        enabled=row.enabled,
        disabled_for=row.disabled_for,
        disabled_at=row.disabled_at,
        failing_since=row.failing_since,
        proven=row.proven,
        sealed_secret=row.sealed_secret,
        sealed_old_secret=row.sealed_old_secret,
        old_secret_until=row.old_secret_until,
        older_secrets=tuple(
            OldSecret(bytes.fromhex(one["sealed"]), datetime.fromisoformat(one["until"])) for one in row.older_secrets
        ),
        created_at=row.created_at,
        changed_at=row.changed_at,
        revision=row.revision,
        kind=row.kind,
        confirmed_at=row.confirmed_at,
        code_digest=row.code_digest,
        code_until=row.code_until,
        last_number=row.last_number,
        taken_down_at=row.taken_down_at,
        takedown_reason=row.takedown_reason,
        back_on=row.back_on,
    )


async def by_id(connection: AsyncConnection, webhook_ids: list[str]) -> dict[str, Webhook]:
    """Those of the webhooks that are there, whoever they belong to."""
    rows = await connection.execute(select(webhooks).where(webhooks.c.id.in_(webhook_ids)))
    return {row.id: _webhook(row) for row in rows}
