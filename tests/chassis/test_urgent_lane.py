"""The lane of what is urgent in a service that runs: it waits neither for batches to fill nor for a connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine

from coffer_chassis.bus import Outgoing
from coffer_chassis.bus_memory import MemoryBus
from coffer_chassis.handling import Handles, handler_table
from coffer_chassis.service import Service
from coffer_chassis.shrinking_pool import ShrinkingPool
from coffer_chassis.testing import eventually
from coffer_chassis.topology import Lane, ServiceTopology, Topology
from coffer_chassis.unit_of_work import Unit, Work
from coffer_contracts.auth import LoginFailedV1, SessionCreatedV1
from factories.consuming import STOP_SECONDS, Failed
from factories.eventing import CREATED, FAILED, TABLES, Store, count, created, envelope, failed

CONNECTIONS = 2
READS = {"first-events": (FAILED,)}
USUAL, URGENT = Lane("second-fast", READS), Lane("second-urgent", READS, urgent=True)
READER = Lane("third-fast", {"second-events": (CREATED,)})
SECOND = ServiceTopology("second", (USUAL, URGENT))
ALL = Topology("bucket", (ServiceTopology("first"), SECOND, ServiceTopology("third", (READER,))))


async def count_and_answer(event: Failed, unit: Unit, _deps: object) -> None:
    """What each lane does, so that two of them do it twice."""
    await count(unit, event.subject)
    unit.emit(created(), sequence=1, urgent=True)


class House:
    """A service with few connections and a bus that it listens to."""

    def __init__(self, store: Store, service: Service, bus: MemoryBus) -> None:
        self.store = store
        self.service = service
        self.bus = bus

    async def tell(self, number: int) -> str:
        """Something urgent happened elsewhere; its subject."""
        fact = envelope(failed(number))
        await self.bus.publish("first-events", [Outgoing(fact.id, fact.to_json(), {"type": fact.type, "urgent": "true"})])
        return fact.subject

    async def counts(self, subject: str, times: int) -> None:
        """Wait until the subject was counted so often."""

        async def counted() -> bool:
            return (await self.store.counts()).get(subject, 0) == times

        await eventually(counted)


@pytest.fixture
async def house(store: Store, store_url: str) -> AsyncIterator[House]:
    engine = create_async_engine(store_url, poolclass=ShrinkingPool, pool_size=CONNECTIONS, max_overflow=0, pool_timeout=60)
    bus = MemoryBus(ALL, duplicates=0)
    table = handler_table([Handles(LoginFailedV1, count_and_answer, emits=(SessionCreatedV1,))])
    work = Work(engine, TABLES, source="/second", clock=store.clock, turns=1)
    tables = {USUAL.queue: table, URGENT.queue: table}
    yield House(store, Service(SECOND, work, bus, deps=None, app=None, tables=tables, wait_seconds=1, linger_seconds=3600), bus)
    await engine.dispose()


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    task = asyncio.create_task(service.run_background(stopping))
    try:
        yield
    finally:
        stopping.set()
        await asyncio.wait_for(task, STOP_SECONDS)


@pytest.mark.slow
async def test_it_does_not_linger_where_the_other_lane_does(house: House) -> None:
    async with running(house.service):
        for number, lanes in ((1, 2), (2, 1), (3, 1)):
            # After the first message the usual lane sleeps for an hour.
            await house.counts(await house.tell(number), lanes)


@pytest.mark.slow
async def test_it_is_heard_and_answered_while_every_connection_is_in_use(house: House) -> None:
    async with running(house.service):
        await house.counts(await house.tell(1), 2)
        async with AsyncExitStack() as stack:
            for _ in range(CONNECTIONS):
                held = await stack.enter_async_context(house.service.work.engine.connect())
                await held.execute(select(1))
            await house.counts(await house.tell(2), 1)

            async def answered() -> bool:
                return await house.store.unsent() == 0 and (await house.bus.depth(READER.queue)).total == 3

            await eventually(answered)
