"""What makes a consumer take nothing for a while, and what does not: outages, bad releases, other people's replays."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from coffer_chassis import consumer, fuse, metrics, outcomes
from coffer_chassis.batches import Batches
from coffer_chassis.handling import Handles, Reject
from coffer_chassis.testing import eventually
from coffer_chassis.topology import Lane
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import LoginFailedV1
from coffer_contracts.problems import Unavailable
from factories.consuming import LANE, QUICK, Failed, WatchedBus, consuming, count_it, once_each
from factories.eventing import Store, count, envelope, failed

MANY = 120


@pytest.fixture
def bus() -> WatchedBus:
    return WatchedBus()


@pytest.fixture(autouse=True)
def _not_stopped_yet() -> None:
    metrics.CONSUMER_STOPPED.labels(LANE.queue).set(0)


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuse, "PAUSE_SECONDS", (0.05, 0.1))
    monkeypatch.setattr(outcomes, "RETRY_SECONDS", (0, 0))


def is_stopped() -> bool:
    return bool(metrics.CONSUMER_STOPPED.labels(LANE.queue)._value.get())  # prometheus has no other way to read one


async def stopped() -> bool:
    return is_stopped()


async def test_a_release_that_rejects_everything_buries_a_few_and_leaves_the_queue_alone(store: Store, bus: WatchedBus) -> None:
    async def refuse(_event: Failed, _unit: Unit, _store: Store) -> None:
        raise Reject("this release cannot read it")

    await bus.deliver(*(failed(number) for number in range(MANY)))
    async with consuming(store, bus, Handles(LoginFailedV1, refuse)):
        await eventually(stopped)
        await eventually(bus.quiet)
        left = (await bus.depth(LANE.queue)).waiting
    assert left >= MANY - 80


async def test_a_handler_with_a_bug_stops_its_consumer_and_the_fix_needs_no_redrive(store: Store, bus: WatchedBus) -> None:
    await bus.deliver(*(failed(number) for number in range(MANY)))

    async def always(_event: Failed, _unit: Unit, _store: Store) -> None:
        raise RuntimeError("a bug of this release")

    async with consuming(store, bus, Handles(LoginFailedV1, always)):
        await eventually(stopped)
        await eventually(bus.quiet)
    assert await bus.dead() == []
    for message in bus.received:
        await bus.set_visibility(LANE.queue, {message.receipt: 0})
    async with consuming(store, bus, QUICK):
        await eventually(bus.empty)
    assert await store.counts() == once_each(*range(MANY))
    assert not is_stopped()


@pytest.mark.slow
@pytest.mark.usefixtures("short_pauses")
async def test_it_goes_on_by_itself_once_a_message_succeeds(store: Store) -> None:
    is_broken = True

    async def sometimes(event: Failed, unit: Unit, store: Store) -> None:
        if is_broken:
            raise RuntimeError("not now")
        await count_it(event, unit, store)

    bus = WatchedBus(Lane(LANE.queue, LANE.reads, max_receives=1000))
    await bus.deliver(*(failed(number) for number in range(MANY)))
    async with consuming(store, bus, Handles(LoginFailedV1, sometimes)):
        await eventually(stopped)
        bus.limits.clear()

        async def tried_one() -> bool:
            return 1 in bus.limits

        await eventually(tried_one)
        is_broken = False
        await eventually(bus.empty)
        assert not is_stopped()
    assert await store.counts() == once_each(*range(MANY))
    assert await bus.dead() == []


async def test_bad_files_of_users_never_stop_it(store: Store, bus: WatchedBus) -> None:
    async def verdict(event: Failed, unit: Unit, _store: Store) -> None:
        # What a service decides about a bad file is a result like any other: it is written down and done.
        await count(unit, event.subject)

    await bus.deliver(*(failed(number) for number in range(MANY)))
    async with consuming(store, bus, Handles(LoginFailedV1, verdict)):
        await eventually(bus.empty)
        assert not is_stopped()


async def test_while_the_store_is_away_no_message_is_asked_for(
    store: Store, bus: WatchedBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "RECEIVE_BACK_OFF_SECONDS", (0.01, 0.02))
    monkeypatch.setattr(outcomes, "RETRY_SECONDS", (0, 0))
    asked = 0
    is_away = True

    async def answers(_self: object) -> bool:
        nonlocal asked
        asked += 1
        return not is_away

    async def needs_the_store(event: Failed, unit: Unit, store: Store) -> None:
        if is_away:
            raise DBAPIError("SELECT", {}, ConnectionError("closed"), connection_invalidated=True)
        await count_it(event, unit, store)

    monkeypatch.setattr(Batches, "store_answers", answers)
    await bus.deliver(failed(1))
    async with consuming(store, bus, Handles(LoginFailedV1, needs_the_store)):

        async def asked_often() -> bool:
            return asked > 10

        await eventually(asked_often)
        # A poll that was open already may bring it once more, and no other is begun.
        assert len(bus.received) <= 2
        taken = len(bus.received)
        asked = 0
        await eventually(asked_often)
        assert len(bus.received) == taken
        is_away = False
        await eventually(bus.empty)
    assert len(bus.received) == taken + 1
    assert await store.counts() == once_each(1)


@pytest.mark.slow
@pytest.mark.parametrize("slow", [False, True], ids=["quick", "slow"])
async def test_an_outage_longer_than_all_receives_loses_nothing(
    store: Store, bus: WatchedBus, monkeypatch: pytest.MonkeyPatch, slow: bool
) -> None:
    tries = 0

    async def meet(event: Failed, unit: Unit, _store: Store) -> None:
        nonlocal tries
        await count(unit, event.subject)
        tries += 1
        if tries <= 3 * LANE.max_receives:
            raise Unavailable("the object store is away", retry_after_seconds=0)

    async def meet_slowly(event: Failed, store: Store) -> None:
        async with store.work.unit(cause=event, consumer=LANE.queue) as unit:
            await meet(event, unit, store)

    await bus.deliver(failed(1))
    async with consuming(store, bus, Handles(LoginFailedV1, meet_slowly if slow else meet, slow=slow)):
        await eventually(bus.empty)
    assert tries == 3 * LANE.max_receives + 1
    assert await bus.dead() == []
    assert await store.counts() == once_each(1)


async def test_a_replay_for_another_queue_is_dropped_unread_and_one_for_this_is_handled(store: Store, bus: WatchedBus) -> None:
    for number, queue in ((1, "somebody-else"), (2, LANE.queue)):
        fact = envelope(failed(number))
        await bus.send(LANE.queue, fact.to_json(), {"type": fact.type, "replay": "true", "replayfor": queue})
    await bus.send(LANE.queue, "not even readable", {"replayfor": "somebody-else"})
    async with consuming(store, bus, QUICK):
        await eventually(bus.empty)
    assert await store.counts() == once_each(2)
    assert await bus.dead() == []


async def test_what_no_handler_saw_does_not_start_a_stopped_consumer(
    store: Store, bus: WatchedBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuse, "PAUSE_SECONDS", (0.05, 0.1))
    monkeypatch.setattr(outcomes, "RETRY_SECONDS", (600, 600))

    async def always(_event: Failed, _unit: Unit, _store: Store) -> None:
        raise RuntimeError("a bug of this release")

    await bus.deliver(*(failed(number) for number in range(fuse.LEAST)))
    async with consuming(store, bus, Handles(LoginFailedV1, always)):
        await eventually(stopped)

        async def tries_one() -> bool:
            return bus.limits[-1] == 1

        await eventually(tries_one)
        for _ in range(5):
            await bus.send(LANE.queue, "not for us", {"replayfor": "somebody-else"})

        async def dropped() -> bool:
            return (await bus.depth(LANE.queue)).total == fuse.LEAST

        await eventually(dropped)
        assert is_stopped()


@pytest.mark.parametrize("early", [1.0, 0.98], ids=["in time", "early"])
async def test_a_message_that_waits_for_a_lock_does_not_hold_up_those_behind_it(
    store: Store, bus: WatchedBus, monkeypatch: pytest.MonkeyPatch, early: float
) -> None:
    # uvloop counts in whole milliseconds, so its timers may ring a little too early.
    loop = asyncio.get_running_loop()
    call_later = loop.call_later
    monkeypatch.setattr(loop, "call_later", lambda delay, *rest, **named: call_later(delay * early, *rest, **named))
    async with store.work.engine.begin() as other:
        await count(store.work.unit_on(other, cause=envelope(failed(1))), failed(1).subject)
        await bus.deliver(failed(1))
        async with consuming(store, bus, QUICK):
            await eventually(store.waits_for_lock)
            await bus.deliver(*(failed(number) for number in range(2, 12)))

            async def others_counted() -> bool:
                return len(await store.counts()) == 10

            await eventually(others_counted)
            await other.rollback()
            await eventually(bus.empty)
    assert await store.counts() == once_each(*range(1, 12))


async def test_messages_share_a_transaction_and_their_deletion(store: Store, bus: WatchedBus) -> None:
    deletions: list[int] = []
    delete = bus.delete

    async def counted(queue: str, receipts: list[str]) -> int:
        deletions.append(len(receipts))
        return await delete(queue, receipts)

    bus.delete = counted  # type: ignore[method-assign,assignment]  # watched
    transactions: set[str] = set()

    async def note(event: Failed, unit: Unit, store: Store) -> None:
        await count_it(event, unit, store)
        transactions.add((await unit.connection.execute(text("SELECT pg_current_xact_id()::text"))).scalar_one())

    await bus.deliver(*(failed(number) for number in range(40)))
    async with consuming(store, bus, Handles(LoginFailedV1, note)):
        await eventually(bus.empty)
    assert await store.counts() == once_each(*range(40))
    assert sum(deletions) == 40
    assert len(deletions) <= 6
    assert len(transactions) <= 6
