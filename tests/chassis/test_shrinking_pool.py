"""Connections that a burst opened do not stay open for ever, and nobody who works is disturbed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from coffer_chassis import shrinking_pool
from coffer_chassis.shrinking_pool import SPARE, ShrinkingPool
from factories.databases import PostgresServer

pytestmark = pytest.mark.slow

SIZE = 8


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in seconds; set its only entry."""
    moment = [1000.0]
    monkeypatch.setattr(shrinking_pool, "monotonic", lambda: moment[0])
    return moment


@pytest.fixture
async def engine(postgres: PostgresServer, clock: list[float]) -> AsyncIterator[AsyncEngine]:
    made = create_async_engine(postgres.empty(), poolclass=ShrinkingPool, pool_size=SIZE, max_overflow=0, pool_use_lifo=True)
    yield made
    await made.dispose()


async def use(engine: AsyncEngine) -> int:
    """Use a connection for a moment; how many are open at the server."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    async with engine.connect() as connection:
        return int((await connection.execute(text(query))).scalar_one())


async def burst(engine: AsyncEngine, count: int) -> None:
    """Use so many at once."""
    gate = asyncio.Barrier(count)

    async def one() -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            await gate.wait()

    async with asyncio.timeout(60):
        await asyncio.gather(*(one() for _ in range(count)))


async def test_what_a_burst_opened_is_closed_once_it_is_not_needed(engine: AsyncEngine, clock: list[float]) -> None:
    await burst(engine, SIZE)
    clock[0] += shrinking_pool.WINDOW_SECONDS
    assert await use(engine) == SIZE, "kept for the window after the burst"
    clock[0] += shrinking_pool.WINDOW_SECONDS
    for _ in range(SIZE):
        await use(engine)
    assert await use(engine) == 1 + SPARE
    await burst(engine, SIZE)
    assert await use(engine) == SIZE, "and opened again when they are needed"


async def test_a_steady_load_opens_nothing_and_closes_nothing(engine: AsyncEngine, clock: list[float]) -> None:
    backends: set[Any] = set()
    for _ in range(6):
        clock[0] += shrinking_pool.WINDOW_SECONDS
        await burst(engine, 4)
        async with engine.connect() as connection:
            query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            backends |= set((await connection.execute(text(query))).scalars())
    assert len(backends) == 4


async def test_whoever_waits_for_a_connection_gets_it_while_the_pool_shrinks(engine: AsyncEngine, clock: list[float]) -> None:
    async def work(number: int) -> int:
        async with engine.connect() as connection:
            clock[0] += shrinking_pool.WINDOW_SECONDS
            return int((await connection.execute(text(f"SELECT {number}"))).scalar_one())

    async with asyncio.timeout(60):
        assert await asyncio.gather(*map(work, range(60))) == list(range(60))
    assert await use(engine) <= SIZE


async def test_a_transaction_goes_on_while_others_end(engine: AsyncEngine, clock: list[float]) -> None:
    async with engine.begin() as working:
        await working.execute(text("CREATE TABLE kept (id int)"))
        await burst(engine, SIZE - 1)
        clock[0] += 2 * shrinking_pool.WINDOW_SECONDS
        for _ in range(SIZE):
            await use(engine)
        await working.execute(text("INSERT INTO kept VALUES (1)"))
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT id FROM kept"))).scalars().all() == [1]


async def test_nobody_waits_for_a_connection_that_is_being_closed(engine: AsyncEngine, clock: list[float]) -> None:
    closing, gate = asyncio.Event(), asyncio.Event()

    @event.listens_for(engine.sync_engine.pool, "close")
    def slowly(*_: Any) -> None:
        closing.set()
        await_only(gate.wait())

    await burst(engine, SIZE)
    clock[0] += 2 * shrinking_pool.WINDOW_SECONDS
    leaving = asyncio.create_task(use(engine))
    try:
        await asyncio.wait_for(closing.wait(), 60)
        await asyncio.wait_for(burst(engine, SIZE), 60)
    finally:
        gate.set()
        await leaving


async def test_what_is_urgent_opens_one_more_rather_than_wait_and_leaves_the_pool_as_it_was(engine: AsyncEngine) -> None:
    waiting: list[int] = []

    async def wait() -> None:
        waiting.append(await use(engine))

    async def urgent() -> int:
        shrinking_pool.URGENT.set(True)
        return await use(engine)

    async with AsyncExitStack() as stack:
        for _ in range(SIZE):
            await stack.enter_async_context(engine.connect())
        others = [asyncio.create_task(wait()) for _ in range(3)]
        for _ in range(5):
            async with asyncio.timeout(60):
                assert await asyncio.create_task(urgent()) == SIZE + 1
        assert waiting == []
    await asyncio.gather(*others)
    assert max(waiting) <= SIZE
    await burst(engine, SIZE)
    assert await use(engine) <= SIZE


async def test_what_is_urgent_takes_what_lies_ready(engine: AsyncEngine) -> None:
    shrinking_pool.URGENT.set(True)
    assert await use(engine) == await use(engine) == 1
    async with engine.connect():
        assert await use(engine) == 2
