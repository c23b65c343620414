"""Queries about what ended before its tokens did."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_auth.store.tables import sessions


async def ended_since(connection: AsyncConnection, moment: datetime) -> list[tuple[str, datetime]]:
    """Every session that was revoked after `moment`, and when."""
    rows = await connection.execute(select(sessions.c.id, sessions.c.revoked_at).where(sessions.c.revoked_at > moment))
    return [(row.id, row.revoked_at) for row in rows]
