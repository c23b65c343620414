"""Crowds of other facts in a running stack: rows in the outboxes of its services, which go the way of all facts."""

import asyncio
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg

from coffer_chassis.ids import new_id
from factories.golden import FOLDER
from factories.stacks import LocalStack

OWNERS = 200
"""Of a crowd: whose facts it is about, one as often as the other."""

_INSERT = """
INSERT INTO outbox (id, type, subject, sequence, owner_id, body, created_at, available_at)
SELECT *, now(), now() FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::uuid[], $6::text[])
"""


@dataclass
class Crowd:
    """Facts of one type about things that nobody has heard of."""

    service: str
    """Whose outbox they wait in, as in the names of its settings: `SHARING`, `MEDIA_WORKER`."""
    wire_type: str
    owners: Sequence[str] = field(default_factory=lambda: [new_id() for _ in range(OWNERS)])

    def row(self) -> tuple[Any, ...]:
        """One more, in the order of the columns."""
        text = (FOLDER / f"{self.wire_type}.json").read_text()
        raw = json.loads(text)
        event_id, thing, owner = new_id(), new_id(), random.choice(self.owners)
        subject = str(raw["subject"])
        for old, new in ((raw["id"], event_id), (subject.partition("/")[2], thing), (raw["ownerid"], owner)):
            text = text.replace(old, new)
        told = json.loads(text)
        return event_id, self.wire_type, told["subject"], int(told["sequence"]), owner, json.dumps(told)


def fill(stack: LocalStack, crowds: Iterable[Crowd], count: int) -> None:
    """Have at least so many rows of each crowd's outbox wait."""
    # All are made before any is put in, or the first would be told while the last are being made.
    made = [(crowd.service, [crowd.row() for _ in range(count)]) for crowd in crowds]

    async def add(service: str, rows: list[tuple[Any, ...]]) -> None:
        connection = await _connected(stack, service)
        try:
            missing = count - await connection.fetchval("SELECT count(*) FROM outbox WHERE sent_at IS NULL")
            if missing > 0:
                await connection.execute(_INSERT, *zip(*rows[:missing], strict=True))
        finally:
            await connection.close()

    async def add_all() -> None:
        await asyncio.gather(*(add(service, rows) for service, rows in made))

    asyncio.run(add_all())


def empty(stack: LocalStack, crowds: Iterable[Crowd]) -> None:
    """Take what still waits of them out again."""

    async def take() -> None:
        for crowd in crowds:
            connection = await _connected(stack, crowd.service)
            await connection.execute("DELETE FROM outbox WHERE sent_at IS NULL AND type = $1", crowd.wire_type)
            await connection.close()

    asyncio.run(take())


def overtaken(stack: LocalStack, service: str, since: datetime) -> list[tuple[str, int, int]]:
    """Of what was urgent since then, oldest first: its type, how many other rows were sent between its commit and its own
    sending, and how many older ones waited on.
    """

    async def ask() -> list[tuple[str, int, int]]:
        connection = await _connected(stack, service)
        rows = await connection.fetch(
            """
            SELECT mine.type,
              (SELECT count(*) FROM outbox o WHERE o.sent_at BETWEEN mine.created_at AND mine.sent_at AND NOT o.urgent),
              (SELECT count(*) FROM outbox o WHERE o.position < mine.position AND coalesce(o.sent_at > mine.sent_at, true))
            FROM outbox mine WHERE mine.urgent AND mine.sent_at IS NOT NULL AND mine.created_at >= $1 ORDER BY mine.position
            """,
            since,
        )
        await connection.close()
        return [tuple(row) for row in rows]

    return asyncio.run(ask())


def now() -> datetime:
    """The time, as stores keep it."""
    return datetime.now(UTC)


async def _connected(stack: LocalStack, service: str) -> Any:
    url = stack.variables[f"COFFER_{service}_DATABASE_URL"].replace("postgresql+asyncpg", "postgresql")
    return await asyncpg.connect(url)
