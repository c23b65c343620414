"""Queries about password hashes and how often they were replaced."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.passwords import LOCKED
from coffer_auth.store.tables import passwords
from coffer_contracts.ids import UserId


@dataclass(frozen=True, slots=True)
class Password:
    """What stands in the store of a password."""

    hash: str
    generation: int
    """Which of the account's passwords it is."""
    changed_at: datetime


async def password_of(connection: AsyncConnection, user_id: UserId) -> Password | None:
    """The account's password."""
    wanted = select(passwords.c.hash, passwords.c.generation, passwords.c.changed_at).where(passwords.c.user_id == user_id)
    row = (await connection.execute(wanted)).one_or_none()
    return Password(row.hash, row.generation, row.changed_at) if row else None


async def lock_generation(connection: AsyncConnection, user_id: UserId, *, rehash: bool = False) -> int | None:
    """How many passwords the account has had; it gets no other until the transaction ends.

    `rehash` if the hash may be written. To be called after what locks the account.
    """
    wanted = select(passwords.c.generation).where(passwords.c.user_id == user_id).with_for_update(read=not rehash)
    generation: int | None = (await connection.execute(wanted)).scalar_one_or_none()
    return generation


async def replace_password(connection: AsyncConnection, user_id: UserId, new_hash: str, now: datetime) -> int:
    """The account has another password, or its first; the revision of the fact about it.

    To be called with the account locked.
    """
    row = insert(passwords).values(user_id=user_id, hash=new_hash, changed_at=now)
    more = {"generation": passwords.c.generation + 1, "revision": passwords.c.revision + 1}
    return await _written(connection, row, {"hash": new_hash, "changed_at": now, **more})


async def next_revision(connection: AsyncConnection, user_id: UserId, now: datetime) -> int:
    """The revision of one more fact about the password, which stays as it is: none where there is none."""
    row = insert(passwords).values(user_id=user_id, hash=LOCKED, changed_at=now)
    return await _written(connection, row, {"revision": passwords.c.revision + 1})


async def _written(connection: AsyncConnection, row: Insert, otherwise: dict[str, Any]) -> int:
    upsert = row.on_conflict_do_update(index_elements=[passwords.c.user_id], set_=otherwise)
    revision: int = (await connection.execute(upsert.returning(passwords.c.revision))).scalar_one()
    return revision
