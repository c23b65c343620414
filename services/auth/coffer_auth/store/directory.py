"""Queries of those who look for accounts: operators, and people who know a name or an address."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.domain.accounts import OPERATOR, User, key_of
from coffer_auth.domain.operators import Wanted
from coffer_auth.passwords import LOCKED
from coffer_auth.store.tables import passwords, users
from coffer_auth.store.users import lock_user, users_by_id
from coffer_contracts.ids import UserId


@dataclass(frozen=True, slots=True)
class Account:
    """An account as operators see it."""

    user: User
    password_set: bool
    """False while its owner has to set one by mail before anybody can sign in."""


async def search(connection: AsyncConnection, wanted: Wanted, *, after: str | None, limit: int) -> list[tuple[str, Account]]:
    """Up to `limit` accounts by the key of their name, from behind the key `after` on; each with that key."""
    query = select(users.c.username_key, users.c.id).order_by(users.c.username_key).limit(limit)
    if wanted.text:
        begins = key_of(wanted.text)
        named = users.c.username_key.startswith(begins, autoescape=True)
        query = query.where(named | users.c.email_key.startswith(begins, autoescape=True))
    query = query.where(users.c.status == wanted.status if wanted.status else users.c.status != "deleted")
    if wanted.role is not None:
        runs_it = users.c.roles.contains([OPERATOR])
        query = query.where(runs_it if wanted.role == OPERATOR else ~runs_it)
    if after is not None:
        query = query.where(users.c.username_key > after)
    keys = {UserId(row.id): str(row.username_key) for row in await connection.execute(query)}
    found = await accounts_by_id(connection, keys)
    return [(key, found[user_id]) for user_id, key in keys.items() if user_id in found]


async def accounts_by_id(connection: AsyncConnection, user_ids: Collection[UserId]) -> dict[UserId, Account]:
    """Those of the accounts that there are, deleted ones included."""
    known = await users_by_id(connection, user_ids)
    opened = select(passwords.c.user_id).where(passwords.c.user_id.in_(user_ids), passwords.c.hash != LOCKED)
    with_password = set((await connection.execute(opened)).scalars())
    return {user_id: Account(user, user_id in with_password) for user_id, user in known.items()}


async def lock_with_operators(connection: AsyncConnection, user_id: UserId) -> tuple[User | None, frozenset[UserId]]:
    """The account and everybody who runs the installation, all locked until the transaction ends.

    Two operators who would take the role from each other wait here for one another. Locked by id, so that nobody waits in a
    circle; who is still an operator is what stands there after the wait.
    """
    runs_it = users.c.roles.contains([OPERATOR]) & (users.c.status == "active")
    wanted = select(users.c.id).where((users.c.id == user_id) | runs_it).order_by(users.c.id).with_for_update()
    await connection.execute(wanted)
    operators = (await connection.execute(select(users.c.id).where(runs_it))).scalars()
    return await lock_user(connection, user_id), frozenset(UserId(found) for found in operators)


async def person_known_as(connection: AsyncConnection, text: str) -> User | None:
    """The account that can be signed in to and has exactly this user name, or has proved exactly this address."""
    named = users.c.email_key == key_of(text) if "@" in text else users.c.username_key == key_of(text)
    wanted = select(users.c.id).where(named, users.c.status == "active")
    if "@" in text:
        wanted = wanted.where(users.c.email_verified)
    found = (await connection.execute(wanted.limit(1))).scalar_one_or_none()
    return (await users_by_id(connection, [UserId(found)])).get(UserId(found)) if found else None


async def id_of_name(connection: AsyncConnection, username: str) -> UserId | None:
    """The account of that name, unless it is closed."""
    wanted = select(users.c.id).where(users.c.username_key == key_of(username), users.c.status != "deleted")
    found: Any = (await connection.execute(wanted)).scalar_one_or_none()
    return UserId(found) if found else None


async def lock_password(connection: AsyncConnection, user_id: UserId, now: datetime) -> None:
    """No password opens the account any more, until another one is set."""
    values = {"hash": LOCKED, "changed_at": now, "generation": passwords.c.generation + 1}
    await connection.execute(update(passwords).where(passwords.c.user_id == user_id).values(values))
