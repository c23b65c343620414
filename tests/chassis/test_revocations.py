"""The deny list on a real store: told twice, out of order and too late, seen by other processes, kept over a restart."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import MetaData

from coffer_chassis.identity import LEEWAY
from coffer_chassis.ids import new_id
from coffer_chassis.revocations import WHOLE_EVERY, DenyList, forget_before, load, remember, revocations_table
from coffer_chassis.testing import eventually
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
        assert (await load(connection, REVOCATIONS, now)).ends == [(session_id, now + LIFE * 2)]


async def test_told_twice_at_once_makes_one_row(store: Store, denied: DenyList) -> None:
    session_id = new_id()
    await asyncio.gather(*(note(store, denied, session_id) for _ in range(4)))
    assert len(await store.rows(REVOCATIONS)) == 1


async def test_a_row_counts_as_long_as_a_token_would_be_accepted_and_then_goes(store: Store) -> None:
    session_id, until = new_id(), store.clock.now() + LIFE
    async with store.engine.begin() as connection:
        await remember(connection, REVOCATIONS, session_id, until)
        assert (await load(connection, REVOCATIONS, until + LEEWAY - timedelta(seconds=1))).ends == [(session_id, until)]
        assert (await load(connection, REVOCATIONS, until + LEEWAY)).ends == []
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


async def test_a_look_takes_over_what_is_new_and_leaves_the_rest(store: Store, denied: DenyList) -> None:
    old, new = new_id(), new_id()
    await note(store, denied, old)
    now = store.clock.now()

    async def only_what_is_new(mark: str) -> list[str]:
        async with store.work.read() as connection:
            return [session_id for session_id, _ in (await load(connection, REVOCATIONS, now, after=mark)).ends]

    async def past_it() -> str | None:
        """A mark from which it is no news; what others have open in other databases of the server may delay that."""
        async with store.work.read() as connection:
            mark = (await load(connection, REVOCATIONS, now)).mark
        return mark if await only_what_is_new(mark) == [] else None

    mark = await eventually(past_it)
    assert mark is not None
    await note(store, denied, new)
    assert await only_what_is_new(mark) == [new]
    await note(store, denied, old, LIFE * 2)
    assert sorted(await only_what_is_new(mark)) == sorted([old, new])


async def test_an_end_that_was_long_in_coming_to_be_committed_is_not_missed(store: Store, denied: DenyList) -> None:
    other, late, early = another_process(store), new_id(), new_id()
    async with store.engine.begin() as connection:
        await remember(connection, REVOCATIONS, late, store.clock.now() + LIFE)
        await note(store, denied, early)
        for _ in range(3):
            await other.refresh()
        assert early in other.revocations
        assert late not in other.revocations
    await other.refresh()
    assert late in other.revocations


async def test_now_and_then_the_whole_list_is_taken_over_for_a_store_that_counts_anew(store: Store, denied: DenyList) -> None:
    other, session_id = another_process(store), new_id()
    await other.refresh()
    await note(store, denied, session_id)
    other._mark = str(2**31 - 5)  # as of a store that was further on
    for _ in range(WHOLE_EVERY):
        await other.refresh()
    assert session_id in other.revocations
