"""Signing keys in a service's store. Private keys stand here sealed only."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, LargeBinary, MetaData, Table, Text, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.signing.keys import StoredKey
from coffer_chassis.tables import Instant

LOCK = 0x6B657973
"""Key of the advisory lock under which keys are made and retired."""


def signing_keys_table(metadata: MetaData) -> Table:
    """Define the table in the metadata of a service that signs tokens. Call once per metadata."""
    return Table(
        "signing_keys",
        metadata,
        Column("id", Text, primary_key=True),
        Column("sealed_private_key", LargeBinary, nullable=False),
        Column("public_key", LargeBinary, nullable=False),
        Column("created_at", Instant, nullable=False),
        Column("usable_from", Instant, nullable=False),
        Column("needed_until", Instant),
    )


async def all_keys(connection: AsyncConnection, table: Table) -> list[StoredKey]:
    """Every key, in the order of their first use."""
    rows = await connection.execute(select(table).order_by(table.c.usable_from, table.c.id))
    return [StoredKey(*row) for row in rows]


async def lock_keys(connection: AsyncConnection) -> None:
    """Wait until no other transaction makes or retires keys; held until the transaction ends."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})


async def insert_key(connection: AsyncConnection, table: Table, key: StoredKey) -> None:
    """Add a key; it is published from now on."""
    await connection.execute(
        insert(table).values(
            id=key.id,
            sealed_private_key=key.sealed_private_key,
            public_key=key.public_key,
            created_at=key.created_at,
            usable_from=key.usable_from,
        )
    )


async def need_key(connection: AsyncConnection, table: Table, key_id: str, until: datetime) -> bool:
    """Keep a key published until then, because something it signed lives so long; False if the key is gone.

    Its row stays locked until the transaction ends, so that it is not retired meanwhile.
    """
    later = func.greatest(table.c.needed_until, until)
    done = await connection.execute(update(table).where(table.c.id == key_id).values(needed_until=later))
    return bool(done.rowcount)


async def delete_keys(connection: AsyncConnection, table: Table, ids: Sequence[str]) -> None:
    """Retire keys; nobody believes them any more once their key set is refreshed."""
    await connection.execute(delete(table).where(table.c.id.in_(ids)))


async def use_from(connection: AsyncConnection, table: Table, key_id: str, moment: datetime) -> None:
    """Let a key be used earlier than planned."""
    await connection.execute(update(table).where(table.c.id == key_id).values(usable_from=moment))
