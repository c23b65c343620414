"""The relay's loop: when it wakes, how it backs off, and how it ends."""

import asyncio
from collections.abc import Sequence

import pytest

from coffer_chassis import outbox
from coffer_chassis.bus import Outgoing, TopicMissing
from coffer_chassis.outbox import Relay
from coffer_chassis.testing import eventually
from factories.eventing import Store, failed
from factories.relaying import RecordingBus, relay_of, running


@pytest.fixture
def bus() -> RecordingBus:
    return RecordingBus()


async def test_a_poke_sends_at_once(store: Store, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 3600)
    relay = relay_of(store, bus)
    store.wake(relay.poke)
    stopping, run = await running(relay)
    for number in range(3):
        ids = await store.emit(failed(number))

        async def sent(wanted: str = ids[0]) -> bool:
            return wanted in bus.ids

        await eventually(sent, within_seconds=60)
    stopping.set()
    await asyncio.wait_for(run, 60)


async def test_sends_without_a_poke_what_another_process_committed(
    store: Store, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 0.05)
    stopping, run = await running(relay_of(store, bus))
    ids = await store.emit(failed())

    async def sent() -> bool:
        return bus.ids == ids

    await eventually(sent)
    stopping.set()
    await asyncio.wait_for(run, 60)


async def test_takes_along_at_the_end_what_was_committed_last(
    store: Store, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 3600)
    relay = relay_of(store, bus)
    stopping, run = await running(relay)
    ids = await store.emit(failed())
    stopping.set()
    await asyncio.wait_for(run, 60)
    assert bus.ids == ids


async def test_backs_off_while_the_broker_is_away_and_sends_everything_once_it_is_back(
    store: Store, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "BACK_OFF_SECONDS", (0.01, 0.05))
    bus.away = True
    relay = relay_of(store, bus)
    store.wake(relay.poke)
    stopping, run = await running(relay)
    ids = await store.emit(*(failed(number) for number in range(12)))

    async def tried_several_times() -> bool:
        return bus.calls >= 8

    await eventually(tried_several_times)
    assert await store.unsent() == 12
    bus.away = False

    async def all_sent() -> bool:
        return await store.unsent() == 0

    await eventually(all_sent)
    assert sorted(bus.ids) == sorted(ids)
    stopping.set()
    await asyncio.wait_for(run, 60)


async def test_commits_do_not_drive_it_against_a_broker_that_is_away(
    store: Store, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "BACK_OFF_SECONDS", (3600, 3600))
    bus.away = True
    relay = relay_of(store, bus)
    store.wake(relay.poke)
    await store.emit(failed())
    stopping, run = await running(relay)

    async def tried() -> bool:
        return bus.calls == 1

    await eventually(tried)
    for number in range(5):
        await store.emit(failed(number))
    assert bus.calls == 1
    stopping.set()
    await asyncio.wait_for(run, 60)


async def test_ends_when_told_even_if_the_broker_is_away(store: Store, bus: RecordingBus) -> None:
    bus.away = True
    await store.emit(failed())
    stopping, run = await running(relay_of(store, bus))
    stopping.set()
    await asyncio.wait_for(run, 60)
    assert await store.unsent() == 1


@pytest.mark.parametrize("at_once", [True, False], ids=["in the middle of a backlog", "while all is sent"])
async def test_a_stop_does_not_wait_for_a_backlog_without_end(
    store: Store, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    monkeypatch.setattr(outbox, "ROUND", 1)
    monkeypatch.setattr(outbox, "LAST_SECONDS", 0.1, raising=False)
    publish = bus.publish

    async def cause_more(topic: str, messages: Sequence[Outgoing]) -> frozenset[str]:
        refused = await publish(topic, messages)
        if at_once or stopping.is_set():
            await store.emit(failed())
        return refused

    bus.publish = cause_more  # type: ignore[method-assign]  # for this bus only
    await store.emit(failed())
    stopping, run = await running(relay_of(store, bus))

    async def some_sent() -> bool:
        return len(bus.ids) > (2 if at_once else 0)

    await eventually(some_sent)
    bus.gate.clear()
    await store.emit(failed())
    stopping.set()
    bus.gate.set()
    await asyncio.wait_for(run, 60)
    assert await store.unsent() > 0


async def test_a_missing_topic_leaves_the_rows(store: Store, bus: RecordingBus) -> None:
    await store.emit(failed())
    relay = Relay(store.work, bus, topic="nobody-events", service="first")
    with pytest.raises(TopicMissing):
        await relay.drain()
    assert await store.unsent() == 1


@pytest.mark.parametrize("cancelled", [False, True], ids=["told to stop", "cancelled"])
async def test_leaves_no_task_behind(store: Store, bus: RecordingBus, cancelled: bool) -> None:
    before = asyncio.all_tasks()
    stopping, run = await running(relay_of(store, bus))
    await asyncio.sleep(0)
    if cancelled:
        run.cancel()
    else:
        stopping.set()
    await asyncio.wait({run})
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before
