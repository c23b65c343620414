"""What is kept of people beside their drives."""

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UserId
from coffer_files.store.tables import users

_email = select(users.c.email).where(users.c.user_id == bindparam("user"))


async def email_of(connection: AsyncConnection, user_id: UserId) -> str | None:
    """Somebody's address; None until it was heard of."""
    email: str | None = (await connection.execute(_email, {"user": user_id})).scalar_one_or_none()
    return email
