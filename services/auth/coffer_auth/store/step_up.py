"""Queries about what sessions have proved."""

from datetime import datetime

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.domain.step_up import Proofs
from coffer_auth.store.tables import second_factors, sessions
from coffer_contracts.ids import SessionId, UserId


async def proofs_of(connection: AsyncConnection, session_id: SessionId, user_id: UserId, now: datetime) -> Proofs | None:
    """What the session of this person has proved; None if it has ended."""
    factor = exists().where(second_factors.c.user_id == sessions.c.user_id, second_factors.c.confirmed_at.is_not(None))
    query = select(sessions.c.password_proved_at, sessions.c.code_proved_at, factor.label("factor")).where(
        sessions.c.id == session_id,
        sessions.c.user_id == user_id,
        sessions.c.revoked_at.is_(None),
        sessions.c.expires_at > now,
    )
    row = (await connection.execute(query)).one_or_none()
    return Proofs(row.password_proved_at, row.code_proved_at, row.factor) if row else None


async def prove(connection: AsyncConnection, session_id: SessionId, now: datetime, *, password: bool, code: bool) -> None:
    """Write down that the session has just shown the password, a code, or both. Safe to run twice."""
    shown = {"password_proved_at": now} if password else {}
    if code:
        shown["code_proved_at"] = now
    if shown:
        await connection.execute(update(sessions).where(sessions.c.id == session_id).values(shown))
