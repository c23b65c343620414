"""The inbox: which events a consumer has handled, so that a second delivery has no second effect."""

from datetime import datetime
from functools import cache

from sqlalchemy import Table, delete
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import ChassisTables
from coffer_contracts.event import Meta

KEEP_DAYS = 30
"""Longer than queue retention, dead-letter retention and a redrive together (4 + 14 days and a margin)."""


async def first_time(connection: AsyncConnection, tables: ChassisTables, consumer: str, event: Meta, now: datetime) -> bool:
    """Record that `consumer` handles the event; False if it did before. Waits for a concurrent handler to end."""
    row = {"consumer": consumer, "source": event.source, "event_id": event.id, "handled_at": now}
    return bool((await connection.execute(_add(tables.inbox), row)).rowcount)


@cache
def _add(inbox: Table) -> Insert:
    # Made once: every message runs it, and making a statement costs as much as running it.
    return insert(inbox).on_conflict_do_nothing()


async def forget_before(connection: AsyncConnection, tables: ChassisTables, moment: datetime) -> int:
    """Delete inbox rows older than `moment`; how many. Safe to run twice."""
    done = await connection.execute(delete(tables.inbox).where(tables.inbox.c.handled_at < moment))
    return done.rowcount
