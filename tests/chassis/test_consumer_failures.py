"""Failures of store and bus under the consumer, one by one and all together: still one effect each."""

import asyncio
import json
import random

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from coffer_chassis import outcomes
from coffer_chassis.handling import Handles, Retry
from coffer_chassis.storage import ObjectStored
from coffer_chassis.testing import eventually
from coffer_chassis.topology import Lane
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import LoginFailedV1
from coffer_contracts.event import Envelope
from factories.consuming import LANE, QUICK, SLOW, Failed, WatchedBus, consuming, once_each
from factories.eventing import PROMISES, Store, count, envelope, failed
from factories.notifications import notification

pytestmark = pytest.mark.slow

both_kinds = pytest.mark.parametrize("slow", [False, True], ids=["quick", "slow"])


@pytest.fixture
def bus() -> WatchedBus:
    return WatchedBus()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed comes back at once."""
    monkeypatch.setattr(outcomes, "RETRY_SECONDS", (0, 0))


@pytest.mark.parametrize("number", [1, 3])
async def test_when_the_commit_fails_the_whole_batch_comes_back(
    store: Store, bus: WatchedBus, at_once: None, number: int
) -> None:
    tries: list[str] = []

    async def promise(event: Failed, unit: Unit, _store: Store) -> None:
        await count(unit, event.subject)
        tries.append(event.id)
        if len(tries) <= number:
            for _ in range(2):
                await unit.connection.execute(PROMISES.insert().values(name="one of its kind"))

    woken: list[bool] = []
    store.wake(lambda: woken.append(True))
    await bus.deliver(*(failed(user) for user in range(number)))
    async with consuming(store, bus, Handles(LoginFailedV1, promise)):
        await eventually(bus.empty)
    assert len(tries) == 2 * number
    assert await store.counts() == once_each(*range(number))
    assert woken == []


@pytest.mark.parametrize("number", [1, 5])
async def test_a_connection_lost_in_the_middle_costs_nothing(store: Store, bus: WatchedBus, at_once: None, number: int) -> None:
    lost: list[int] = []

    async def lose_once(event: Failed, unit: Unit, store: Store) -> None:
        await count(unit, event.subject)
        if not lost:
            pid = (await unit.connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            lost.append(pid)
            async with store.work.read() as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})

    await bus.deliver(*(failed(user) for user in range(number)))
    async with consuming(store, bus, Handles(LoginFailedV1, lose_once)):
        await eventually(bus.empty)
    assert lost
    assert await store.counts() == once_each(*range(number))


async def test_a_connection_lost_while_messages_are_done_one_by_one_makes_no_dead_letters(store: Store, at_once: None) -> None:
    bus = WatchedBus(Lane(LANE.queue, LANE.reads, max_receives=1))
    tries: dict[str, int] = {}

    async def fail_then_lose(event: Failed, unit: Unit, store: Store) -> None:
        await count(unit, event.subject)
        tries[event.subject] = tries.get(event.subject, 0) + 1
        if event.data == failed(0):
            raise ValueError("ours")
        if tries[event.subject] == 2 and max(tries.values()) == 2 and sum(tries.values()) < 8:
            pid = (await unit.connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            async with store.work.read() as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})

    await bus.deliver(*(failed(user) for user in range(5)))
    async with consuming(store, bus, Handles(LoginFailedV1, fail_then_lose)):
        await eventually(bus.empty)
    assert [message.attributes["dead-class"] for message in await bus.dead()] == ["ValueError"]
    assert await store.counts() == once_each(*range(1, 5))


async def test_a_message_that_always_breaks_the_commit_dies_alone(store: Store, at_once: None) -> None:
    bus = WatchedBus(Lane(LANE.queue, LANE.reads, max_receives=2))

    async def promise(event: Failed, unit: Unit, _store: Store) -> None:
        await count(unit, event.subject)
        if event.data == failed(0):
            for _ in range(2):
                await unit.connection.execute(PROMISES.insert().values(name="one of its kind"))

    await bus.deliver(*(failed(user) for user in range(4)))
    async with consuming(store, bus, Handles(LoginFailedV1, promise)):
        await eventually(bus.empty)
    assert [message.attributes["dead-class"] for message in await bus.dead()] == ["IntegrityError"]
    assert await store.counts() == once_each(1, 2, 3)


async def test_a_message_whose_statement_always_takes_too_long_dies_alone(store: Store, store_url: str, at_once: None) -> None:
    engine = create_async_engine(store_url, connect_args={"command_timeout": 2})
    bus = WatchedBus(Lane(LANE.queue, LANE.reads, max_receives=2))

    async def take_long(event: Failed, unit: Unit, _store: Store) -> None:
        await count(unit, event.subject)
        if event.data == failed(0):
            await unit.connection.execute(text("SELECT pg_sleep(30)"))

    await bus.deliver(*(failed(user) for user in range(4)))
    try:
        async with consuming(Store(engine), bus, Handles(LoginFailedV1, take_long)):
            await eventually(bus.empty, within_seconds=60)
    finally:
        await engine.dispose()
    (dead,) = await bus.dead()
    assert (dead.attributes["dead-class"], dead.attributes["dead-receives"]) == ("TooSlow", "2")
    assert await store.counts() == once_each(1, 2, 3)


@both_kinds
async def test_when_deleting_fails_the_message_comes_back_and_changes_nothing(
    store: Store, bus: WatchedBus, slow: bool
) -> None:
    bus.breaks = {"delete": 1}
    await bus.deliver(failed(1))

    async def deleting_failed() -> bool:
        return bus.breaks == {"delete": 0}

    async with consuming(store, bus, SLOW if slow else QUICK):
        await eventually(deleting_failed)
        await bus.set_visibility(LANE.queue, {bus.received[0].receipt: 0})
        await eventually(bus.empty)
    assert [message.receives for message in bus.received] == [1, 2]
    assert await store.counts() == once_each(1)


STORAGE = Lane("second-storage", storage_prefixes=("blobs/",))


@both_kinds
async def test_every_object_of_a_notification_is_counted_once_however_they_are_bundled(store: Store, slow: bool) -> None:
    async def on_stored(event: Envelope[ObjectStored], unit: Unit, _store: Store) -> None:
        await count(unit, event.data.key)

    async def on_stored_slowly(event: Envelope[ObjectStored], store: Store) -> None:
        async with store.work.unit(cause=event, consumer=STORAGE.queue) as unit:
            await on_stored(event, unit, store)

    bus = WatchedBus(STORAGE)
    for keys in (("blobs/a",), ("blobs/a", "blobs/b", "blobs/c"), ("blobs/a", "blobs/b")):
        await bus.send(STORAGE.queue, json.dumps(notification(*keys)), {})
    await bus.send(STORAGE.queue, json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}), {})
    await bus.send(STORAGE.queue, envelope(failed()).to_json(), {})
    async with consuming(store, bus, Handles(ObjectStored, on_stored_slowly if slow else on_stored, slow=slow)):
        await eventually(bus.empty)
    assert await store.counts() == {"blobs/a": 1, "blobs/b": 1, "blobs/c": 1}
    assert [letter.attributes["dead-class"] for letter in await bus.dead()] == ["Unreadable"]


@pytest.mark.parametrize("seed", range(3))
async def test_two_consumers_of_one_queue_and_every_kind_of_failure_still_count_once(
    store: Store, at_once: None, seed: int
) -> None:
    chance = random.Random(seed)
    users = range(60)

    async def moody(event: Failed, unit: Unit, _store: Store) -> None:
        await count(unit, event.subject)
        match chance.randrange(8):
            case 0:
                raise RuntimeError("a bug")
            case 1:
                raise Retry("not now", after_seconds=0)
            case 2:
                await unit.connection.execute(text("SELECT 1 / 0"))
            case 3:
                await asyncio.sleep(0)

    bus = WatchedBus(Lane(LANE.queue, LANE.reads, max_receives=1000), reorder=True, seed=seed, hides_for_seconds=1)
    await bus.deliver(*(failed(user) for user in users), copies=2)
    bus.breaks = {"delete": 3, "set_visibility": 2}
    row = Handles(LoginFailedV1, moody)
    async with consuming(store, bus, row), consuming(store, bus, row):
        await eventually(bus.empty, within_seconds=60)
    assert await store.counts() == once_each(*users)
