"""Sending again what was sent, and forgetting it: on demand, and after the broker lost everything."""

import asyncio
import time
from datetime import timedelta

import pytest

from coffer_chassis.broker import EpochWatch, begin_epoch, epoch, mark_drained
from coffer_chassis.dead_letters import drop, redrive, waiting
from coffer_chassis.outbox import backlog, forget_sent_before, republish
from factories.eventing import CREATED, TABLES, Store, created, failed
from factories.operators import letter
from factories.relaying import RecordingBus, relay_of


@pytest.fixture
def bus() -> RecordingBus:
    return RecordingBus()


async def test_republishing_sends_the_same_ids_again_and_says_so(store: Store, bus: RecordingBus) -> None:
    ids = await store.emit(failed(1), created(2))
    relay = relay_of(store, bus)
    await relay.drain()
    async with store.engine.begin() as connection:
        assert await republish(connection, TABLES, since=None) == 2
    assert await relay.drain() == 2
    assert sorted(bus.ids) == sorted(ids * 2)
    assert ["replay" in sent.attributes for sent in bus.given] == [False, False, True, True]


async def test_republishing_can_be_narrowed(store: Store, bus: RecordingBus) -> None:
    clock = store.clock
    start = clock.now()
    relay = relay_of(store, bus)
    for event in (failed(1), created(1), failed(2)):
        await store.emit(event)
        await relay.drain()
        clock.advance(minutes=1)
    minute = timedelta(minutes=1)
    async with store.engine.begin() as connection:
        assert await republish(connection, TABLES, since=None, types=[CREATED]) == 1
        assert await republish(connection, TABLES, since=None, types=[CREATED]) == 0
        assert await republish(connection, TABLES, since=start + minute, until=start + 2 * minute) == 0
        assert await republish(connection, TABLES, since=None, subject=failed(2).subject) == 1
        assert await republish(connection, TABLES, since=start + minute) == 0
        assert await republish(connection, TABLES, since=start, until=start + minute) == 1


async def test_a_broker_that_lost_everything_is_given_what_was_sent_since_it_was_last_empty(
    store: Store, bus: RecordingBus
) -> None:
    clock = store.clock
    relay = relay_of(store, bus)
    consumed = await store.emit(failed(1))
    await relay.drain()
    clock.advance(seconds=1)
    await mark_drained(store.work, clock.now())
    clock.advance(seconds=1)
    lost = await store.emit(failed(2))
    await relay.drain()
    bus.given.clear()
    assert await begin_epoch(store.work) == 1
    assert await epoch(store.work) == 1
    assert await relay.drain() == 1
    assert bus.ids == lost
    assert await begin_epoch(store.work) == 1
    assert consumed[0] not in bus.ids


async def test_a_broker_that_was_never_seen_empty_is_given_everything_again(store: Store, bus: RecordingBus) -> None:
    relay = relay_of(store, bus)
    ids = await store.emit(failed(1), failed(2))
    await relay.drain()
    assert await epoch(store.work) == 0
    assert await begin_epoch(store.work) == 2
    await relay.drain()
    assert sorted(bus.ids) == sorted(ids * 2)


async def test_letters_that_were_redriven_into_a_lost_broker_wait_again(store: Store, bus: RecordingBus) -> None:
    async def away(*_: object, **__: object) -> None:
        """Takes everything and keeps nothing."""

    bus.send = away  # type: ignore[method-assign]  # for this bus only
    early, late, dropped = [await letter(store, number) for number in range(3)]
    assert await redrive(store.work, bus, early, by="shell/root")
    store.clock.advance(seconds=1)
    await mark_drained(store.work, store.clock.now())
    store.clock.advance(seconds=1)
    assert await redrive(store.work, bus, late, by="shell/root")
    assert await drop(store.work, dropped)
    await begin_epoch(store.work)
    assert [(row.id, row.settled_by) for row in await waiting(store.work)] == [(late, None)]


async def test_what_a_relay_is_just_sending_when_the_broker_is_lost_is_sent_again(store: Store, bus: RecordingBus) -> None:
    await store.emit(failed(1))
    bus.gate.clear()
    round_under_way = asyncio.create_task(relay_of(store, bus).drain())
    deadline = time.monotonic() + 10
    while not bus.calls:
        assert time.monotonic() < deadline, "nothing was published"
        await asyncio.sleep(0.01)
    beginning = asyncio.create_task(begin_epoch(store.work))
    while not (beginning.done() or await store.waits_for_lock()):
        assert time.monotonic() < deadline, "the epoch neither began nor waited"
        await asyncio.sleep(0.01)
    bus.gate.set()
    assert await round_under_way == 1
    assert await beginning == 1
    assert await store.unsent() == 1


async def test_sent_rows_are_forgotten_in_time_and_unsent_ones_never(store: Store, bus: RecordingBus) -> None:
    clock = store.clock
    await store.emit(failed(1))
    await relay_of(store, bus).drain()
    clock.advance(days=8)
    (kept,) = await store.emit(failed(2))
    async with store.engine.begin() as connection:
        assert await forget_sent_before(connection, TABLES, clock.now()) == 1
        assert await forget_sent_before(connection, TABLES, clock.now()) == 0
        assert (await backlog(connection, TABLES)) == (1, clock.now())
    assert [row.id for row in await store.rows(TABLES.outbox)] == [kept]


async def test_a_process_notices_an_epoch_that_another_one_began(store: Store) -> None:
    recovered: list[int] = []
    failures = [RuntimeError("the bucket is away")]

    async def recover() -> None:
        if failures:
            raise failures.pop()
        recovered.append(await epoch(store.work))

    await begin_epoch(store.work)
    watch = EpochWatch(store.work, recover)
    await watch.look()
    await watch.look()
    assert recovered == []
    await begin_epoch(store.work)
    with pytest.raises(RuntimeError, match="away"):
        await watch.look()
    for _ in range(2):
        await watch.look()
    assert recovered == [2]
