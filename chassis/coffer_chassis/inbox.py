"""The inbox: which events a consumer has handled, so that a second delivery has no second effect."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache

from sqlalchemy import ARRAY, Table, Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from coffer_chassis.forgetting import forget_some
from coffer_chassis.tables import ChassisTables
from coffer_contracts.event import Meta

KEEP_DAYS = 30
"""Longer than queue retention, dead-letter retention and a redrive together (4 + 14 days and a margin)."""


async def first_time(connection: AsyncConnection, tables: ChassisTables, consumer: str, event: Meta, now: datetime) -> bool:
    """Record that `consumer` handles the event; False if it did before. Waits for a concurrent handler to end."""
    row = {"consumer": consumer, "source": event.source, "event_id": event.id, "handled_at": now}
    return bool((await connection.execute(_add(tables.inbox), row)).rowcount)


async def first_times(
    connection: AsyncConnection, tables: ChassisTables, consumer: str, events: Iterable[Meta], now: datetime
) -> set[tuple[str, str]]:
    """The same for many events by one statement: source and id of those that `consumer` had not handled before.

    Waits for concurrent handlers to end, in the order of the keys, so that two batches cannot wait for each other.
    """
    keys = {(event.source, event.id) for event in events}
    values = {"consumer": consumer, "handled_at": now, "sources": [key[0] for key in keys], "ids": [key[1] for key in keys]}
    return {(row.source, row.event_id) for row in await connection.execute(_add_all(tables.inbox), values)}


@cache
def _add(inbox: Table) -> Insert:
    # Made once: every message runs it, and making a statement costs as much as running it.
    return insert(inbox).on_conflict_do_nothing()


@cache
def _add_all(inbox: Table) -> ReturningInsert[tuple[str, str]]:
    given = func.unnest(bindparam("sources", type_=ARRAY(Text)), bindparam("ids", type_=ARRAY(Text)))
    keys = given.table_valued("source", "event_id").render_derived(name="given")
    rows = select(
        bindparam("consumer", type_=Text),
        keys.c.source,
        keys.c.event_id,
        bindparam("handled_at", type_=inbox.c.handled_at.type),
    ).order_by(keys.c.source, keys.c.event_id)
    statement = insert(inbox).from_select(["consumer", "source", "event_id", "handled_at"], rows)
    return statement.on_conflict_do_nothing().returning(inbox.c.source, inbox.c.event_id)


async def forget_before(connection: AsyncConnection, tables: ChassisTables, moment: datetime) -> int:
    """Delete a slice of the inbox rows older than `moment`; how many. Safe to run twice."""
    return await forget_some(connection, tables.inbox, tables.inbox.c.handled_at < moment)
