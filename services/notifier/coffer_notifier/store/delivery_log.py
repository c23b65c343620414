"""The log of deliveries as the owner of a webhook sees it, and what they queue again. What was withheld is not in it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Update, case, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.forgetting import forget_some
from coffer_contracts.ids import WebhookId
from coffer_notifier.domain.webhooks import Delivery, DeliveryState
from coffer_notifier.store.deliveries import delivery_of
from coffer_notifier.store.tables import deliveries

SHOWN = deliveries.c.state != "withheld"


@dataclass(frozen=True, slots=True)
class DeliveryPlace:
    """Where a page of deliveries ends."""

    created_at: datetime
    id: str


async def page(
    connection: AsyncConnection,
    webhook_id: WebhookId,
    state: DeliveryState | None,
    after: DeliveryPlace | None,
    limit: int,
) -> list[Delivery]:
    """Deliveries to a webhook, newest first."""
    wanted = select(deliveries).where(deliveries.c.webhook_id == webhook_id, SHOWN)
    if state is not None:
        wanted = wanted.where(deliveries.c.state == state)
    if after is not None:
        place = tuple_(after.created_at, after.id, types=[deliveries.c.created_at.type, deliveries.c.id.type])
        wanted = wanted.where(tuple_(deliveries.c.created_at, deliveries.c.id) < place)
    wanted = wanted.order_by(deliveries.c.created_at.desc(), deliveries.c.id.desc()).limit(limit)
    return [delivery_of(row) for row in await connection.execute(wanted)]


async def find(connection: AsyncConnection, webhook_id: WebhookId, delivery_id: str) -> Delivery | None:
    """One of them."""
    wanted = select(deliveries).where(deliveries.c.id == delivery_id, deliveries.c.webhook_id == webhook_id, SHOWN)
    row = (await connection.execute(wanted)).one_or_none()
    return delivery_of(row) if row else None


async def queue_again(connection: AsyncConnection, webhook_id: WebhookId, delivery_id: str, now: datetime) -> Delivery | None:
    """It is due now, with all its attempts before it; what is under way is left to end. Nothing if it is not there."""
    idle = deliveries.c.state != "sending"
    again = update(deliveries).where(deliveries.c.id == delivery_id, deliveries.c.webhook_id == webhook_id, SHOWN)
    again = again.values(
        state=case((idle, "queued"), else_=deliveries.c.state),
        attempts=case((idle, 0), else_=deliveries.c.attempts),
        not_before=case((idle, now), else_=deliveries.c.not_before),
        again=case((idle, deliveries.c.again + 1), else_=deliveries.c.again),
        ended_at=None,
    )
    row = (await connection.execute(again.returning(deliveries))).one_or_none()
    return delivery_of(row) if row else None


async def queue_missed(connection: AsyncConnection, webhook_id: WebhookId, since: datetime, now: datetime) -> int:
    """What failed or was held, of facts that came since then, is due now; how many."""
    missed = update(deliveries).where(
        deliveries.c.webhook_id == webhook_id, deliveries.c.state.in_(("failed", "held")), deliveries.c.created_at >= since
    )
    return (await connection.execute(_queued_again(missed, now))).rowcount


async def queue_range(connection: AsyncConnection, webhook_id: WebhookId, numbers: tuple[int, int], now: datetime) -> int:
    """What was told with these numbers, the first left out, is due now unless it waits already; how many."""
    after, until = numbers
    told = update(deliveries).where(
        deliveries.c.webhook_id == webhook_id,
        deliveries.c.number > after,
        deliveries.c.number <= until,
        deliveries.c.state.not_in(("queued", "sending")),
    )
    return (await connection.execute(_queued_again(told, now))).rowcount


def _queued_again(rows: Update, now: datetime) -> Update:
    return rows.values(state="queued", attempts=0, not_before=now, ended_at=None, again=deliveries.c.again + 1)


async def told_after(connection: AsyncConnection, webhook_id: WebhookId, after: int, limit: int) -> list[Delivery]:
    """What was told after that number, by number, withheld ones too."""
    wanted = select(deliveries).where(deliveries.c.webhook_id == webhook_id, deliveries.c.number > after)
    return [delivery_of(row) for row in await connection.execute(wanted.order_by(deliveries.c.number).limit(limit))]


async def oldest_number(connection: AsyncConnection, webhook_id: WebhookId, after: int) -> int | None:
    """The lowest number after that one that is still known."""
    wanted = select(deliveries.c.number).where(deliveries.c.webhook_id == webhook_id, deliveries.c.number > after)
    return (await connection.execute(wanted.order_by(deliveries.c.number).limit(1))).scalar_one_or_none()


async def first_hole(connection: AsyncConnection, webhook_id: WebhookId, numbers: tuple[int, int]) -> int | None:
    """The lowest of these numbers, the first left out, that is no longer known; nothing if all of them are. Rows go by their
    age, and numbers are given at the first attempt: so holes may come in any place.
    """
    wanted = text(
        """
        SELECT min(number) FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS wanted (number)
        WHERE NOT EXISTS (
            SELECT FROM webhook_deliveries known
            WHERE known.webhook_id = CAST(:webhook AS uuid) AND known.number = wanted.number
        )
        """
    )
    values = {"first": numbers[0] + 1, "last": numbers[1], "webhook": webhook_id}
    found: int | None = (await connection.execute(wanted, values)).scalar_one()
    return found


async def forget_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete a slice of the deliveries made before `moment`, whatever became of them; how many. Safe to run twice."""
    return await forget_some(connection, deliveries, deliveries.c.created_at < moment)
