"""Rounds of replays: after a crash, by several relays, while the broker is away, and in nobody's way."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from coffer_chassis import replaying, replays
from coffer_chassis.bus import Outgoing
from coffer_chassis.replaying import LEASE_SECONDS, RETRY_SECONDS, replay_round, replayer
from coffer_chassis.testing import eventually
from factories.eventing import TABLES, Store, failed
from factories.relaying import RecordingBus, relay_of
from factories.replaying import TOPIC, now, run, sent, start


@pytest.fixture
def bus() -> RecordingBus:
    return RecordingBus()


async def test_it_goes_on_where_it_was_after_a_restart(store: Store, bus: RecordingBus) -> None:
    ids = await sent(store, bus, 7)
    replay = await start(store, rate=4)
    await replay_round(store.work, bus, TOPIC)
    restarted = RecordingBus()
    await run(store, restarted)
    assert bus.ids + restarted.ids == ids
    assert (await now(store, replay)).sent == 7


async def test_a_crash_in_the_middle_of_a_slice_sends_that_slice_again(
    store: Store, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await sent(store, bus, 4)
    replay = await start(store, rate=4)

    async def dies(*_: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as crash:
        crash.setattr(replaying, "_give_back", dies)
        with pytest.raises(asyncio.CancelledError):
            await replay_round(store.work, bus, TOPIC)
    assert bus.ids == ids[:2]
    assert await replay_round(store.work, bus, TOPIC) == 0, "it is leased still"
    store.clock.advance(seconds=LEASE_SECONDS)
    await run(store, bus)
    assert bus.ids == [*ids[:2], *ids]
    done = await now(store, replay)
    assert (done.state, done.sent) == ("done", 4)


async def test_who_comes_back_after_its_lease_changes_nothing(store: Store, bus: RecordingBus) -> None:
    ids = await sent(store, bus, 4)
    replay = await start(store, rate=4)
    late = RecordingBus()
    late.gate.clear()
    slow = asyncio.create_task(replay_round(store.work, late, TOPIC))

    async def publishing() -> bool:
        return late.calls > 0

    await eventually(publishing)
    store.clock.advance(seconds=LEASE_SECONDS + 1)
    await run(store, bus)
    late.gate.set()
    await slow
    done = await now(store, replay)
    assert (bus.ids, done.state, done.sent) == (ids, "done", 4)


async def test_two_relays_share_and_go_no_faster_with_one(store: Store, bus: RecordingBus) -> None:
    await sent(store, bus, 20)
    await start(store, rate=4)
    assert sorted(await asyncio.gather(*(replay_round(store.work, bus, TOPIC) for _ in range(4)))) == [0, 0, 0, 2]
    await start(store, rate=4)
    store.clock.advance(seconds=1)
    assert sorted(await asyncio.gather(*(replay_round(store.work, bus, TOPIC) for _ in range(2)))) == [2, 2]


async def test_rows_that_are_forgotten_meanwhile_are_missing(store: Store, bus: RecordingBus) -> None:
    ids = await sent(store, bus, 6)
    replay = await start(store, rate=4)
    await replay_round(store.work, bus, TOPIC)
    async with store.engine.begin() as connection:
        await connection.execute(delete(TABLES.outbox).where(TABLES.outbox.c.id.in_([ids[0], ids[3], ids[5]])))
    await run(store, bus)
    done = await now(store, replay)
    assert (done.state, done.sent, done.missing) == ("done", 4, 2)
    assert bus.ids == [ids[0], ids[1], ids[2], ids[4]]


async def test_what_the_broker_never_takes_is_skipped_and_in_nobodys_way(store: Store, bus: RecordingBus) -> None:
    ids = await sent(store, bus, 3)
    async with store.engine.begin() as connection:
        broken = update(TABLES.outbox).where(TABLES.outbox.c.id == ids[1])
        await connection.execute(broken.values(body="a control character: \x01"))
    replay = await start(store)
    await run(store, bus)
    done = await now(store, replay)
    assert (bus.ids, done.sent, done.skipped, done.missing) == ([ids[0], ids[2]], 2, 1, 0)


async def test_while_the_broker_is_away_it_says_so_and_waits(store: Store, bus: RecordingBus) -> None:
    ids = await sent(store, bus, 2)
    replay = await start(store)
    bus.away = True
    assert await replay_round(store.work, bus, TOPIC) == 0
    assert "the broker is away" in str((await now(store, replay)).last_error)
    bus.away = False
    assert await replay_round(store.work, bus, TOPIC) == 0
    store.clock.advance(seconds=RETRY_SECONDS)
    await run(store, bus)
    done = await now(store, replay)
    assert (bus.ids, done.state, done.last_error) == (ids, "done", None)


async def test_a_slice_of_which_one_was_not_taken_is_sent_again_whole(store: Store, bus: RecordingBus) -> None:
    ids = await sent(store, bus, 2)
    replay = await start(store)
    bus.refuses = {ids[1]}
    assert await replay_round(store.work, bus, TOPIC) == 0
    bus.refuses.clear()
    await run(store, bus)
    assert bus.ids == [ids[0], *ids]
    assert (await now(store, replay)).sent == 2


class SlowForReplays(RecordingBus):
    """Replays wait at the gate, live events pass."""

    async def publish(self, topic: str, messages: Sequence[Outgoing]) -> frozenset[str]:
        if not any("replay" in message.attributes for message in messages):
            self.given += messages
            return frozenset()
        return await super().publish(topic, messages)


async def test_live_events_wait_for_no_replay(store: Store) -> None:
    bus = SlowForReplays()
    await sent(store, bus, 100)
    await start(store)
    bus.gate.clear()
    on_its_way = asyncio.create_task(replay_round(store.work, bus, TOPIC))

    async def publishing() -> bool:
        return bus.calls > 0

    await eventually(publishing)
    (live,) = await store.emit(failed(7))
    assert await relay_of(store, bus).drain() == 1
    assert bus.ids == [live]
    bus.gate.set()
    await on_its_way


async def test_the_loop_begins_when_it_is_told_and_ends_when_it_is_told(
    store: Store, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "POLL_SECONDS", 3600)
    ids = await sent(store, bus, 3)
    rounds, stopping = replayer(store.work, bus, topic=TOPIC), asyncio.Event()
    store.wake(rounds.poke, replays.REPLAYS)
    running = asyncio.create_task(rounds.run(stopping))
    await start(store)

    async def all_sent() -> bool:
        return bus.ids == ids

    await eventually(all_sent)
    stopping.set()
    await asyncio.wait_for(running, 60)


async def test_the_loop_outlives_a_store_that_fails(store: Store, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "BACK_OFF_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(replaying, "POLL_SECONDS", 0.02)
    real, failures = replaying.next_due, [OSError("the store is away")]

    async def fails_once(work: Any) -> datetime | None:
        if failures:
            raise failures.pop()
        return await real(work)

    monkeypatch.setattr(replaying, "next_due", fails_once)
    ids = await sent(store, bus)
    await start(store)
    stopping = asyncio.Event()
    running = asyncio.create_task(replayer(store.work, bus, topic=TOPIC).run(stopping))

    async def all_sent() -> bool:
        return bus.ids == ids

    await eventually(all_sent)
    stopping.set()
    await asyncio.wait_for(running, 60)


async def test_they_are_listed_newest_first_and_forgotten_in_time(store: Store, bus: RecordingBus) -> None:
    await sent(store, bus)
    made = []
    for _ in range(3):
        made.append(await start(store))
        store.clock.advance(seconds=1)
    await run(store, bus)
    running = await start(store)
    async with store.engine.begin() as connection:
        assert [one.id for one in await replays.page(connection, TABLES, None, 10)] == [
            one.id for one in (running, *reversed(made))
        ]
        after = (made[2].created_at, made[2].id)
        assert [one.id for one in await replays.page(connection, TABLES, after, 1)] == [made[1].id]
        assert await replays.count_running(connection, TABLES) == 1
        assert await replays.forget_ended_before(connection, TABLES, store.clock.now() + timedelta(seconds=1)) == 3
        assert await replays.find(connection, TABLES, "nope") is None
