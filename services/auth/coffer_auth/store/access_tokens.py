"""Queries about personal access tokens."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Text, bindparam, cast, func, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.domain.access_tokens import AccessToken
from coffer_auth.store.tables import access_tokens as table
from coffer_auth.store.tables import users
from coffer_chassis.forgetting import forget_some
from coffer_contracts.ids import TokenId, UserId

_TOKEN = tuple(table.c[name] for name in AccessToken.__dataclass_fields__)


def _token(row: Row[*tuple[Any, ...]]) -> AccessToken:
    return AccessToken(**{**row._mapping, "scopes": tuple(row.scopes)})  # noqa: SLF001  # its public way to a mapping


async def lock_owner(connection: AsyncConnection, user_id: UserId) -> bool:
    """Hold the account until the transaction ends, so that its tokens can be counted; False if it may not sign in."""
    found = select(users.c.id).where(users.c.id == user_id, users.c.status == "active").with_for_update()
    return (await connection.execute(found)).one_or_none() is not None


async def count_living(connection: AsyncConnection, user_id: UserId, now: datetime) -> int:
    """How many of the account's tokens are good."""
    living = select(func.count()).where(table.c.user_id == user_id, table.c.revoked_at.is_(None), table.c.expires_at > now)
    count: int = (await connection.execute(living)).scalar_one()
    return count


async def signed_by(connection: AsyncConnection, key_id: str, now: datetime) -> int:
    """How many good tokens end if this signing key is withdrawn."""
    lives = (table.c.key_id == key_id, table.c.revoked_at.is_(None), table.c.expires_at > now)
    count: int = (await connection.execute(select(func.count()).select_from(table).where(*lives))).scalar_one()
    return count


async def add(connection: AsyncConnection, token: AccessToken) -> None:
    """Add a token."""
    values = {name: getattr(token, name) for name in AccessToken.__dataclass_fields__}
    await connection.execute(insert(table).values(values | {"scopes": list(token.scopes)}))


async def find(connection: AsyncConnection, token_id: TokenId) -> AccessToken | None:
    """One token, whatever became of it."""
    row = (await connection.execute(select(*_TOKEN).where(table.c.id == token_id))).one_or_none()
    return _token(row) if row else None


async def page(
    connection: AsyncConnection, user_id: UserId, after: tuple[datetime, str] | None, limit: int, now: datetime
) -> list[AccessToken]:
    """The account's good tokens, newest first, beginning after a time and an id."""
    wanted = select(*_TOKEN).where(table.c.user_id == user_id, table.c.revoked_at.is_(None), table.c.expires_at > now)
    if after is not None:
        place = tuple_(*after, types=[table.c.created_at.type, table.c.id.type])
        wanted = wanted.where(tuple_(table.c.created_at, table.c.id) < place)
    rows = await connection.execute(wanted.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(limit))
    return [_token(row) for row in rows]


async def revoke(
    connection: AsyncConnection,
    user_id: UserId,
    now: datetime,
    *,
    only: TokenId | None = None,
    with_any_of: frozenset[str] | None = None,
) -> list[AccessToken]:
    """End the account's good tokens: all of them, `only` one, or those that have any of some scopes; those that this call
    ended, as they stand now.
    """
    chosen = update(table).where(table.c.user_id == user_id, table.c.revoked_at.is_(None), table.c.expires_at > now)
    if only is not None:
        chosen = chosen.where(table.c.id == only)
    if with_any_of is not None:
        chosen = chosen.where(table.c.scopes.overlap(cast(sorted(with_any_of), ARRAY(Text))))
    rows = await connection.execute(chosen.values(revoked_at=now, revision=table.c.revision + 1).returning(*_TOKEN))
    return [_token(row) for row in rows]


async def alive(connection: AsyncConnection, token_id: str, now: datetime) -> bool:
    """Whether it is good."""
    found = select(table.c.id).where(table.c.id == token_id, table.c.revoked_at.is_(None), table.c.expires_at > now)
    return (await connection.execute(found)).one_or_none() is not None


async def revoked_at(
    connection: AsyncConnection, now: datetime, since: datetime | None = None
) -> list[tuple[TokenId, datetime]]:
    """Every token that ended early, after `since` if that is named, and would still be accepted at `now`, and when it would
    have ended.
    """
    ended = table.c.revoked_at.is_not(None) if since is None else table.c.revoked_at > since
    rows = await connection.execute(select(table.c.id, table.c.expires_at).where(ended, table.c.expires_at > now))
    return [(TokenId(row.id), row.expires_at) for row in rows]


async def note_uses(connection: AsyncConnection, uses: Mapping[str, datetime]) -> None:
    """These tokens were used then; the later time counts. In the order of ids, so that two of these never wait in a ring."""
    used = bindparam("used", type_=table.c.expires_at.type)
    later = update(table).where(table.c.id == bindparam("token")).values(last_used_at=func.greatest(table.c.last_used_at, used))
    if uses:
        await connection.execute(later, [{"token": token, "used": moment} for token, moment in sorted(uses.items())])


async def forget_ended_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete a slice of the tokens that would have ended by themselves before `moment`; how many. Safe to run twice."""
    return await forget_some(connection, table, table.c.expires_at < moment)
