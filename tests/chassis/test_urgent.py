"""What is urgent waits for nothing that is not, nothing else waits for it, and whoever reads ends with the newest."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from coffer_chassis import outbox
from coffer_chassis.broker import begin_epoch
from coffer_chassis.bus import Outgoing
from coffer_chassis.outbox import IN_FLIGHT, ROUND, Relay
from coffer_chassis.testing import eventually
from coffer_chassis.wakeups import URGENT
from coffer_contracts.catalog import parse
from factories.eventing import ORIGIN, TABLES, Store, created, failed
from factories.relaying import RecordingBus, relay_of, running

CROWD = 2000
SUBJECTS = 6


@pytest.fixture
def bus() -> RecordingBus:
    return RecordingBus()


async def test_what_is_urgent_is_sent_while_a_crowd_waits_before_it(store: Store, bus: RecordingBus) -> None:
    await store.emit(*(failed(number) for number in range(CROWD)))
    urgent = await store.emit(created(), urgent=True)
    assert await relay_of(store, bus, urgent=True).drain() == 1
    assert bus.ids == urgent
    assert await store.unsent() == CROWD


async def test_it_is_read_from_an_index_of_its_own_however_many_wait(store: Store, bus: RecordingBus) -> None:
    await store.emit(*(failed(number) for number in range(1000)))
    await store.emit(created(), urgent=True)
    due = store.clock.now()
    async with store.engine.begin() as connection:
        await connection.exec_driver_sql("ANALYZE outbox")
        query = "SELECT * FROM outbox WHERE sent_at IS NULL AND {} AND available_at <= '{}' ORDER BY position LIMIT 100"
        plans = [
            "\n".join((await connection.exec_driver_sql(f"EXPLAIN {query} FOR UPDATE SKIP LOCKED".format(kind, due))).scalars())
            for kind in ("urgent", "NOT urgent")
        ]
    assert "outbox_urgent" in plans[0]
    assert "outbox_unsent" in plans[1]
    assert "Sort" not in plans[1]


async def test_it_does_not_wait_for_a_round_that_has_begun_nor_holds_one_up(store: Store, bus: RecordingBus) -> None:
    ids = await store.emit(*(failed(number) for number in range(ROUND)))
    bus.gate.clear()
    crowd = asyncio.create_task(relay_of(store, bus).drain())

    async def publishing() -> bool:
        return bus.calls == IN_FLIGHT

    await eventually(publishing)
    urgent = await store.emit(created(), urgent=True)
    beside = RecordingBus()
    assert await relay_of(store, beside, urgent=True).drain() == 1
    assert beside.ids == urgent
    bus.gate.set()
    assert await crowd == ROUND
    assert sorted(bus.ids) == sorted(ids)


async def test_each_relay_leaves_the_other_its_rows(store: Store, bus: RecordingBus) -> None:
    urgent = await store.emit(created(), urgent=True)
    assert await relay_of(store, bus).drain() == 0
    usual = await store.emit(failed())
    assert await relay_of(store, bus, urgent=True).drain() == 1
    assert await relay_of(store, bus).drain() == 1
    assert bus.ids == [*urgent, *usual]


async def test_the_message_says_so_to_lanes_that_hear_nothing_else(store: Store, bus: RecordingBus) -> None:
    (urgent,) = await store.emit(created(), urgent=True)
    (usual,) = await store.emit(created())
    for is_urgent in (True, False):
        await relay_of(store, bus, urgent=is_urgent).drain()
    assert {message.id: message.attributes.get("urgent") for message in bus.given} == {urgent: "true", usual: None}
    assert all(len(message.attributes) <= 5 for message in bus.given)


async def test_only_what_is_urgent_wakes_its_relay(store: Store) -> None:
    woken: Counter[str] = Counter()
    store.wake(lambda: woken.update(["urgent"]), URGENT)
    store.wake(lambda: woken.update(["all"]))
    await store.emit(failed())
    assert woken == {"all": 1}
    await store.emit(failed(2), created(), urgent=True)
    assert woken == {"all": 2, "urgent": 1}


async def test_a_stream_of_urgent_things_without_end_holds_nothing_else_up(
    store: Store, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 0.01)
    publish = bus.publish
    usual: list[str] = []

    async def cause_more(topic: str, messages: Sequence[Outgoing]) -> frozenset[str]:
        if not set(usual) & set(bus.ids):
            await store.emit(*(created(number) for number in range(20)), urgent=True)
        return await publish(topic, messages)

    bus.publish = cause_more  # type: ignore[method-assign]  # for this bus only
    usual += await store.emit(failed())
    await store.emit(created(), urgent=True)
    relays = [await running(relay_of(store, bus, urgent=urgent)) for urgent in (True, False)]

    async def all_sent() -> bool:
        return await store.unsent() == 0

    await eventually(all_sent)
    for stopping, run in relays:
        stopping.set()
        await asyncio.wait_for(run, 60)
    assert set(usual) <= set(bus.ids)


async def test_after_the_loss_of_the_broker_it_is_sent_first_again_and_is_a_replay_like_any_other(
    store: Store, bus: RecordingBus
) -> None:
    (urgent,) = await store.emit(created(), urgent=True)
    usual = await store.emit(failed())
    relays = [relay_of(store, bus, urgent=is_urgent) for is_urgent in (True, False)]
    for relay in relays:
        await relay.drain()
    bus.given.clear()
    assert await begin_epoch(store.work) == 2
    assert [await relay.drain() for relay in relays] == [1, 1]
    assert bus.ids == [urgent, *usual]
    assert [message.attributes.get("replay") for message in bus.given] == ["true", "true"]
    assert not any("urgent" in message.attributes for message in bus.given)


async def test_a_crash_between_publishing_and_marking_sends_it_again_under_the_same_id(
    store: Store, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    (event_id,) = await store.emit(created(), urgent=True)
    with monkeypatch.context() as patch:
        patch.setattr("coffer_chassis.outbox.update", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await relay_of(store, bus, urgent=True).drain()
    assert await relay_of(store, bus, urgent=True).drain() == 1
    assert bus.ids == [event_id, event_id]


class History:
    """Facts about a few subjects, some of them urgent, as their writers committed them."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        self._store = store
        self._chance = chance
        self.newest: Counter[str] = Counter()
        self.told: dict[str, tuple[str, int, bool]] = {}
        """Id -> subject, sequence, whether it is urgent."""

    async def go_on(self) -> None:
        """A transaction with a few facts more."""
        async with self._store.work.unit(ORIGIN) as unit:
            for _ in range(self._chance.randint(1, 30)):
                fact, urgent = failed(self._chance.randrange(SUBJECTS)), self._chance.random() < 0.2
                self.newest[fact.subject] += 1
                sequence = self.newest[fact.subject]
                self.told[unit.emit(fact, sequence=sequence, urgent=urgent)] = (fact.subject, sequence, urgent)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_one_relay_of_each_kind_keeps_the_order_within_a_subject_for_what_is_as_urgent(
    store: Store, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(outbox, "ROUND", 20)
    monkeypatch.setattr(outbox, "IN_FLIGHT", 1)
    chance = random.Random(seed)
    history = History(store, chance)
    for _ in range(12):
        await history.go_on()
        if chance.random() < 0.5:
            await relay_of(store, bus, urgent=chance.random() < 0.5).drain()
    for urgent in (False, True):
        await relay_of(store, bus, urgent=urgent).drain()
    sent: dict[tuple[str, bool], list[int]] = {}
    for event_id in bus.ids:
        subject, sequence, is_urgent = history.told[event_id]
        sent.setdefault((subject, is_urgent), []).append(sequence)
    assert all(sequences == sorted(sequences) for sequences in sent.values())
    assert Counter(bus.ids) == Counter([*history.told])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
async def test_several_relays_over_a_broker_that_fails_lose_nothing_and_readers_end_with_the_newest(
    store: Store, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(outbox, "ROUND", 20)
    chance = random.Random(seed)
    history, bus = History(store, chance), Failing(chance)

    async def relay(kind: Relay) -> None:
        for _ in range(5):
            try:
                await kind.drain()
            except ConnectionError:
                await asyncio.sleep(0)

    for _ in range(10):
        await history.go_on()
        kinds = [relay_of(store, bus, urgent=urgent) for urgent in (True, True, False, False)]
        await asyncio.gather(history.go_on(), *map(relay, kinds))
        store.clock.advance(seconds=chance.randint(0, 3))
    bus.failures = 0
    store.clock.advance(minutes=10)
    await asyncio.gather(*(relay_of(store, bus, urgent=urgent).drain() for urgent in (True, False)))
    assert await store.unsent() == 0
    assert Counter(bus.ids) == Counter([*history.told]), "everything, and nothing twice: no publish was in doubt"
    known: dict[str, int] = {}
    for message in bus.given:
        fact = parse(message.body)
        known[fact.subject] = max(known.get(fact.subject, 0), fact.revision)
    assert known == history.newest
    assert {row.attempts > 0 for row in await store.rows(TABLES.outbox)} == {True}


class Failing(RecordingBus):
    """Takes nothing of some batches, and some messages of others not."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance
        self.failures = 0.3

    async def publish(self, topic: str, messages: Sequence[Outgoing]) -> frozenset[str]:
        """See Bus."""
        await asyncio.sleep(0)
        if self._chance.random() < self.failures / 2:
            raise ConnectionError("the broker is away")
        self.refuses = {message.id for message in messages if self._chance.random() < self.failures / 2}
        return await super().publish(topic, messages)


async def test_relays_that_share_a_gate_keep_no_more_on_its_way_together_than_one_alone_and_what_is_urgent_goes_past_it(
    store: Store, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.emit(*(failed(number) for number in range(2 * ROUND)))
    taken: list[int] = []
    publish = Relay._publish

    async def note(relay: Relay, rows: Sequence[Any]) -> Any:
        taken.append(len(rows))
        return await publish(relay, rows)

    monkeypatch.setattr(Relay, "_publish", note)
    relays = [relay_of(store, bus) for _ in range(2)]
    relays[1].gate = relays[0].gate
    bus.gate.clear()
    rounds = [asyncio.create_task(relay.drain()) for relay in relays]

    async def both_have_begun() -> bool:
        return (taken, bus.calls) == ([ROUND, ROUND], IN_FLIGHT)

    await eventually(both_have_begun)
    urgent = await store.emit(created(), urgent=True)
    beside = RecordingBus()
    assert await relay_of(store, beside, urgent=True).drain() == 1
    assert (beside.ids, bus.calls) == (urgent, IN_FLIGHT)
    bus.gate.set()
    assert sum(await asyncio.gather(*rounds)) == 2 * ROUND
