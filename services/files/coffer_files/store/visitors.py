"""What visitors of public links have begun to send."""

from typing import Any

from sqlalchemy import Select, Text, bindparam, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import UserId
from coffer_files.store.tables import uploads

_lock = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("link", type_=Text), 0)))


async def open_through(connection: AsyncConnection, link_id: UserId) -> int:
    """How many uploads through a link have not ended. Until the transaction ends nobody else begins one through it; comes
    before every other lock.
    """
    await connection.execute(_lock, {"link": f"link/{link_id}"})
    return int((await connection.execute(still_open(link_id))).scalar_one())


def still_open(link_id: UserId) -> Select[Any]:
    """The statement that counts them."""
    return select(func.count()).where(
        uploads.c.uploader_id == link_id,
        # As the index says it, or the planner does not see that it fits.
        uploads.c.actor_kind == literal_column("'link'"),
        uploads.c.deadline_at.is_not(None),
    )
