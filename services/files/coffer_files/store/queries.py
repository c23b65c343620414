"""What people looked for lately."""

from datetime import datetime

from sqlalchemy import delete, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UserId
from coffer_files.store.tables import queries

KEPT = 50
"""Queries of one person."""


async def remember(connection: AsyncConnection, user_id: UserId, key: str, query: str, now: datetime) -> None:
    """Note what a person looked for; of more than KEPT the oldest are forgotten."""
    row = insert(queries).values(user_id=user_id, query_key=key, query=query, used_at=now)
    await connection.execute(
        row.on_conflict_do_update(
            index_elements=[queries.c.user_id, queries.c.query_key], set_={"query": query, "used_at": now}
        )
    )
    own = select(queries.c.query_key).where(queries.c.user_id == user_id)
    oldest = own.order_by(queries.c.used_at.desc(), queries.c.query_key).offset(KEPT)
    await connection.execute(delete(queries).where(queries.c.user_id == user_id, queries.c.query_key.in_(oldest)))


async def remembered(connection: AsyncConnection, user_id: UserId, pattern: str, limit: int) -> list[str]:
    """What a person looked for and matches the pattern, the last first."""
    statement = select(queries.c.query).where(queries.c.user_id == user_id, queries.c.query_key.like(literal(pattern)))
    return list((await connection.execute(statement.order_by(queries.c.used_at.desc()).limit(limit))).scalars())


async def forget(connection: AsyncConnection, user_id: UserId, key: str | None) -> None:
    """Forget one query of a person, or all."""
    statement = delete(queries).where(queries.c.user_id == user_id)
    await connection.execute(statement if key is None else statement.where(queries.c.query_key == key))
