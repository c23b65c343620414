"""A copy of sharing's grants: who was given which rights on which item. Deciding with them is `access.py`'s."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Index,
    MetaData,
    Row,
    Select,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Grant, rights_named
from coffer_chassis.copies.newest import write_newest
from coffer_chassis.tables import Id, Instant
from coffer_contracts.event import Envelope
from coffer_contracts.ids import ItemId
from coffer_contracts.sharing import GrantRemovedV1, GrantSetV1

KEEP_DAYS = 30
"""How long a tombstone stays: as long as the inbox, after which no older fact can arrive any more."""

LIVE = text("removed_at IS NULL")


def grants_table(metadata: MetaData) -> Table:
    """Define the copy in a service's metadata. Call once per metadata."""
    return Table(
        "grants",
        metadata,
        Column("grant_id", Id, primary_key=True),
        Column("item_id", Id, nullable=False),
        Column("owner_id", Id, nullable=False),
        Column("grantee", Text, nullable=False),
        Column("rights", ARRAY(Text), nullable=False),
        Column("expires_at", Instant),
        Column("granted_by", Id),
        Column("granted_at", Instant),
        Column("sequence", BigInteger, nullable=False),
        Column("removed_at", Instant),
        Index("grants_of_grantee", "grantee", "item_id", postgresql_where=LIVE),
        Index("grants_on_item", "item_id", postgresql_where=LIVE),
        Index("grants_removed", "removed_at", postgresql_where=text("removed_at IS NOT NULL")),
        comment="Copy of what sharing publishes about grants; a removed one stays for a while as a tombstone.",
    )


async def note_grant(connection: AsyncConnection, table: Table, event: Envelope[GrantSetV1]) -> bool:
    """Take over a grant; False if something at least as new is known already. May run twice and out of order."""
    fact = event.data
    values = {
        "rights": list(fact.rights),
        "expires_at": fact.expires_at,
        "granted_by": fact.granted_by,
        "granted_at": fact.granted_at,
        "removed_at": None,
    }
    return await _write(connection, table, event, values)


async def note_removal(connection: AsyncConnection, table: Table, event: Envelope[GrantRemovedV1]) -> bool:
    """Take over that a grant is over, also one that was never heard of; False if something newer is known already."""
    return await _write(connection, table, event, {"rights": [], "removed_at": event.data.removed_at})


async def _write(
    connection: AsyncConnection, table: Table, event: Envelope[GrantSetV1] | Envelope[GrantRemovedV1], values: dict[str, Any]
) -> bool:
    fact = event.data
    named = {"item_id": fact.item_id, "owner_id": fact.owner_id, "grantee": fact.grantee, "sequence": event.revision}
    return await write_newest(connection, table, {"grant_id": fact.grant_id, **named, **values})


def grant_of(row: Row[Any]) -> Grant:
    """A row of the copy as the resolver takes it."""
    return Grant(row.grantee, ItemId(row.item_id), rights_named(row.rights), row.expires_at)


async def grants_to(
    connection: AsyncConnection, table: Table, grantee: str, item_ids: Collection[ItemId] | None = None
) -> list[Grant]:
    """What `grantee` was given, expired grants included; on these items only, if they are named."""
    wanted = select(table).where(table.c.grantee == grantee, LIVE)
    if item_ids is not None:
        wanted = wanted.where(table.c.item_id.in_(item_ids))
    return [grant_of(row) for row in await connection.execute(wanted)]


async def grants_on(connection: AsyncConnection, table: Table, item_ids: Collection[ItemId]) -> list[Grant]:
    """What anybody was given on these items, expired grants included."""
    rows = await connection.execute(_on(table), {"items": list(item_ids)})
    return [grant_of(row) for row in rows]


@cache
def _on(table: Table) -> Select[Any]:
    # Made once: every fact about an item runs it.
    return select(table).where(table.c.item_id == func.any(bindparam("items", type_=ARRAY(Id))), LIVE)


async def forget_removed_before(connection: AsyncConnection, table: Table, moment: datetime) -> int:
    """Delete tombstones of grants that ended before `moment`; how many. Safe to run twice."""
    return (await connection.execute(delete(table).where(table.c.removed_at < moment))).rowcount
