"""Dead letters: collected into a table that outlives the broker, browsed, sent again, given up."""

import asyncio
from collections.abc import Mapping

import pytest
from sqlalchemy import update

from coffer_chassis.bus import QueueMissing
from coffer_chassis.dead_letters import RECEIVED_TOO_OFTEN, drain, drop, redrive, waiting
from coffer_chassis.handling import Reject
from coffer_chassis.testing import eventually
from coffer_chassis.topology import Lane
from factories.consuming import LANE, QUICK, WatchedBus, consuming, failing, once_each
from factories.eventing import TABLES, Store, failed


@pytest.fixture
def bus() -> WatchedBus:
    return WatchedBus()


async def bury(store: Store, bus: WatchedBus) -> None:
    """Let user 1's message be rejected."""
    await bus.deliver(failed(1))
    async with consuming(store, bus, failing(lambda: Reject("not like this"))):
        await eventually(bus.empty)


async def test_a_rejected_message_becomes_a_row_that_says_why(store: Store, bus: WatchedBus) -> None:
    await bury(store, bus)
    assert await drain(store.work, bus, LANE) == 1
    (letter,) = await waiting(store.work)
    (message,) = bus.received[:1]
    assert (letter.queue, letter.type, letter.body) == (LANE.queue, failed().type, message.body)
    assert (letter.reason, letter.error_class, letter.handler) == ("not like this", "Reject", "count_or_fail")
    assert (letter.message_id, letter.receives, letter.dead_at) == (message.message_id, 1, store.clock.now())
    assert letter.attributes == message.attributes
    assert await drain(store.work, bus, LANE) == 0


async def test_a_message_received_too_often_becomes_a_row_too(store: Store) -> None:
    lane = Lane(LANE.queue, LANE.reads, max_receives=1)
    bus = WatchedBus(lane)
    await bus.deliver(failed(1))
    (poison,) = await bus.receive(LANE.queue, limit=1, wait_seconds=1)
    await bus.set_visibility(LANE.queue, {poison.receipt: 0})
    assert await bus.receive(LANE.queue, limit=1, wait_seconds=0) == []
    assert await drain(store.work, bus, lane) == 1
    (letter,) = await waiting(store.work)
    assert (letter.reason, letter.error_class, letter.handler) == (RECEIVED_TOO_OFTEN, None, None)


async def test_a_letter_found_twice_is_one_row(store: Store, bus: WatchedBus) -> None:
    attributes = {"type": failed().type, "dead-reason": "no", "dead-message": "message-7"}
    for _ in range(3):
        await bus.send(LANE.dead_queue, "{}", attributes)
    assert await drain(store.work, bus, LANE) == 3
    await bus.send(LANE.dead_queue, "{}", attributes)
    await drain(store.work, bus, LANE)
    assert len(await waiting(store.work)) == 1


async def test_a_crash_before_deleting_from_the_queue_makes_no_second_row(store: Store) -> None:
    bus = WatchedBus()
    bus._queue(LANE.dead_queue).visibility_seconds = 0.05
    await bury(store, bus)
    bus.breaks = {"delete": 1}
    with pytest.raises(ConnectionError):
        await drain(store.work, bus, LANE)

    async def taken_again() -> int:
        return await drain(store.work, bus, LANE)

    assert await eventually(taken_again) == 1
    assert len(await waiting(store.work)) == 1


async def test_a_strangers_letter_does_not_stop_the_collection(store: Store, bus: WatchedBus) -> None:
    await bus.send(LANE.dead_queue, "no json", {"dead-receives": "many", "odd": "Grüße"})
    assert await drain(store.work, bus, LANE) == 1
    (letter,) = await waiting(store.work)
    assert (letter.body, letter.type, letter.receives, letter.attributes) == ("no json", None, 1, {"odd": "Grüße"})


async def test_collects_more_than_one_batch(store: Store, bus: WatchedBus) -> None:
    for number in range(123):
        await bus.send(LANE.dead_queue, str(number), {})
    assert await drain(store.work, bus, LANE) == 123
    assert len(await waiting(store.work, limit=5)) == 5
    assert len(await waiting(store.work)) == 123


async def test_a_redriven_letter_is_handled_once_and_no_longer_waits(store: Store, bus: WatchedBus) -> None:
    await bury(store, bus)
    await drain(store.work, bus, LANE)
    (letter,) = await waiting(store.work)
    assert await redrive(store.work, bus, letter.id)
    assert not await redrive(store.work, bus, letter.id)
    assert not await drop(store.work, letter.id)
    assert await waiting(store.work) == []
    async with consuming(store, bus, QUICK):
        await eventually(bus.empty)
    assert await store.counts() == once_each(1)


async def test_a_redriven_letter_that_dies_again_is_a_new_row(store: Store, bus: WatchedBus) -> None:
    await bury(store, bus)
    await drain(store.work, bus, LANE)
    (first,) = await waiting(store.work)
    await redrive(store.work, bus, first.id)
    async with consuming(store, bus, failing(lambda: Reject("still not"))):
        await eventually(bus.empty)
    await drain(store.work, bus, LANE)
    (second,) = await waiting(store.work)
    assert (second.id != first.id, second.reason) == (True, "still not")
    assert not any(name.startswith("dead-") for name in second.attributes)


async def test_a_redrive_that_fails_leaves_the_letter_waiting(store: Store, bus: WatchedBus) -> None:
    await bury(store, bus)
    await drain(store.work, bus, LANE)
    (letter,) = await waiting(store.work)
    async with store.engine.begin() as connection:
        await connection.execute(update(TABLES.dead_letters).values(queue="gone"))
    with pytest.raises(QueueMissing):
        await redrive(store.work, bus, letter.id)
    assert [row.id for row in await waiting(store.work)] == [letter.id]


async def test_a_redrive_sent_but_not_marked_has_one_effect(store: Store, bus: WatchedBus) -> None:
    await bury(store, bus)
    await drain(store.work, bus, LANE)
    (letter,) = await waiting(store.work)
    await redrive(store.work, bus, letter.id)
    async with store.engine.begin() as connection:
        await connection.execute(update(TABLES.dead_letters).values(redriven_at=None))
    await redrive(store.work, bus, letter.id)
    async with consuming(store, bus, QUICK):
        await eventually(bus.empty)
    assert await store.counts() == once_each(1)


class HeldBus(WatchedBus):
    """Sending waits at a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.sending = 0
        self.gate = asyncio.Event()

    async def send(self, queue: str, body: str, attributes: Mapping[str, str], *, delay_seconds: int = 0) -> None:
        self.sending += 1
        await self.gate.wait()
        await super().send(queue, body, attributes, delay_seconds=delay_seconds)


async def test_of_two_who_redrive_at_once_one_does(store: Store, bus: WatchedBus) -> None:
    await bury(store, bus)
    await drain(store.work, bus, LANE)
    (letter,) = await waiting(store.work)
    held = HeldBus()
    both = [asyncio.create_task(redrive(store.work, held, letter.id)) for _ in range(2)]
    await eventually(store.waits_for_lock)
    held.gate.set()
    assert sorted(await asyncio.gather(*both)) == [False, True]
    assert held.sending == 1


async def test_a_dropped_letter_is_kept_as_a_row_and_can_neither_be_dropped_nor_redriven_again(
    store: Store, bus: WatchedBus
) -> None:
    await bury(store, bus)
    await drain(store.work, bus, LANE)
    (letter,) = await waiting(store.work)
    assert await drop(store.work, letter.id)
    assert not await drop(store.work, letter.id)
    assert not await redrive(store.work, bus, letter.id)
    assert await waiting(store.work) == []
    assert len(await store.rows(TABLES.dead_letters)) == 1


@pytest.mark.parametrize("unknown", ["0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11", "nope", "all"])
async def test_an_unknown_letter_is_no_letter(store: Store, bus: WatchedBus, unknown: str) -> None:
    assert not await redrive(store.work, bus, unknown)
    assert not await drop(store.work, unknown)
