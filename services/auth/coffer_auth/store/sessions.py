"""Queries about signed-in devices and their refresh tokens."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.domain.sessions import Device, RevocationReason, Session
from coffer_auth.store.tables import refresh_tokens, sessions
from coffer_chassis.callers import Caller, network_of
from coffer_chassis.forgetting import forget_some
from coffer_contracts.ids import SessionId, UserId

_SESSION = (
    sessions.c.id,
    sessions.c.user_id,
    sessions.c.device_name,
    sessions.c.created_at,
    sessions.c.expires_at,
    sessions.c.revision,
    sessions.c.revoked_at,
)


_IS_OWN = sessions.c.revoked_reason.is_distinct_from("reuse_detected")
MOST_ADDRESSES = 500
"""Of one account, that are looked at."""


@dataclass(frozen=True, slots=True)
class ShownToken:
    """A refresh token that is in the store, with its locked session."""

    session: Session
    rotated_at: datetime | None
    expires_at: datetime


async def insert_session(connection: AsyncConnection, session: Session, caller: Caller) -> None:
    """Add a session."""
    await connection.execute(
        insert(sessions).values(
            id=session.id,
            user_id=session.user_id,
            device_name=session.device_name,
            address=caller.address,
            agent=caller.agent,
            created_at=session.created_at,
            last_seen_at=session.created_at,
            expires_at=session.expires_at,
            revision=session.revision,
        )
    )


async def insert_refresh_token(
    connection: AsyncConnection, digest: bytes, session_id: SessionId, *, now: datetime, expires_at: datetime
) -> None:
    """Add a refresh token to a session's family; only its digest is ever stored."""
    await connection.execute(
        insert(refresh_tokens).values(digest=digest, session_id=session_id, issued_at=now, expires_at=expires_at)
    )


async def lock_shown_token(connection: AsyncConnection, digest: bytes) -> ShownToken | None:
    """The token and its session. The session stays locked until the transaction ends, so a family moves one at a time.

    The lock comes first and the token is read after it: a twin that was rotated while this one waited is seen as such.
    """
    family = select(refresh_tokens.c.session_id).where(refresh_tokens.c.digest == digest).scalar_subquery()
    row = (await connection.execute(select(*_SESSION).where(sessions.c.id == family).with_for_update())).one_or_none()
    if row is None:
        return None
    token = (
        await connection.execute(
            select(refresh_tokens.c.rotated_at, refresh_tokens.c.expires_at).where(refresh_tokens.c.digest == digest)
        )
    ).one_or_none()
    return ShownToken(_session(row), token.rotated_at, token.expires_at) if token else None


async def session_of_token(connection: AsyncConnection, digest: bytes) -> Session | None:
    """The session that a refresh token belongs to, however old it is."""
    wanted = select(*_SESSION).join(refresh_tokens).where(refresh_tokens.c.digest == digest)
    row = (await connection.execute(wanted)).one_or_none()
    return _session(row) if row else None


async def rotate(connection: AsyncConnection, digest: bytes, now: datetime) -> None:
    """Spend a refresh token."""
    await connection.execute(
        update(refresh_tokens)
        .where(refresh_tokens.c.digest == digest, refresh_tokens.c.rotated_at.is_(None))
        .values(rotated_at=now)
    )


async def extend(
    connection: AsyncConnection, session_id: SessionId, caller: Caller, *, now: datetime, expires_at: datetime
) -> None:
    """The session was used from there: it lives until `expires_at`. Refresh tokens of it past their end are forgotten."""
    seen = {"last_seen_at": now, "address": caller.address, "agent": caller.agent}
    await connection.execute(update(sessions).where(sessions.c.id == session_id).values(**seen, expires_at=expires_at))
    await connection.execute(
        delete(refresh_tokens).where(refresh_tokens.c.session_id == session_id, refresh_tokens.c.expires_at < now)
    )


async def revoke(
    connection: AsyncConnection,
    user_id: UserId,
    reason: RevocationReason,
    now: datetime,
    *,
    only: SessionId | None = None,
    but: SessionId | None = None,
    facts: int = 1,
) -> list[Session]:
    """End the user's living sessions, or `only` one of them, or all `but` one; those that were ended by this call, as they
    stand now.

    Each revision grows by `facts`, the number of events the caller emits about it. Ended sessions have no use for refresh
    tokens, but they stay until they expire, so that a stolen one is still recognised.
    """
    living = (sessions.c.user_id == user_id) & sessions.c.revoked_at.is_(None)
    chosen = living if only is None else living & (sessions.c.id == only)
    chosen = chosen if but is None else chosen & (sessions.c.id != but)
    rows = await connection.execute(
        update(sessions)
        .where(chosen)
        .values(revoked_at=now, revoked_reason=reason, revision=sessions.c.revision + facts)
        .returning(*_SESSION)
    )
    return [_session(row) for row in rows]


async def alive(connection: AsyncConnection, session_id: SessionId, now: datetime) -> bool:
    """Whether the session has not ended."""
    found = select(sessions.c.id).where(
        sessions.c.id == session_id, sessions.c.revoked_at.is_(None), sessions.c.expires_at > now
    )
    return (await connection.execute(found)).one_or_none() is not None


async def devices_of(
    connection: AsyncConnection, user_id: UserId, now: datetime, *, before: SessionId | None, limit: int
) -> list[Device]:
    """Up to `limit` living sessions of the user, the latest sign-in first, from behind `before` on."""
    wanted = (
        select(*_SESSION, sessions.c.address, sessions.c.agent, sessions.c.last_seen_at)
        .where(sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None), sessions.c.expires_at > now)
        .order_by(sessions.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        wanted = wanted.where(sessions.c.id < before)
    rows = await connection.execute(wanted)
    return [Device(_session(row), row.address, row.agent, row.last_seen_at) for row in rows]


async def networks_of(connection: AsyncConnection, user_id: UserId) -> set[str]:
    """The networks from which somebody signed in to the account, as far back as sessions are kept: see `network_of`.

    Without those of a session whose refresh token was stolen.
    """
    query = select(sessions.c.address).distinct().where(sessions.c.user_id == user_id, _IS_OWN).limit(MOST_ADDRESSES)
    return {network for address in (await connection.execute(query)).scalars() if (network := network_of(address))}


async def session_of(connection: AsyncConnection, user_id: UserId, digest: bytes) -> SessionId | None:
    """The user's session that a refresh token belonged to, be it spent and the session over; not if the token was stolen."""
    query = (
        select(sessions.c.id)
        .join(refresh_tokens)
        .where(refresh_tokens.c.digest == digest, sessions.c.user_id == user_id, _IS_OWN)
    )
    found: SessionId | None = (await connection.execute(query)).scalar_one_or_none()
    return found


async def forget_ended_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete a slice of the sessions, and with them their tokens, that expired or were revoked before `moment`; how many."""
    return await forget_some(connection, sessions, (sessions.c.expires_at < moment) | (sessions.c.revoked_at < moment))


def _session(row: Row[*tuple[Any, ...]]) -> Session:
    return Session(
        id=SessionId(row.id),
        user_id=UserId(row.user_id),
        device_name=row.device_name,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revision=row.revision,
        revoked_at=row.revoked_at,
    )
