"""When codes were sent to queues, whoever asked for them."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.forgetting import forget_some
from coffer_notifier.store.program_tables import queue_codes


async def may_send(connection: AsyncConnection, queue: str, now: datetime, *, unless_since: datetime) -> bool:
    """Note that a code is sent now, unless one was sent since then; of several at once, one may."""
    row = insert(queue_codes).values(queue=queue, sent_at=now)
    row = row.on_conflict_do_update(
        index_elements=[queue_codes.c.queue], set_={"sent_at": now}, where=queue_codes.c.sent_at <= unless_since
    )
    return bool((await connection.execute(row)).rowcount)


async def forget_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete a slice of what was sent before `moment`; how many. Safe to run twice."""
    return await forget_some(connection, queue_codes, queue_codes.c.sent_at < moment)
