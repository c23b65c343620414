"""Queries about signing keys. Private keys stand here sealed only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.store.tables import access_tokens, signing_keys

LOCK = 0x6B657973
"""Key of the advisory lock under which keys are made and retired."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One signing key as it stands in the store."""

    id: str
    sealed_private_key: bytes
    public_key: bytes
    created_at: datetime
    usable_from: datetime
    needed_until: datetime | None = None
    """When the last personal access token that it signed ends."""


async def all_keys(connection: AsyncConnection) -> list[StoredKey]:
    """Every key, in the order of their first use."""
    rows = await connection.execute(select(signing_keys).order_by(signing_keys.c.usable_from, signing_keys.c.id))
    return [StoredKey(*row) for row in rows]


async def lock_keys(connection: AsyncConnection) -> None:
    """Wait until no other transaction makes or retires keys; held until the transaction ends."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})


async def insert_key(connection: AsyncConnection, key: StoredKey) -> None:
    """Add a key; it is published from now on."""
    await connection.execute(
        insert(signing_keys).values(
            id=key.id,
            sealed_private_key=key.sealed_private_key,
            public_key=key.public_key,
            created_at=key.created_at,
            usable_from=key.usable_from,
        )
    )


async def need_key(connection: AsyncConnection, key_id: str, until: datetime) -> bool:
    """Keep a key published until then, because something it signed lives so long; False if the key is gone.

    Its row stays locked until the transaction ends, so that it is not retired meanwhile.
    """
    later = func.greatest(signing_keys.c.needed_until, until)
    done = await connection.execute(update(signing_keys).where(signing_keys.c.id == key_id).values(needed_until=later))
    return bool(done.rowcount)


async def delete_keys(connection: AsyncConnection, ids: list[str]) -> None:
    """Retire keys; nobody believes them any more once their key set is refreshed."""
    await connection.execute(delete(signing_keys).where(signing_keys.c.id.in_(ids)))


async def tokens_signed_by(connection: AsyncConnection, key_id: str, now: datetime) -> int:
    """How many personal access tokens end if this key is withdrawn."""
    lives = (access_tokens.c.key_id == key_id, access_tokens.c.revoked_at.is_(None), access_tokens.c.expires_at > now)
    query = select(func.count()).select_from(access_tokens).where(*lives)
    count: int = (await connection.execute(query)).scalar_one()
    return count


async def use_from(connection: AsyncConnection, key_id: str, moment: datetime) -> None:
    """Let a key be used earlier than planned."""
    await connection.execute(update(signing_keys).where(signing_keys.c.id == key_id).values(usable_from=moment))
