"""Wake-ups between processes, on a real store: two ends with connections of their own stand for two processes."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from coffer_chassis import outbox, wakeups
from coffer_chassis.handling import Handles
from coffer_chassis.outbox import Relay
from coffer_chassis.testing import eventually
from coffer_chassis.unit_of_work import Unit
from coffer_chassis.wakeups import OUTBOX, Wakeups
from coffer_contracts.auth import LoginFailedV1
from factories.consuming import Failed, WatchedBus, consuming
from factories.eventing import COUNTERS, ORIGIN, PROMISES, Store, failed, user_id
from factories.relaying import TOPOLOGY, RecordingBus
from factories.relaying import running as relaying

STREAM = "stream"
STOP_SECONDS = 10


class End:
    """One process's end, and what it heard."""

    def __init__(self, engine: AsyncEngine, service: str = "first", *topics: str) -> None:
        self.wakeups = Wakeups(engine, service)
        self.heard: Counter[str] = Counter()
        self.topics = topics or (STREAM,)
        for topic in self.topics:
            self.wakeups.on(topic, lambda topic=topic: self.heard.update([topic]))  # type: ignore[misc]  # bound here

    async def has_heard(self, times: int = 1, topic: str = STREAM) -> None:
        async def enough() -> bool:
            return self.heard[topic] >= times

        await eventually(enough)


@asynccontextmanager
async def running(*ends: End) -> AsyncIterator[asyncio.Event]:
    """Both ends connected, and what they missed before forgotten."""
    stopping = asyncio.Event()
    tasks = [asyncio.create_task(end.wakeups.run(stopping)) for end in ends]
    try:
        for end in ends:
            for topic in end.topics:
                await end.has_heard(topic=topic)
            end.heard.clear()
        yield stopping
    finally:
        stopping.set()
        await asyncio.wait_for(asyncio.gather(*tasks), STOP_SECONDS)


async def backends(store: Store) -> list[int]:
    """Which backends serve wake-ups."""
    query = text(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'coffer-first-wakeups' AND datname = current_database()"
    )
    async with store.work.read() as connection:
        return list((await connection.execute(query)).scalars())


async def test_what_is_told_in_one_process_is_heard_in_it_at_once_and_in_others_soon(store: Store) -> None:
    here, there = End(store.engine), End(store.engine)
    async with running(here, there):
        here.wakeups.tell(STREAM)
        assert here.heard[STREAM] == 1
        await there.has_heard()
        there.wakeups.tell(STREAM)
        await here.has_heard(2)


async def test_a_process_does_not_hear_itself_twice(store: Store) -> None:
    here, there = End(store.engine), End(store.engine)
    async with running(here, there):
        here.wakeups.tell(STREAM)
        await there.has_heard()
        # An answer on the same connection comes after everything that was sent before.
        there.wakeups.tell(STREAM)
        await here.has_heard(2)
    assert (here.heard[STREAM], there.heard[STREAM]) == (2, 2)


async def test_topics_and_services_are_told_apart(store: Store) -> None:
    here, there = End(store.engine, "first", "a", "b"), End(store.engine, "first", "a", "b")
    stranger = End(store.engine, "second", "a", "b")
    async with running(here, there, stranger):
        here.wakeups.tell("b")
        await there.has_heard(topic="b")
        there.wakeups.tell("b")
        await here.has_heard(2, "b")
    assert (here.heard["a"], there.heard["a"], stranger.heard.total()) == (0, 0, 0)


async def test_what_follows_a_topic_is_told_to_others_even_when_the_first_is_done_here(store: Store) -> None:
    here, there = End(store.engine, "first", OUTBOX, STREAM), End(store.engine, "first", OUTBOX, STREAM)
    here.wakeups.on(OUTBOX, lambda: None, enough=True)
    here.wakeups.follow(OUTBOX, STREAM)
    async with running(here, there):
        here.wakeups.tell(OUTBOX)
        assert (here.heard[OUTBOX], here.heard[STREAM]) == (1, 1)
        await there.has_heard(topic=STREAM)
    assert there.heard[OUTBOX] == 0


async def test_a_thousand_tells_are_a_handful_of_notifications(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeups, "DEBOUNCE_SECONDS", 3600)
    here, there = End(store.engine), End(store.engine)
    async with running(here, there):
        here.wakeups.tell(STREAM)
        await there.has_heard()
        for _ in range(1000):
            here.wakeups.tell(STREAM)
            await asyncio.sleep(0)
        assert (here.heard[STREAM], there.heard[STREAM]) == (1001, 1)
    # What was told last still left when the process stopped.
    assert there.heard[STREAM] <= 2


async def test_what_was_told_just_before_the_stop_is_still_heard(store: Store) -> None:
    here, there = End(store.engine), End(store.engine)
    async with running(there):
        async with running(here) as stopping:
            here.wakeups.tell(STREAM)
            stopping.set()
        await there.has_heard()


async def test_a_lost_connection_is_made_again_and_counts_as_something_missed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeups, "BACK_OFF_SECONDS", (0.01, 0.01))
    here, there = End(store.engine), End(store.engine)
    async with running(here, there):
        for pid in await backends(store):
            async with store.work.read() as connection:
                await connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        here.wakeups.tell(STREAM)
        await there.has_heard()
        await here.has_heard(2)
        there.heard.clear()
        here.wakeups.tell(STREAM)
        await there.has_heard()


async def test_a_connection_whose_server_froze_is_given_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeups, "PROBE_SECONDS", 0.05)
    monkeypatch.setattr(wakeups, "PATIENCE_SECONDS", 2)
    monkeypatch.setattr(wakeups, "CLOSE_SECONDS", 0.1)
    monkeypatch.setattr(wakeups, "BACK_OFF_SECONDS", (0.01, 0.01))
    end = End(store.engine)

    async def only_its_own() -> list[int]:
        found = await backends(store)
        return found if len(found) == 1 else []

    async with running(end):
        (frozen,) = await eventually(only_its_own)
        os.kill(frozen, signal.SIGSTOP)
        try:
            await end.has_heard()
        finally:
            os.kill(frozen, signal.SIGCONT)


async def test_without_a_store_everyone_here_is_woken_and_the_stop_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeups, "BACK_OFF_SECONDS", (3600, 3600))
    engine = create_async_engine("postgresql+asyncpg://coffer@127.0.0.1:1/nothing")
    end = End(engine)
    stopping = asyncio.Event()
    task = asyncio.create_task(end.wakeups.run(stopping))
    end.wakeups.tell(STREAM)
    assert end.heard[STREAM] == 1
    await asyncio.sleep(0)
    stopping.set()
    await asyncio.wait_for(task, STOP_SECONDS)


@pytest.mark.parametrize("cancelled", [False, True], ids=["told to stop", "cancelled"])
async def test_leaves_no_task_and_no_connection_behind(store: Store, cancelled: bool) -> None:
    before = asyncio.all_tasks()
    end = End(store.engine)
    stopping = asyncio.Event()
    task = asyncio.create_task(end.wakeups.run(stopping))
    await end.has_heard()
    if cancelled:
        task.cancel()
    stopping.set()
    with suppress(asyncio.CancelledError):
        await asyncio.wait_for(task, STOP_SECONDS)

    async def gone() -> bool:
        return not await backends(store) and asyncio.all_tasks() <= before

    await eventually(gone)


async def test_takes_no_connection_of_the_pool_that_requests_use(store: Store) -> None:
    engine = create_async_engine(store.engine.url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    async with engine.connect():
        here, there = End(engine), End(engine)
        async with running(here, there):
            here.wakeups.tell(STREAM)
            await there.has_heard()
    await engine.dispose()


async def test_a_callback_that_fails_harms_neither_the_teller_nor_others(store: Store) -> None:
    def fail() -> None:
        raise RuntimeError("a bug")

    ends = [Wakeups(store.engine, "first") for _ in range(2)]
    heard: list[int] = []
    for number, end in enumerate(ends):
        end.on(STREAM, fail)
        end.on(STREAM, lambda number=number: heard.append(number))  # type: ignore[misc]  # bound here
    stopping = asyncio.Event()
    tasks = [asyncio.create_task(end.run(stopping)) for end in ends]

    async def both_connected() -> bool:
        return set(heard) == {0, 1}

    await eventually(both_connected)
    heard.clear()
    ends[0].tell(STREAM)
    await eventually(both_connected)
    stopping.set()
    await asyncio.gather(*tasks)


async def test_what_strangers_notify_is_ignored(store: Store) -> None:
    here, there = End(store.engine), End(store.engine)
    async with running(here, there):
        async with store.engine.begin() as connection:
            for payload in ("", "nobody's topic", "'; DROP TABLE outbox; --", "ä" * 3000):
                await connection.execute(text("SELECT pg_notify('coffer-first', :payload)"), {"payload": payload})
        here.wakeups.tell(STREAM)
        await there.has_heard()
    assert there.heard == Counter({STREAM: 1})


@pytest.mark.parametrize("topic", ["", "Stream", "two words", "a" * 101, "nul\0", "ä", "-a"])
async def test_refuses_what_is_no_word(store: Store, topic: str) -> None:
    end = Wakeups(store.engine, "first")
    with pytest.raises(ValueError, match="no topic"):
        end.tell(topic)
    with pytest.raises(ValueError, match="no topic"):
        end.on(topic, lambda: None)
    with pytest.raises(ValueError, match="no topic"):
        async with store.work.unit(ORIGIN) as unit:
            unit.wake(topic)


async def test_others_are_left_in_peace_when_this_process_does_all_there_is_to_do(store: Store) -> None:
    here, there = End(store.engine), End(store.engine, "first", "other", STREAM)
    here.wakeups.on("other", lambda: None, enough=True)
    async with running(here, there):
        here.wakeups.tell("other")
        here.wakeups.tell(STREAM)
        await there.has_heard()
    assert there.heard["other"] == 0


async def test_a_unit_wakes_after_its_commit_and_each_topic_once(store: Store) -> None:
    woken: list[asyncio.Task[dict[str, int]]] = []
    store.wake(lambda: woken.append(asyncio.create_task(store.counts())), STREAM)
    async with store.work.unit(ORIGIN) as unit:
        unit.wake(STREAM)
        unit.wake(STREAM)
        await unit.connection.execute(COUNTERS.insert().values(subject="one", times=1))
        assert woken == []
    assert [await task for task in woken] == [{"one": 1}]


async def test_a_unit_that_is_rolled_back_wakes_nobody(store: Store) -> None:
    woken: list[bool] = []
    for topic in (STREAM, OUTBOX):
        store.wake(lambda: woken.append(True), topic)
    with suppress(RuntimeError):
        async with store.work.unit(ORIGIN) as unit:
            unit.wake(STREAM)
            unit.emit(failed(), sequence=1)
            raise RuntimeError
    with suppress(Exception):
        async with store.work.unit(ORIGIN) as unit:
            unit.wake(STREAM)
            for _ in range(2):
                await unit.connection.execute(PROMISES.insert().values(name="refused at the commit"))
    assert woken == []


@pytest.mark.parametrize("number", [1, 4], ids=["alone", "in a batch"])
async def test_a_message_that_fails_in_a_batch_takes_its_wakes_along(store: Store, number: int) -> None:
    bus = WatchedBus()
    woken: Counter[int] = Counter()
    for user in range(1, number + 1):
        store.wake(lambda user=user: woken.update([user]), f"user:{user_id(user)}")  # type: ignore[misc]  # bound here

    async def wake_or_fail(event: Failed, unit: Unit, _store: Store) -> None:
        unit.wake(f"user:{event.data.user_id}")
        if event.data.user_id == user_id(1):
            raise RuntimeError("a bug")

    await bus.deliver(*(failed(user) for user in range(1, number + 1)))
    async with consuming(store, bus, Handles(LoginFailedV1, wake_or_fail)):

        async def one_left() -> bool:
            return bool(bus.hidden) and (await bus.depth(bus.lane.queue)).total == 1

        await eventually(one_left)
    assert woken == Counter(range(2, number + 1))


async def test_a_relay_elsewhere_sends_at_once_what_a_process_without_one_commits(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 3600)
    bus = RecordingBus()
    relay = Relay(store.work, bus, topic=TOPOLOGY.services[0].topic, service="first")
    here, there = End(store.engine), End(store.engine)
    store.work.wakeups = here.wakeups
    there.wakeups.on(OUTBOX, relay.poke, enough=True)
    stopping, run = await relaying(relay)
    async with running(here, there):
        for number in range(3):
            ids = await store.emit(failed(number))

            async def sent(wanted: str = ids[0]) -> bool:
                return wanted in bus.ids

            await eventually(sent)
    stopping.set()
    await asyncio.wait_for(run, STOP_SECONDS)
