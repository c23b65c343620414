"""The unit of work on a real store: everything or nothing, each cause once."""

import asyncio
import json
from collections.abc import Sequence

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.testing import eventually
from coffer_chassis.unit_of_work import EVENT_BYTES, Duplicate, Unit, Work, write_down
from coffer_contracts.catalog import parse
from factories.eventing import COUNTERS, ORIGIN, TABLES, Store, count, created, failed, user_id


class Broken(Exception):
    """A fault of the code inside a unit."""


async def test_rows_and_events_commit_together(store: Store) -> None:
    async with store.work.unit(ORIGIN) as unit:
        await count(unit, "one")
        event_id = unit.emit(failed(), sequence=7)
        async with store.work.engine.connect() as other:
            assert (await other.execute(select(TABLES.outbox))).all() == []
    (row,) = await store.rows(TABLES.outbox)
    assert (row.id, row.type, row.sequence, row.sent_at, row.replay) == (event_id, failed().type, 7, None, False)
    assert await store.counts() == {"one": 1}


async def test_a_unit_that_fails_leaves_nothing(store: Store) -> None:
    async def fail() -> None:
        async with store.work.unit(ORIGIN) as unit:
            await count(unit, "one")
            unit.emit(failed(), sequence=1)
            raise Broken

    with pytest.raises(Broken):
        await fail()
    assert await store.rows(TABLES.outbox) == []
    assert await store.counts() == {}


async def test_a_unit_refused_by_the_store_leaves_nothing_and_wakes_nobody(store: Store) -> None:
    woken: list[bool] = []
    store.wake(lambda: woken.append(True))

    async def break_a_rule() -> None:
        async with store.work.unit(ORIGIN) as unit:
            unit.emit(failed(), sequence=1)
            await unit.connection.execute(COUNTERS.insert().values(subject="one", times=None))

    with pytest.raises(IntegrityError):
        await break_a_rule()
    assert await store.rows(TABLES.outbox) == []
    assert woken == []


async def test_wakes_the_relay_after_the_commit_and_only_when_there_is_something_to_send(store: Store) -> None:
    unsent: list[asyncio.Task[int]] = []
    store.wake(lambda: unsent.append(asyncio.create_task(store.unsent())))
    async with store.work.unit(ORIGIN) as unit:
        await count(unit, "one")
    assert unsent == []
    await store.emit(failed())
    assert [await task for task in unsent] == [1]


async def test_the_envelope_says_who_what_and_why(store: Store) -> None:
    async with store.work.unit(ORIGIN) as unit:
        event_id = unit.emit(failed(3), sequence=42)
    (row,) = await store.rows(TABLES.outbox)
    event = parse(row.body)
    assert event.id == event_id
    assert (event.source, event.type, event.subject) == ("/first", failed().type, f"login/{user_id(3)}")
    assert (event.ownerid, event.partitionkey, event.sequence) == (user_id(3), user_id(3), "000000000042")
    assert (event.actorid, event.actorkind, event.correlationid, event.causationid) == (
        "user/somebody",
        "user",
        "request-1",
        None,
    )
    assert event.time == store.work.clock.now()
    assert event.data == failed(3)
    assert json.loads(row.body)["dataschema"].endswith(f"/{failed().type}.json")


async def test_what_an_event_sets_off_carries_its_correlation_and_names_it_as_cause(store: Store) -> None:
    await store.emit(failed())
    (row,) = await store.rows(TABLES.outbox)
    cause = parse(row.body)
    async with store.work.unit(cause=cause, consumer="queue") as unit:
        unit.emit(created(), sequence=1)
    effect = parse((await store.rows(TABLES.outbox))[1].body)
    assert (effect.correlationid, effect.causationid, effect.actorid) == (cause.correlationid, cause.id, cause.actorid)


async def test_a_cause_has_one_effect_per_consumer(store: Store) -> None:
    await store.emit(failed())
    cause = parse((await store.rows(TABLES.outbox))[0].body)
    for consumer in ("mail", "mail", "feed", "mail"):
        try:
            async with store.work.unit(cause=cause, consumer=consumer) as unit:
                await count(unit, consumer)
        except Duplicate:
            assert consumer == "mail"
    assert await store.counts() == {"mail": 1, "feed": 1}


async def test_a_cause_whose_unit_failed_may_be_tried_again(store: Store) -> None:
    await store.emit(failed())
    cause = parse((await store.rows(TABLES.outbox))[0].body)
    with pytest.raises(Broken):
        async with store.work.unit(cause=cause, consumer="mail"):
            raise Broken
    async with store.work.unit(cause=cause, consumer="mail") as unit:
        await count(unit, "mail")
    assert await store.counts() == {"mail": 1}


async def test_of_two_handling_one_cause_at_once_the_second_waits_and_learns_that_it_is_a_duplicate(store: Store) -> None:
    await store.emit(failed())
    cause = parse((await store.rows(TABLES.outbox))[0].body)

    async def handle() -> None:
        async with store.work.unit(cause=cause, consumer="mail") as unit:
            await count(unit, "mail")

    async with store.work.unit(cause=cause, consumer="mail") as first:
        second = asyncio.create_task(handle())
        await asyncio.create_task(eventually(store.waits_for_lock))
        await count(first, "mail")
    with pytest.raises(Duplicate):
        await second
    assert await store.counts() == {"mail": 1}


async def test_when_the_first_of_two_fails_the_second_takes_over(store: Store) -> None:
    await store.emit(failed())
    cause = parse((await store.rows(TABLES.outbox))[0].body)

    async def handle() -> None:
        async with store.work.unit(cause=cause, consumer="mail") as unit:
            await count(unit, "mail")

    started, fails = asyncio.Event(), asyncio.Event()

    async def fail() -> None:
        async with store.work.unit(cause=cause, consumer="mail"):
            started.set()
            await fails.wait()
            raise Broken

    first = asyncio.create_task(fail())
    await started.wait()
    second = asyncio.create_task(handle())
    await eventually(store.waits_for_lock)
    fails.set()
    with pytest.raises(Broken):
        await first
    await second
    assert await store.counts() == {"mail": 1}


async def test_refuses_an_event_that_is_too_large(store: Store) -> None:
    with pytest.raises(ValueError, match=str(EVENT_BYTES)):
        async with store.work.unit(ORIGIN) as unit:
            unit.emit(failed(agent="x" * EVENT_BYTES), sequence=1)
    assert await store.rows(TABLES.outbox) == []


async def test_takes_any_text_in_an_event(store: Store) -> None:
    hostile = "Grüße \0 \ufffe 🗂 </data>\n" + "\U0010ffff"
    await store.emit(failed(agent=hostile))
    body = (await store.rows(TABLES.outbox))[0].body
    assert body.isascii()
    assert body.isprintable()
    assert parse(body).data == failed(agent=hostile)


@pytest.mark.parametrize("consumer", ["", "mail"])
async def test_refuses_a_unit_that_nothing_set_off(store: Store, consumer: str) -> None:
    with pytest.raises(ValueError, match="origin or a cause"):
        async with store.work.unit(consumer=consumer):
            pass


async def test_refuses_a_cause_without_a_consumer(store: Store) -> None:
    await store.emit(failed())
    cause = parse((await store.rows(TABLES.outbox))[0].body)
    with pytest.raises(ValueError, match="consumer"):
        async with store.work.unit(cause=cause):
            pass


async def test_the_time_of_a_unit_is_the_clocks(store: Store) -> None:
    async with store.work.unit(ORIGIN) as before:
        store.clock.advance(minutes=1)
    async with store.work.unit(ORIGIN) as after:
        assert (after.now - before.now).total_seconds() == 60


async def test_a_unit_or_read_inside_another_is_refused_because_a_busy_pool_would_never_give_it_a_connection(
    store: Store,
) -> None:
    async with store.work.unit(ORIGIN):
        with pytest.raises(RuntimeError, match="inside another"):
            async with store.work.read():
                pass
    async with store.work.read():
        pass


async def test_turns_are_given_in_the_order_they_were_asked_for(store: Store) -> None:
    work = Work(store.work.engine, TABLES, source="/test", clock=store.clock, turns=1)
    order: list[int] = []

    async def ask(number: int) -> None:
        for _ in range(3):
            async with work.read() as connection:
                await connection.execute(select(1))
                order.append(number)

    await asyncio.gather(*(ask(number) for number in range(4)))
    assert order == [0, 1, 2, 3] * 3


async def test_whoever_gets_no_turn_in_time_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coffer_chassis.unit_of_work.TURN_SECONDS", 0.05)
    work = Work(store.work.engine, TABLES, source="/test", clock=store.clock, turns=1)

    async def read() -> None:
        async with work.read():
            pass

    async with work.unit(ORIGIN):
        with pytest.raises(TimeoutError):
            await asyncio.create_task(read())
    await read()


async def test_what_units_ask_to_be_done_together_is_done_once_before_the_commit(store: Store) -> None:
    asked: list[list[int]] = []

    async def step(connection: AsyncConnection, of: Sequence[tuple[Unit, int]]) -> None:
        asked.append([what for _, what in of])
        for unit, what in of:
            assert unit.connection is connection
            unit.emit(failed(), sequence=what)
            unit.wake("things")

    async with store.engine.begin() as connection:
        units = [store.work.unit_on(connection, ORIGIN) for _ in range(2)]
        for number, unit in enumerate([*units, units[0]], 1):
            unit.together(step, number)
        await write_down(connection, TABLES, units)
        await write_down(connection, TABLES, units)
    assert asked == [[1, 3, 2]]
    assert sorted(row.sequence for row in await store.rows(TABLES.outbox)) == [1, 2, 3]
    assert all("things" in unit.topics for unit in units)


async def test_last_steps_come_after_all_others_whoever_asked_first(store: Store) -> None:
    done: list[str] = []

    async def late(_connection: AsyncConnection, _of: Sequence[tuple[Unit, None]]) -> None:
        done.append("late")

    async def early(_connection: AsyncConnection, _of: Sequence[tuple[Unit, None]]) -> None:
        done.append("early")

    async with store.engine.begin() as connection:
        units = [store.work.unit_on(connection, ORIGIN) for _ in range(2)]
        units[0].together(late, None, last=True)
        units[1].together(early, None)
        units[1].together(late, None, last=True)
        await write_down(connection, TABLES, units)
        await write_down(connection, TABLES, units)
    assert done == ["early", "late"]


async def test_a_step_that_fails_undoes_the_unit(store: Store) -> None:
    async def step(_connection: AsyncConnection, _of: Sequence[tuple[Unit, None]]) -> None:
        raise Broken

    async def fail() -> None:
        async with store.work.unit(ORIGIN) as unit:
            await count(unit, "one")
            unit.together(step, None)

    with pytest.raises(Broken):
        await fail()
    assert await store.counts() == {}
