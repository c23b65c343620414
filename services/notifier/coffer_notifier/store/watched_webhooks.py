"""Webhooks in trouble, as operators see them: whose receivers fail, with what, how much waits; never the whole address."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UserId, WebhookId
from coffer_notifier.domain.queues import host_of
from coffer_notifier.domain.webhooks import DisabledFor, Kind
from coffer_notifier.store.tables import IN_TROUBLE, WAITING, deliveries, webhooks

Trouble = Literal["failing", "turned_off"]
"""It fails and is tried again; or Coffer turned it off for that."""

MOST_COUNTED = 10_000
"""What waits is counted as far as this: an answer must not take longer the worse it stands."""


@dataclass(frozen=True, slots=True)
class WatchedWebhook:
    """A webhook in trouble. `waiting` is MOST_COUNTED where more waits; what is held is not in it."""

    id: WebhookId
    user_id: UserId
    kind: Kind
    host: str
    queue_arn: str | None
    enabled: bool
    disabled_for: DisabledFor | None
    disabled_at: datetime | None
    failing_since: datetime
    last_failed_at: datetime | None
    last_error: str | None
    waiting: int
    oldest_waiting_at: datetime | None


@dataclass(frozen=True, slots=True)
class TroublePlace:
    """Where a page ends."""

    failing_since: datetime
    id: str


async def page(
    connection: AsyncConnection, trouble: Trouble | None, user_id: UserId | None, after: TroublePlace | None, limit: int
) -> list[WatchedWebhook]:
    """Those that had no success for longest first, of one person or of all; both kinds of trouble unless one is named."""
    waiting = select(deliveries.c.created_at).where(deliveries.c.webhook_id == webhooks.c.id, WAITING).limit(MOST_COUNTED)
    counted = waiting.correlate(webhooks).subquery("counted")
    of_them = select(func.count().label("waiting"), func.min(counted.c.created_at).label("oldest")).select_from(counted)
    there = of_them.lateral("there")
    wanted = select(webhooks, there.c.waiting, there.c.oldest).select_from(webhooks).join(there, true())
    wanted = wanted.where(IN_TROUBLE)
    if trouble == "failing":
        wanted = wanted.where(webhooks.c.enabled)
    elif trouble == "turned_off":
        wanted = wanted.where(webhooks.c.enabled.is_(False))
    if user_id is not None:
        wanted = wanted.where(webhooks.c.user_id == user_id)
    columns = tuple_(webhooks.c.failing_since, webhooks.c.id)
    if after is not None:
        place = tuple_(after.failing_since, after.id, types=[webhooks.c.failing_since.type, webhooks.c.id.type])
        wanted = wanted.where(columns > place)
    wanted = wanted.order_by(webhooks.c.failing_since, webhooks.c.id).limit(limit)
    return [
        WatchedWebhook(
            id=WebhookId(row.id),
            user_id=UserId(row.user_id),
            kind=row.kind,
            host=host_of(row.kind, row.url),
            queue_arn=row.url if row.kind == "queue" else None,
            enabled=row.enabled,
            disabled_for=row.disabled_for,
            disabled_at=row.disabled_at,
            failing_since=row.failing_since,
            last_failed_at=row.last_failed_at,
            last_error=row.last_error,
            waiting=row.waiting,
            oldest_waiting_at=row.oldest,
        )
        for row in await connection.execute(wanted)
    ]
