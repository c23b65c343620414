"""Quotas that are kept in the store: exact however many ask at once, and one row for each who used any of theirs."""

from datetime import datetime, timedelta

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.forgetting import forget_some
from coffer_chassis.tables import Instant
from coffer_sharing.store.tables import paces


async def take(connection: AsyncConnection, name: str, count: int, *, quota: int, window: timedelta, now: datetime) -> int:
    """Use `count` of the quota that `name` has in each window: 0, or whole seconds until they could be used; then nothing is.

    Others who ask for the same wait until the transaction ends. Raises ValueError for more than the whole quota.
    """
    if count > quota:
        raise ValueError("nobody ever has so much")
    cost, full = window * count / quota, now + window
    after = func.greatest(paces.c.whole_at, literal(now, Instant)) + literal(cost)
    taken = (
        insert(paces)
        .values(name=name, whole_at=now + cost)
        .on_conflict_do_update(index_elements=[paces.c.name], set_={"whole_at": after}, where=after <= literal(full, Instant))
        .returning(paces.c.whole_at)
    )
    if (await connection.execute(taken)).scalar_one_or_none() is not None:
        return 0
    whole_at: datetime = (await connection.execute(select(paces.c.whole_at).where(paces.c.name == name))).scalar_one()
    return max(1, -(-int((whole_at + cost - full).total_seconds() * 1000) // 1000))


async def forget_whole(connection: AsyncConnection, now: datetime) -> int:
    """Delete a slice of those of whose quota nothing is used; how many. Safe to run twice."""
    return await forget_some(connection, paces, paces.c.whole_at <= now)
