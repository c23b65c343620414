"""Webhooks as operators see them: whose receivers fail, with what, how much waits, which they turned off themselves; never the
whole address.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, Select, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UserId, WebhookId
from coffer_notifier.domain.queues import host_of
from coffer_notifier.domain.webhooks import DisabledFor, Kind
from coffer_notifier.store.tables import IN_TROUBLE, WAITING, deliveries, webhooks

Trouble = Literal["failing", "turned_off", "taken_down"]
"""It fails and is tried again; Coffer turned it off for that; or an operator keeps it off."""

MOST_COUNTED = 10_000
"""What waits is counted as far as this: an answer must not take longer the worse it stands."""


@dataclass(frozen=True, slots=True)
class WatchedWebhook:
    """A webhook, in trouble mostly. `waiting` is MOST_COUNTED where more waits; what is held is not in it."""

    id: WebhookId
    user_id: UserId
    kind: Kind
    host: str
    queue_arn: str | None
    enabled: bool
    disabled_for: DisabledFor | None
    disabled_at: datetime | None
    failing_since: datetime | None
    last_failed_at: datetime | None
    last_error: str | None
    waiting: int
    oldest_waiting_at: datetime | None
    taken_down_at: datetime | None = None
    takedown_reason: str | None = None

    @property
    def trouble(self) -> Trouble | None:
        """Which it is in, if any: what its owner turned off is none."""
        if self.taken_down_at is not None:
            return "taken_down"
        if self.failing_since is None:
            return None
        return "failing" if self.enabled else "turned_off" if self.disabled_for else None

    @property
    def since(self) -> datetime | None:
        """How long it has been in trouble."""
        return self.failing_since or self.taken_down_at


@dataclass(frozen=True, slots=True)
class TroublePlace:
    """Where a page ends."""

    since: datetime
    id: str


_since = func.coalesce(webhooks.c.failing_since, webhooks.c.taken_down_at)


async def page(
    connection: AsyncConnection, trouble: Trouble | None, user_id: UserId | None, after: TroublePlace | None, limit: int
) -> list[WatchedWebhook]:
    """Those in trouble for longest first, of one person or of all; every kind of trouble unless one is named."""
    wanted = _counted().where(IN_TROUBLE)
    if trouble == "failing":
        wanted = wanted.where(webhooks.c.enabled)
    elif trouble == "turned_off":
        wanted = wanted.where(webhooks.c.enabled.is_(False), webhooks.c.taken_down_at.is_(None))
    elif trouble == "taken_down":
        wanted = wanted.where(webhooks.c.taken_down_at.is_not(None))
    if user_id is not None:
        wanted = wanted.where(webhooks.c.user_id == user_id)
    if after is not None:
        place = tuple_(after.since, after.id, types=[webhooks.c.failing_since.type, webhooks.c.id.type])
        wanted = wanted.where(tuple_(_since, webhooks.c.id) > place)
    wanted = wanted.order_by(_since, webhooks.c.id).limit(limit)
    return [_watched(row) for row in await connection.execute(wanted)]


async def one(connection: AsyncConnection, webhook_id: WebhookId) -> WatchedWebhook | None:
    """Anybody's webhook or queue, in trouble or not."""
    row = (await connection.execute(_counted().where(webhooks.c.id == webhook_id))).one_or_none()
    return _watched(row) if row else None


def _counted() -> Select[Any]:
    waiting = select(deliveries.c.created_at).where(deliveries.c.webhook_id == webhooks.c.id, WAITING).limit(MOST_COUNTED)
    counted = waiting.correlate(webhooks).subquery("counted")
    of_them = select(func.count().label("waiting"), func.min(counted.c.created_at).label("oldest")).select_from(counted)
    there = of_them.lateral("there")
    return select(webhooks, there.c.waiting, there.c.oldest).select_from(webhooks).join(there, true())


def _watched(row: Row[Any]) -> WatchedWebhook:
    return WatchedWebhook(
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
        taken_down_at=row.taken_down_at,
        takedown_reason=row.takedown_reason,
    )
