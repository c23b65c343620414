"""Two tiny services for tests of the eventing core: a store with one business table, a topology, and plain events."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from sqlalchemy import Column, Integer, MetaData, Row, Table, Text, UniqueConstraint, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from coffer_chassis.bus import Incoming
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.tables import chassis_tables
from coffer_chassis.testing import FixedClock
from coffer_chassis.topology import Lane, ServiceTopology, Topology
from coffer_chassis.unit_of_work import Unit, Work
from coffer_chassis.wakeups import OUTBOX, Wakeups
from coffer_contracts.auth import LoginFailedV1, SessionCreatedV1
from coffer_contracts.catalog import envelope_of, schema_address
from coffer_contracts.event import Envelope, Event, sequence_text
from coffer_contracts.ids import EventId, SessionId, UserId
from factories.databases import PostgresServer
from factories.engines import engine_on

METADATA = MetaData()
TABLES = chassis_tables(METADATA)
COUNTERS = Table("counters", METADATA, Column("subject", Text, primary_key=True), Column("times", Integer, nullable=False))

PROMISES = Table("promises", METADATA, Column("name", Text), UniqueConstraint("name", deferrable=True, initially="DEFERRED"))
"""Two of one name are refused only when the transaction commits."""

ORIGIN = Origin("user/somebody", "user", "request-1")
FAILED, CREATED = LoginFailedV1.type, SessionCreatedV1.type
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
_IDS = UUID("7f1d4f0e-53a1-4f4b-9a52-1f7a3a0a4b11")


def user_id(number: int) -> UserId:
    """The same id for the same number, always."""
    return UserId(str(uuid5(_IDS, str(number))))


def failed(number: int = 1, *, agent: str | None = None) -> LoginFailedV1:
    """A fact about user `number`."""
    return LoginFailedV1(user_id=user_id(number), reason="invalid_credentials", agent=agent, failed_at=NOON, failures=1)


def created(number: int = 1) -> SessionCreatedV1:
    """Another fact about user `number`, of another type and about another subject."""
    later = NOON + timedelta(days=1)
    return SessionCreatedV1(session_id=SessionId(user_id(number)), user_id=user_id(number), created_at=NOON, expires_at=later)


def two_services(tag: str, *, visibility_seconds: int = 60, max_receives: int = 5) -> Topology:
    """A first service that publishes, and a second whose queue reads both types of it; the first reads the second's."""
    first, second = f"first-{tag}", f"second-{tag}"
    heard = Lane(f"{first}-fast", {f"{second}-events": (CREATED,)}, (), visibility_seconds, max_receives)
    fast = Lane(f"{second}-fast", {f"{first}-events": (FAILED, CREATED)}, (), visibility_seconds, max_receives)
    return Topology(f"bucket-{tag}", (ServiceTopology(first, (heard,)), ServiceTopology(second, (fast,))))


class Store:
    """A service's store: chassis tables and counters, under a clock that stands still."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.clock = FixedClock()
        self.work = Work(engine, TABLES, source="/first", clock=self.clock)

    async def emit(self, *events: LoginFailedV1 | SessionCreatedV1, urgent: bool = False) -> list[str]:
        """Put events into the outbox; their ids."""
        async with self.work.unit(ORIGIN) as unit:
            return [unit.emit(event, sequence=1, urgent=urgent) for event in events]

    def wake(self, callback: Callable[[], None], topic: str = OUTBOX) -> None:
        """Call it after every commit with something to see about `topic`."""
        self.work.wakeups = self.work.wakeups or Wakeups(self.engine, "first")
        self.work.wakeups.on(topic, callback)

    async def rows(self, table: Table) -> list[Row[Any]]:
        """Everything in a table."""
        async with self.work.read() as connection:
            return list((await connection.execute(select(table))).all())

    async def unsent(self) -> int:
        """How many outbox rows are not sent."""
        return sum(row.sent_at is None for row in await self.rows(TABLES.outbox))

    async def counts(self) -> dict[str, int]:
        """Subject -> how often it was counted."""
        return {row.subject: row.times for row in await self.rows(COUNTERS)}

    async def waits_for_lock(self) -> bool:
        """Whether somebody in this database waits for a lock."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        async with self.work.read() as connection:
            return bool((await connection.execute(text(query))).scalar_one())


async def count(unit: Unit, subject: str) -> None:
    """The effect that must happen once: one more for this subject."""
    row = insert(COUNTERS).values(subject=subject, times=1)
    more = row.on_conflict_do_update(index_elements=[COUNTERS.c.subject], set_={"times": COUNTERS.c.times + 1})
    await unit.connection.execute(more)


def envelope(event: Event, *, sequence: int = 1) -> Envelope[Event]:
    """The event as the first service would have published it, under a new id."""
    return envelope_of(type(event))(
        id=EventId(new_id()),
        source="/first",
        type=event.type,
        subject=event.subject,
        time=NOON,
        dataschema=schema_address(type(event)),
        partitionkey=event.owner or event.subject,
        sequence=sequence_text(sequence),
        ownerid=event.owner,
        correlationid="request-1",
        data=event,
    )


def incoming(body: str, *, receives: int = 1, attributes: dict[str, str] | None = None) -> Incoming:
    """A message as the bus would hand it over."""
    return Incoming("message-1", "receipt-1", body, attributes or {}, receives, NOON)


def create_store(postgres: PostgresServer) -> str:
    """A fresh database with the tables; its URL."""

    async def create(url: str) -> None:
        engine = create_async_engine(url, poolclass=NullPool)
        async with engine.begin() as connection:
            await connection.run_sync(METADATA.create_all)
        await engine.dispose()

    return postgres.copy_of("store_of_tests", create)


@pytest.fixture(scope="module")
def store_url(postgres: PostgresServer) -> Iterator[str]:
    """URL of the module's database with chassis tables and counters."""
    url = create_store(postgres)
    yield url
    postgres.drop(url)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """The module's store, emptied."""
    async with engine_on(store_url) as engine:
        async with engine.begin() as connection:
            for table in METADATA.tables.values():
                await connection.execute(table.delete())
        yield Store(engine)
