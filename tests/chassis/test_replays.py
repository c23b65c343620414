"""Replays of events as they are asked for: marked, narrowed, at a rate, cancelled."""

import asyncio
from datetime import timedelta

import pytest

from coffer_chassis import replaying
from coffer_chassis.replaying import replay_round
from coffer_chassis.replays import Events
from coffer_chassis.testing import eventually
from factories.eventing import CREATED, TABLES, Store, created, failed, user_id
from factories.relaying import RecordingBus, relay_of
from factories.replaying import TOPIC, cancel, now, run, sent, start


@pytest.fixture
def bus() -> RecordingBus:
    return RecordingBus()


async def test_what_is_sent_again_has_its_id_and_says_that_it_is_a_replay(store: Store, bus: RecordingBus) -> None:
    ids = await sent(store, bus, 3)
    replay = await start(store, by="somebody")
    assert (replay.total, replay.state, replay.created_by) == (3, "running", "somebody")
    assert await run(store, bus) == 3
    assert bus.ids == ids
    assert {message.attributes["replay"] for message in bus.given} == {"true"}
    assert {message.attributes["tenant"] for message in bus.given} == {user_id(number) for number in (1, 2, 3)}
    done = await now(store, replay)
    assert (done.state, done.sent, done.skipped, done.missing, done.ended_at) == ("done", 3, 0, 0, store.clock.now())


async def test_the_outbox_row_stays_as_it_was(store: Store, bus: RecordingBus) -> None:
    await sent(store, bus)
    before = await store.rows(TABLES.outbox)
    await start(store)
    await run(store, bus)
    assert await store.rows(TABLES.outbox) == before


async def test_one_for_a_single_consumer_names_it_in_place_of_the_tenant(store: Store, bus: RecordingBus) -> None:
    await sent(store, bus)
    await start(store, Events(consumer="sharing-tree"))
    await run(store, bus)
    (message,) = bus.given
    assert {name: message.attributes.get(name) for name in ("replay", "replayfor", "tenant")} == {
        "replay": "true",
        "replayfor": "sharing-tree",
        "tenant": None,
    }
    assert len(message.attributes) <= 5


async def test_it_can_be_narrowed_by_time_type_and_subject(store: Store, bus: RecordingBus) -> None:
    began = store.clock.now()
    for event in (failed(1), created(1), failed(2)):
        await store.emit(event)
        await relay_of(store, bus).drain()
        store.clock.advance(minutes=1)
    minute = timedelta(minutes=1)
    wanted = {
        Events(types=(CREATED,)): 1,
        Events(subject=failed(2).subject): 1,
        Events(since=began + minute): 2,
        Events(until=began + minute): 1,
        Events(since=began + minute, until=began + 2 * minute, types=(CREATED,)): 1,
        Events(since=began + minute, until=began + 2 * minute, subject=failed(2).subject): 0,
        Events(types=("no.such.type.v1",)): 0,
        Events(): 3,
    }
    for events, count in wanted.items():
        bus.given.clear()
        assert (await start(store, events)).total == count
        assert await run(store, bus) == len(bus.given) == count


async def test_one_about_nothing_is_done_at_once(store: Store, bus: RecordingBus) -> None:
    replay = await start(store, Events(subject="user/nobody"))
    assert (replay.state, replay.total, replay.missing) == ("done", 0, 0)
    assert await replay_round(store.work, bus, TOPIC) == 0


async def test_what_was_not_sent_yet_and_what_is_sent_meanwhile_are_no_part_of_it(store: Store, bus: RecordingBus) -> None:
    ids = await sent(store, bus)
    await store.emit(failed(2))
    replay = await start(store)
    store.clock.advance(seconds=1)
    await relay_of(store, bus).drain()
    bus.given.clear()
    await run(store, bus)
    assert (replay.total, bus.ids) == (1, ids)


async def test_the_rate_is_kept_and_nothing_is_sent_before_its_time(store: Store, bus: RecordingBus) -> None:
    await sent(store, bus, 9)
    began = store.clock.now()
    await start(store, rate=4)
    sizes = []
    while (due := await replaying.next_due(store.work)) is not None:
        assert await replay_round(store.work, bus, TOPIC) == 0 or due <= store.clock.now()
        store.clock.moment = max(store.clock.moment, due)
        sizes.append(await replay_round(store.work, bus, TOPIC))
    assert max(sizes) == 2, "half a second's worth"
    assert len(bus.given) == 9
    assert timedelta(seconds=1.5) <= store.clock.now() - began <= timedelta(seconds=2.5)


async def test_a_slow_one_sends_one_at_a_time(store: Store, bus: RecordingBus) -> None:
    await sent(store, bus, 2)
    began = store.clock.now()
    await start(store, rate=0.1)
    assert await replay_round(store.work, bus, TOPIC) == 1
    assert await replaying.next_due(store.work) == began + timedelta(seconds=10)


@pytest.mark.parametrize("rate", [0, -1, 0.01, 1001, float("nan")])
async def test_a_rate_that_there_cannot_be_is_refused(store: Store, rate: float) -> None:
    with pytest.raises(ValueError, match="a second"):
        await start(store, rate=rate)


@pytest.mark.parametrize("consumer", ["", "two words", "x" * 81, "a;b", "ü", "a\n"])
async def test_a_consumer_that_no_queue_can_be_is_refused(store: Store, consumer: str) -> None:
    with pytest.raises(ValueError, match="no queue"):
        await start(store, Events(consumer=consumer))


async def test_cancelled_in_the_middle_it_sends_no_more(store: Store, bus: RecordingBus) -> None:
    await sent(store, bus, 10)
    replay = await start(store, rate=4)
    await replay_round(store.work, bus, TOPIC)
    assert await cancel(store, replay)
    assert not await cancel(store, replay)
    assert await run(store, bus) == 0
    ended = await now(store, replay)
    assert (ended.state, ended.sent, ended.total, ended.missing, ended.ended_at) == ("cancelled", 2, 10, 0, store.clock.now())


async def test_cancelling_waits_for_no_broker(store: Store, bus: RecordingBus) -> None:
    await sent(store, bus, 5)
    replay = await start(store)
    bus.gate.clear()
    on_its_way = asyncio.create_task(replay_round(store.work, bus, TOPIC))

    async def publishing() -> bool:
        return bus.calls > 0

    await eventually(publishing)
    async with asyncio.timeout(30):
        assert await cancel(store, replay)
    bus.gate.set()
    await on_its_way
    ended = await now(store, replay)
    assert (ended.state, ended.sent) == ("cancelled", 5), "what was on its way is counted"
