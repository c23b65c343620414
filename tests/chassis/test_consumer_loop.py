"""The consumer's loop: how it stops, how much it takes in hand, and how it outlives a broker that fails."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from coffer_chassis import consumer
from coffer_chassis.batches import Batches
from coffer_chassis.bus import BATCH, Incoming
from coffer_chassis.handling import Handles
from coffer_chassis.testing import eventually
from coffer_chassis.topology import Lane
from coffer_contracts.auth import LoginFailedV1
from factories.consuming import LANE, QUICK, SLOW, Failed, WatchedBus, consuming, count_it_slowly, failing, once_each
from factories.eventing import Store, failed


class Gate:
    """A slow handler that waits until it is let through."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.inside = 0
        self.most_inside = 0
        self.row = Handles(LoginFailedV1, self.run, slow=True)

    async def run(self, event: Failed, store: Store) -> None:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            await self.open.wait()
            await count_it_slowly(event, store)
        finally:
            self.inside -= 1

    def holds(self, number: int) -> Callable[[], Awaitable[bool]]:
        async def probe() -> bool:
            return self.inside == number

        return probe


class LateBus(WatchedBus):
    """Its polls stay open until let go, and then bring what there is; they know whether they were cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = asyncio.Event()
        self.polling = asyncio.Event()
        self.cancelled = False

    async def receive(self, queue: str, *, limit: int, wait_seconds: float) -> list[Incoming]:
        self.polling.set()
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return await super().receive(queue, limit=limit, wait_seconds=wait_seconds)


@pytest.fixture
def bus() -> WatchedBus:
    return WatchedBus()


async def test_a_stop_awaits_the_open_poll_and_gives_back_what_it_brings(store: Store) -> None:
    bus = LateBus()
    async with consuming(store, bus, QUICK) as stopping:
        await bus.polling.wait()
        stopping.set()
        await bus.deliver(failed(1), failed(2))
        bus.let_go.set()
    assert not bus.cancelled
    assert await store.counts() == {}
    depth = await bus.depth(LANE.queue)
    assert (depth.waiting, depth.in_flight) == (2, 0)


async def test_what_cannot_be_given_back_is_left_to_its_visibility(store: Store) -> None:
    bus = LateBus()
    bus.breaks = {"set_visibility": 1}
    async with consuming(store, bus, QUICK) as stopping:
        await bus.polling.wait()
        stopping.set()
        await bus.deliver(failed(1))
        bus.let_go.set()
    assert (await bus.depth(LANE.queue)).in_flight == 1


async def test_a_stop_finishes_what_is_in_hand(store: Store, bus: WatchedBus) -> None:
    gate = Gate()
    await bus.deliver(failed(1), failed(2))
    async with consuming(store, bus, gate.row) as stopping:
        await eventually(gate.holds(2))
        stopping.set()
        gate.open.set()
    assert await bus.empty()
    assert await store.counts() == once_each(1, 2)


async def test_a_stop_while_every_slot_is_taken_asks_for_nothing_more(store: Store, bus: WatchedBus) -> None:
    gate = Gate()
    await bus.deliver(*(failed(number) for number in range(5)))
    async with consuming(store, bus, gate.row, slots=2) as stopping:
        await eventually(gate.holds(2))
        stopping.set()
        gate.open.set()
    assert len(bus.received) == 2
    assert len(await store.counts()) == 2


async def test_never_has_more_in_hand_than_its_slots_and_asks_for_no_more(store: Store, bus: WatchedBus) -> None:
    gate = Gate()
    await bus.deliver(*(failed(number) for number in range(20)))
    async with consuming(store, bus, gate.row, slots=7):
        await eventually(gate.holds(7))
        await eventually(bus.quiet)
        gate.open.set()
        await eventually(bus.empty)
    assert gate.most_inside == 7
    assert max(bus.limits) == 7
    assert await store.counts() == once_each(*range(20))


async def test_one_slow_message_does_not_hold_up_the_others(store: Store, bus: WatchedBus) -> None:
    gate = Gate()

    async def slow_for_one(event: Failed, store: Store) -> None:
        if event.data == failed(1):
            await gate.run(event, store)
        else:
            await count_it_slowly(event, store)

    await bus.deliver(*(failed(number) for number in range(12)))
    async with consuming(store, bus, Handles(LoginFailedV1, slow_for_one, slow=True), slots=4):

        async def others_counted() -> bool:
            return len(await store.counts()) == 11

        await eventually(others_counted)
        assert gate.inside == 1
        gate.open.set()


@pytest.mark.slow
async def test_what_takes_long_stays_hidden_from_others(store: Store) -> None:
    bus = WatchedBus(Lane(LANE.queue, LANE.reads, visibility_seconds=3))
    gate = Gate()
    await bus.deliver(failed(1))
    async with consuming(store, bus, gate.row):

        async def extended_for_longer_than_it_was_hidden() -> bool:
            return len(bus.hidden) > 4

        await eventually(extended_for_longer_than_it_was_hidden, within_seconds=60)
        assert await bus.receive(LANE.queue, limit=1, wait_seconds=0) == []
        gate.open.set()
    assert set(bus.hidden) == {3}
    assert len(bus.received) == 1


@pytest.mark.slow
async def test_a_heartbeat_that_fails_is_tried_again(store: Store) -> None:
    bus = WatchedBus(Lane(LANE.queue, LANE.reads, visibility_seconds=1))
    bus.breaks = {"set_visibility": 1}
    gate = Gate()
    await bus.deliver(failed(1))
    async with consuming(store, bus, gate.row):

        async def extended() -> bool:
            return bool(bus.hidden)

        await eventually(extended)
        gate.open.set()
    assert await bus.empty()


async def test_outlives_a_broker_that_fails_to_answer(store: Store, bus: WatchedBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "RECEIVE_BACK_OFF_SECONDS", (0.001, 0.01))
    bus.breaks = {"receive": 5}
    await bus.deliver(failed(1))
    async with consuming(store, bus, QUICK):
        await eventually(bus.empty)
    assert await store.counts() == once_each(1)


async def test_a_stop_does_not_wait_for_the_pause_after_a_failure(
    store: Store, bus: WatchedBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "RECEIVE_BACK_OFF_SECONDS", (3600, 3600))
    bus.breaks = {"receive": 1}
    async with consuming(store, bus, QUICK):

        async def failed_once() -> bool:
            return bus.breaks == {"receive": 0}

        await eventually(failed_once)


@pytest.mark.parametrize("slow", [False, True], ids=["quick", "slow"])
async def test_a_handler_that_is_cancelled_frees_its_slot_and_its_message_comes_back(store: Store, slow: bool) -> None:
    bus = WatchedBus(hides_for_seconds=0.1)
    tries: list[int] = []

    def cancel_first() -> BaseException:
        tries.append(1)
        return asyncio.CancelledError() if len(tries) == 1 else ValueError("tried again")

    await bus.deliver(failed(1))
    async with consuming(store, bus, failing(cancel_first, slow=slow), slots=1):
        await bus.deliver(failed(2))

        async def both_tried() -> bool:
            return await store.counts() == once_each(2) and len(tries) == 2

        await eventually(both_tried)


async def test_a_fault_outside_of_handlers_neither_ends_the_loop_nor_keeps_the_slot(
    store: Store, bus: WatchedBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(consumer, "settle", broken)
        patch.setattr(Batches, "apply", broken)
        await bus.deliver(failed(1))
        async with consuming(store, bus, QUICK, slots=1):

            async def taken() -> bool:
                return len(bus.received) == 1 and len(bus.limits) > 1

            await eventually(taken)
            patch.undo()
            await bus.deliver(failed(2))

            async def second_counted() -> bool:
                return await store.counts() == once_each(2)

            await eventually(second_counted)


async def test_lingers_after_a_sparse_batch_so_that_the_next_one_fills(store: Store, bus: WatchedBus) -> None:
    await bus.deliver(failed(1))
    async with consuming(store, bus, QUICK, linger_seconds=3600):
        await eventually(bus.empty)
        await bus.deliver(failed(2))
        await eventually(bus.quiet)
    assert await store.counts() == once_each(1)


async def test_does_not_linger_while_there_is_a_backlog(store: Store, bus: WatchedBus) -> None:
    await bus.deliver(*(failed(number) for number in range(2 * BATCH + BATCH // 2)))
    async with consuming(store, bus, QUICK, linger_seconds=3600):
        await eventually(bus.empty)
    assert len(await store.counts()) == 2 * BATCH + BATCH // 2


async def test_leaves_no_task_behind(store: Store, bus: WatchedBus) -> None:
    before = asyncio.all_tasks()
    await bus.deliver(failed(1), failed(2))
    async with consuming(store, bus, SLOW):
        await eventually(bus.empty)
    assert asyncio.all_tasks() <= before
