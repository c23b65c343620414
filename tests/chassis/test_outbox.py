"""What the relay sends, on a real store: nothing lost, nothing held up, nothing twice unless something crashed."""

import asyncio

import pytest
from sqlalchemy import update

from coffer_chassis import outbox
from coffer_chassis.bus import BATCH, BATCH_BYTES, Outgoing
from coffer_chassis.outbox import REFUSED_FOR, ROUND, batches
from coffer_chassis.testing import eventually
from coffer_contracts.catalog import parse
from factories.eventing import FAILED, ORIGIN, TABLES, Store, failed
from factories.relaying import RecordingBus, relay_of


@pytest.fixture
def bus() -> RecordingBus:
    return RecordingBus()


async def test_sends_what_was_committed_once(store: Store, bus: RecordingBus) -> None:
    ids = await store.emit(*(failed(number) for number in range(25)))
    assert await relay_of(store, bus).drain() == 25
    assert sorted(bus.ids) == sorted(ids)
    assert bus.calls == 3
    assert await relay_of(store, bus).drain() == 0
    assert await store.unsent() == 0


async def test_sends_more_than_one_round_holds(store: Store, bus: RecordingBus) -> None:
    ids = await store.emit(*(failed(number) for number in range(ROUND + 1)))
    assert await relay_of(store, bus).drain() == ROUND + 1
    assert sorted(bus.ids) == sorted(ids)


async def test_a_message_is_the_body_of_the_row_with_few_attributes(store: Store, bus: RecordingBus) -> None:
    (event_id,) = await store.emit(failed())
    await relay_of(store, bus).drain()
    (sent,) = bus.given
    assert parse(sent.body).id == event_id
    assert sent.attributes == {"type": FAILED, "id": event_id, "tenant": failed().owner}


async def test_an_empty_outbox_is_no_call(store: Store, bus: RecordingBus) -> None:
    assert await relay_of(store, bus).drain() == 0
    assert bus.calls == 0


def test_batches_are_cut_by_number_and_by_bytes() -> None:
    def sized(number: int, size: int) -> Outgoing:
        return Outgoing(str(number), "x" * size)

    small = [sized(number, 10) for number in range(BATCH * 2 + 1)]
    assert [len(batch) for batch in batches(small)] == [BATCH, BATCH, 1]
    large = [sized(number, BATCH_BYTES // 3) for number in range(7)]
    assert [len(batch) for batch in batches(large)] == [3, 3, 1]
    whole = [sized(number, BATCH_BYTES) for number in range(3)]
    assert [len(batch) for batch in batches(whole)] == [1, 1, 1]
    assert list(batches([])) == []


async def test_only_the_entries_that_failed_are_sent_again_and_later_each_time(store: Store, bus: RecordingBus) -> None:
    clock = store.clock
    ids = await store.emit(*(failed(number) for number in range(12)))
    bus.refuses = {ids[3], ids[11]}
    relay = relay_of(store, bus)
    assert await relay.drain() == 10
    assert await relay.drain() == 0
    clock.advance(seconds=1)
    assert await relay.drain() == 0
    clock.advance(seconds=1)
    calls = bus.calls
    assert await relay.drain() == 0
    assert bus.calls == calls
    bus.refuses = set()
    clock.advance(seconds=1)
    assert await relay.drain() == 2
    assert sorted(bus.ids) == sorted(ids)
    attempts = {row.id: row.attempts for row in await store.rows(TABLES.outbox)}
    assert (attempts[ids[0]], attempts[ids[3]]) == (1, 3)


async def test_a_batch_that_failed_does_not_send_the_others_again(store: Store, bus: RecordingBus) -> None:
    ids = await store.emit(*(failed(number) for number in range(30)))
    bus.breaks_on = {ids[15]}
    relay = relay_of(store, bus)
    with pytest.raises(ConnectionError):
        await relay.drain()
    assert sorted(bus.ids) == sorted(ids[:10] + ids[20:])
    bus.breaks_on = set()
    assert await relay.drain() == 10
    assert sorted(bus.ids) == sorted(ids)


async def test_rows_that_can_never_be_sent_do_not_hold_up_others(store: Store, bus: RecordingBus) -> None:
    clock = store.clock
    ids = await store.emit(*(failed(number) for number in range(4)))
    bodies = {ids[0]: "x" * (BATCH_BYTES + 1), ids[2]: "a\x0bb"}
    async with store.engine.begin() as connection:
        for event_id, body in bodies.items():
            await connection.execute(update(TABLES.outbox).where(TABLES.outbox.c.id == event_id).values(body=body))
    relay = relay_of(store, bus)
    assert await relay.drain() == 2
    assert bus.ids == [ids[1], ids[3]]
    assert await relay.drain() == 0
    assert await store.unsent() == 2
    clock.advance(seconds=REFUSED_FOR.total_seconds())
    assert await relay.drain() == 0
    assert {row.attempts for row in await store.rows(TABLES.outbox) if row.id in bodies} == {2}


async def test_two_relays_at_once_send_everything_once(store: Store, bus: RecordingBus) -> None:
    ids = await store.emit(*(failed(number) for number in range(3 * ROUND)))
    bus.gate.clear()
    relays = [asyncio.create_task(relay_of(store, bus).drain()) for _ in range(3)]

    async def all_publishing() -> bool:
        return bus.calls >= 3 * outbox.IN_FLIGHT

    await eventually(all_publishing)
    bus.gate.set()
    assert sum(await asyncio.gather(*relays)) == 3 * ROUND
    assert sorted(bus.ids) == sorted(ids)
    assert await store.unsent() == 0


async def test_finds_a_row_that_committed_late_below_those_already_sent(store: Store, bus: RecordingBus) -> None:
    relay = relay_of(store, bus)
    async with store.work.unit(ORIGIN) as slow:
        late = slow.emit(failed(1), sequence=1)
        await slow.flush(TABLES)
        early = await asyncio.create_task(store.emit(failed(2)))
        assert await relay.drain() == 1
        assert bus.ids == early
    assert await relay.drain() == 1
    assert bus.ids == [*early, late]
    positions = {row.id: row.position for row in await store.rows(TABLES.outbox)}
    assert positions[late] < positions[early[0]]


async def test_a_crash_between_publishing_and_marking_sends_again_under_the_same_id(
    store: Store, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    (event_id,) = await store.emit(failed())
    with monkeypatch.context() as patch:
        patch.setattr("coffer_chassis.outbox.update", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await relay_of(store, bus).drain()
    assert await relay_of(store, bus).drain() == 1
    assert bus.ids == [event_id, event_id]


async def test_the_time_of_sending_is_taken_after_it_was_sent(store: Store, bus: RecordingBus) -> None:
    clock = store.clock
    await store.emit(failed())
    bus.gate.clear()
    drain = asyncio.create_task(relay_of(store, bus).drain())

    async def publishing() -> bool:
        return bus.calls == 1

    await eventually(publishing)
    clock.advance(minutes=1)
    bus.gate.set()
    await drain
    assert (await store.rows(TABLES.outbox))[0].sent_at == clock.now()
