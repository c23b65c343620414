"""Queues that operators subscribed to topics."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UserId
from coffer_notifier.domain.topics import TopicSubscription
from coffer_notifier.store.program_tables import topic_subscriptions


async def count(connection: AsyncConnection) -> int:
    """How many there are; nobody else adds one until the transaction ends."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('topic_subscriptions'))"))
    return int((await connection.execute(select(func.count()).select_from(topic_subscriptions))).scalar_one())


async def add(connection: AsyncConnection, one: TopicSubscription) -> bool:
    """Write a new one; False if that queue is on that topic already."""
    values = asdict(one) | {"event_types": list(one.event_types)}
    row = insert(topic_subscriptions).values(values).on_conflict_do_nothing(constraint="topic_subscriptions_once")
    return bool((await connection.execute(row)).rowcount)


async def every(connection: AsyncConnection) -> list[TopicSubscription]:
    """All of them, oldest first."""
    wanted = select(topic_subscriptions).order_by(topic_subscriptions.c.created_at, topic_subscriptions.c.id)
    return [_subscription(row) for row in await connection.execute(wanted)]


async def find(connection: AsyncConnection, subscription_id: str, *, lock: bool = False) -> TopicSubscription | None:
    """One of them; with `lock` nobody else changes it until the transaction ends."""
    wanted = select(topic_subscriptions).where(topic_subscriptions.c.id == subscription_id)
    row = (await connection.execute(wanted.with_for_update() if lock else wanted)).one_or_none()
    return _subscription(row) if row else None


async def change(connection: AsyncConnection, subscription_id: str, **values: Any) -> TopicSubscription:
    """Write new values; as it stands then. The caller holds the row."""
    changed = update(topic_subscriptions).where(topic_subscriptions.c.id == subscription_id)
    changed = changed.values(**values, revision=topic_subscriptions.c.revision + 1)
    return _subscription((await connection.execute(changed.returning(topic_subscriptions))).one())


async def note_arn(connection: AsyncConnection, subscription_id: str, arn: str) -> None:
    """What SNS calls it. May run twice."""
    row = update(topic_subscriptions).where(topic_subscriptions.c.id == subscription_id)
    await connection.execute(row.values(arn=arn))


async def remove(connection: AsyncConnection, subscription_id: str) -> None:
    """It is there no more. May run twice."""
    await connection.execute(delete(topic_subscriptions).where(topic_subscriptions.c.id == subscription_id))


def _subscription(row: Row[Any]) -> TopicSubscription:
    return TopicSubscription(
        id=row.id,
        topic=row.topic,
        queue=row.queue,
        event_types=tuple(row.event_types),
        owner_id=UserId(row.owner_id) if row.owner_id else None,
        dead_queue=row.dead_queue,
        description=row.description,
        arn=row.arn,
        created_by=row.created_by,
        created_at=row.created_at,
        changed_at=row.changed_at,
        revision=row.revision,
    )
