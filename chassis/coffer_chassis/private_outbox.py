"""The relay of private commands: from their own outbox to the service's private topic, and gone once they were sent.

Otherwise as the relay of facts: claimed by SKIP LOCKED, published first and deleted after, so that a crash in between sends
one twice under the same id. What has expired is deleted without being sent.
"""

from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Row, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.bus import Outgoing
from coffer_chassis.outbox import ROUND, Relay
from coffer_chassis.tables import ChassisTables
from coffer_chassis.trace_headers import traceparent_in_json

log = structlog.get_logger(__name__)


class PrivateRelay(Relay):
    """Sends one service's private commands. Several may run at once, in any processes."""

    async def _round(self) -> tuple[int, int]:
        table, clock = self._work.tables.private_outbox, self._work.clock
        async with self._work.engine.begin() as connection:
            now = clock.now()
            due = (
                select(table)
                .where(or_(table.c.available_at <= now, table.c.expires_at <= now))
                .order_by(table.c.position)
                .limit(ROUND)
                .with_for_update(skip_locked=True)
            )
            rows = (await connection.execute(due)).all()
            if not rows:
                return 0, 0
            expired = [row for row in rows if row.expires_at <= now]
            done = await self._publish([row for row in rows if row.expires_at > now])
            now = clock.now()
            if gone := [*done.sent, *(row.id for row in expired)]:
                await connection.execute(delete(table).where(table.c.id.in_(gone)))
            for command_id, wait in done.later.items():
                again = update(table).where(table.c.id == command_id)
                await connection.execute(again.values(available_at=now + wait, attempts=table.c.attempts + 1))
        sent_ids = set(done.sent)
        self._count([row for row in rows if row.id in sent_ids], now)
        for row in expired:
            log.warning("private_command_expired", service=self._service, id=row.id, type=row.type, attempts=row.attempts)
        if done.error is not None:
            raise done.error
        return len(rows), len(done.sent)

    def _message(self, row: Row[Any]) -> Outgoing:
        attributes = {"type": row.type, "id": row.id}
        if (traceparent := traceparent_in_json(row.body)) is not None:
            attributes["traceparent"] = traceparent
        return Outgoing(row.id, row.body, attributes)

    def _is_replay(self, _row: Row[Any]) -> bool:
        return False


async def private_backlog(connection: AsyncConnection, tables: ChassisTables) -> tuple[int, datetime | None]:
    """How many private commands wait to be sent, and since when the oldest does. What they say is for their reader alone."""
    table = tables.private_outbox
    waiting, oldest = (await connection.execute(select(func.count(), func.min(table.c.created_at)))).one()
    return waiting, oldest
