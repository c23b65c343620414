"""The deny list on a real store: told twice, out of order and too late, seen by other processes, kept over a restart."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import MetaData

from coffer_chassis.identity import LEEWAY
from coffer_chassis.ids import new_id
from coffer_chassis.revocations import DenyList, forget_before, load, remember, revocations_table
from coffer_chassis.unit_of_work import Work
from factories.eventing import ORIGIN, TABLES, Store

METADATA = MetaData()
REVOCATIONS = revocations_table(METADATA)
LIFE = timedelta(minutes=10)


@pytest.fixture(autouse=True)
async def _table(store: Store) -> AsyncIterator[None]:
    async with store.engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    yield
    async with store.engine.begin() as connection:
        await connection.run_sync(METADATA.drop_all)


@pytest.fixture
def denied(store: Store) -> DenyList:
    return DenyList(store.work, REVOCATIONS)


def another_process(store: Store) -> DenyList:
    return DenyList(Work(store.engine, TABLES, source="/first", clock=store.clock), REVOCATIONS)


async def note(store: Store, denied: DenyList, session_id: str, life: timedelta = LIFE) -> None:
    async with store.work.unit(ORIGIN) as unit:
        await denied.note(unit, session_id, unit.now + life)


async def test_the_later_end_counts_whatever_came_first(store: Store) -> None:
    session_id, now = new_id(), store.clock.now()
    for life in (LIFE, LIFE * 2, LIFE):
        async with store.engine.begin() as connection:
            await remember(connection, REVOCATIONS, session_id, now + life)
    async with store.work.read() as connection:
        assert await load(connection, REVOCATIONS, now) == [(session_id, now + LIFE * 2)]


async def test_told_twice_at_once_makes_one_row(store: Store, denied: DenyList) -> None:
    session_id = new_id()
    await asyncio.gather(*(note(store, denied, session_id) for _ in range(4)))
    assert len(await store.rows(REVOCATIONS)) == 1


async def test_a_row_counts_as_long_as_a_token_would_be_accepted_and_then_goes(store: Store) -> None:
    session_id, until = new_id(), store.clock.now() + LIFE
    async with store.engine.begin() as connection:
        await remember(connection, REVOCATIONS, session_id, until)
        assert await load(connection, REVOCATIONS, until + LEEWAY - timedelta(seconds=1)) == [(session_id, until)]
        assert await load(connection, REVOCATIONS, until + LEEWAY) == []
        assert await forget_before(connection, REVOCATIONS, until) == 0
        assert await forget_before(connection, REVOCATIONS, until + timedelta(seconds=1)) == 1
        assert await forget_before(connection, REVOCATIONS, until + timedelta(seconds=1)) == 0


async def test_the_process_that_heard_of_it_refuses_at_once_and_another_one_after_its_next_look(
    store: Store, denied: DenyList
) -> None:
    other, session_id = another_process(store), new_id()
    await other.refresh()
    await note(store, denied, session_id)
    assert session_id in denied.revocations
    assert session_id not in other.revocations
    await other.refresh()
    await other.refresh()
    assert session_id in other.revocations
    assert new_id() not in other.revocations


async def test_a_process_that_starts_later_knows_what_still_counts(store: Store, denied: DenyList) -> None:
    short, long = new_id(), new_id()
    await note(store, denied, short)
    await note(store, denied, long, LIFE * 2)
    store.clock.advance(minutes=15)
    restarted = another_process(store)
    await restarted.refresh()
    assert long in restarted.revocations
    assert len(restarted.revocations) == 1


async def test_what_is_told_after_its_end_leaves_no_trace(store: Store, denied: DenyList) -> None:
    session_id = new_id()
    await note(store, denied, session_id, -LEEWAY)
    assert session_id not in denied.revocations
    assert await store.rows(REVOCATIONS) == []


async def test_a_transaction_that_breaks_takes_back_the_row_but_not_the_fact(store: Store, denied: DenyList) -> None:
    session_id = new_id()

    async def crash() -> None:
        async with store.work.unit(ORIGIN) as unit:
            await denied.note(unit, session_id, unit.now + LIFE)
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        await crash()
    assert await store.rows(REVOCATIONS) == []
    assert session_id in denied.revocations


async def test_forgetting_leaves_what_still_counts(store: Store, denied: DenyList) -> None:
    over, lasting = new_id(), new_id()
    await note(store, denied, over)
    await note(store, denied, lasting, LIFE * 2)
    store.clock.advance(minutes=15)
    assert await denied.forget() == 1
    assert await denied.forget() == 0
    assert [row.session_id for row in await store.rows(REVOCATIONS)] == [lasting]
