"""Queries about accounts and their password hashes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.domain.accounts import User, key_of
from coffer_auth.store.tables import passwords, users
from coffer_contracts.ids import UserId

_USER = (
    users.c.id,
    users.c.username,
    users.c.email,
    users.c.email_verified,
    users.c.display_name,
    users.c.locale,
    users.c.status,
    users.c.roles,
    users.c.revision,
    users.c.created_at,
    users.c.timezone,
    users.c.quota_bytes,
    users.c.photo,
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a sign-in is checked against."""

    user: User
    password_hash: str
    generation: int
    """Which of the account's passwords it is of."""


async def insert_user(connection: AsyncConnection, user: User, password_hash: str) -> bool:
    """Add the account; False if its name is taken, or its address, where that is proved.

    Waits for a racing transaction to end.
    """
    row = postgresql.insert(users).values(
        id=user.id,
        username=user.username,
        username_key=key_of(user.username),
        email=user.email,
        email_key=key_of(user.email),
        email_verified=user.email_verified,
        display_name=user.display_name,
        locale=user.locale,
        status=user.status,
        roles=list(user.roles),
        revision=user.revision,
        timezone=user.timezone,
        quota_bytes=user.quota_bytes,
        created_at=user.created_at,
        changed_at=user.created_at,
    )
    if not (await connection.execute(row.on_conflict_do_nothing())).rowcount:
        return False
    await connection.execute(insert(passwords).values(user_id=user.id, hash=password_hash, changed_at=user.created_at))
    return True


async def user_by_id(connection: AsyncConnection, user_id: UserId) -> User | None:
    """The account, deleted ones included."""
    row = (await connection.execute(select(*_USER).where(users.c.id == user_id))).one_or_none()
    return _user(row) if row else None


async def users_by_id(connection: AsyncConnection, user_ids: Collection[UserId]) -> dict[UserId, User]:
    """Those of the accounts that there are, deleted ones included."""
    rows = await connection.execute(select(*_USER).where(users.c.id.in_(user_ids)))
    return {user.id: user for user in map(_user, rows)}


async def lock_user(connection: AsyncConnection, user_id: UserId) -> User | None:
    """The account, locked until the transaction ends; a sign-in that is being written waits, too."""
    row = (await connection.execute(select(*_USER).where(users.c.id == user_id).with_for_update())).one_or_none()
    return _user(row) if row else None


async def hold_active(connection: AsyncConnection, user_id: UserId) -> bool:
    """Whether people may sign in to the account; it stays so until the transaction ends."""
    wanted = select(users.c.status).where(users.c.id == user_id).with_for_update(read=True)
    return bool((await connection.execute(wanted)).scalar_one_or_none() == "active")


async def change(connection: AsyncConnection, user_id: UserId, values: Mapping[str, Any], now: datetime) -> User:
    """Write some columns of an account that is locked; the account after it, one revision on."""
    done = await connection.execute(
        update(users)
        .where(users.c.id == user_id)
        .values(**values, revision=users.c.revision + 1, changed_at=now)
        .returning(*_USER)
    )
    return _user(done.one())


async def user_of_email(connection: AsyncConnection, email: str) -> User | None:
    """The account that an address stands for: the one that proved it, else the oldest that claims it. None for no account."""
    row = (await connection.execute(_meant(select(*_USER).where(_named(email))))).one_or_none()
    return _user(row) if row else None


async def users_after(connection: AsyncConnection, after: UserId | None, limit: int) -> list[User]:
    """Up to `limit` accounts by id, from behind `after` on, deleted ones included."""
    wanted = select(*_USER).order_by(users.c.id).limit(limit)
    if after is not None:
        wanted = wanted.where(users.c.id > after)
    return [_user(row) for row in await connection.execute(wanted)]


async def credentials_of(connection: AsyncConnection, login: str) -> Credentials | None:
    """The account that `login` names, with its hash: an e-mail address if it holds an `@`, else a user name.

    An address names the account that proved it, and while nobody has, the one that claimed it first: who merely claims an
    address neither keeps its owner out nor gets between them and their account.
    """
    wanted = select(*_USER, passwords.c.hash, passwords.c.generation).join(passwords).where(_named(login))
    row = (await connection.execute(_meant(wanted))).one_or_none()
    return Credentials(_user(row), row.hash, row.generation) if row else None


async def hash_of(connection: AsyncConnection, user_id: UserId) -> str | None:
    """The hash of an active account's password."""
    found = select(passwords.c.hash).join(users).where(users.c.id == user_id, users.c.status == "active")
    hashed: str | None = (await connection.execute(found)).scalar_one_or_none()
    return hashed


async def replace_hash(connection: AsyncConnection, user_id: UserId, old: str, new: str) -> bool:
    """Store a hash of the same password with newer parameters; False if the password was changed meanwhile."""
    done = await connection.execute(
        update(passwords).where(passwords.c.user_id == user_id, passwords.c.hash == old).values(hash=new)
    )
    return bool(done.rowcount)


async def count_login_failure(connection: AsyncConnection, user_id: UserId) -> int | None:
    """One failed sign-in more; how many there were. None if there is no such account."""
    counted = await connection.execute(
        update(users)
        .where(users.c.id == user_id)
        .values(login_failures=users.c.login_failures + 1)
        .returning(users.c.login_failures)
    )
    failures: int | None = counted.scalar_one_or_none()
    return failures


def _meant(wanted: Select[Any]) -> Select[Any]:
    """Of several that claim one address, the one that it stands for."""
    claims = (users.c.email_verified.desc(), users.c.created_at, users.c.id)
    return wanted.where(users.c.status != "deleted").order_by(*claims).limit(1)


def _named(login: str) -> ColumnElement[bool]:
    column = users.c.email_key if "@" in login else users.c.username_key
    return column == key_of(login)


def _user(row: Row[*tuple[Any, ...]]) -> User:
    return User(
        id=UserId(row.id),
        username=row.username,
        email=row.email,
        email_verified=row.email_verified,
        display_name=row.display_name,
        locale=row.locale,
        status=row.status,
        roles=tuple(row.roles),
        revision=row.revision,
        created_at=row.created_at,
        timezone=row.timezone,
        quota_bytes=row.quota_bytes,
        photo=row.photo,
    )
