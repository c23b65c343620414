"""The bus of chaos keeps what a bus promises, and no more; under one seed it does the same every time."""

import asyncio
from collections import Counter

import pytest

from coffer_chassis.bus import Outgoing
from coffer_chassis.bus_memory import MemoryBus
from coffer_chassis.topology import Lane, ServiceTopology, Topology
from factories.chaos_bus import Broken, ChaosBus
from factories.chaos_fates import Fates

KIND = "first.thing.happened.v1"
LANE = Lane("second-fast", {"first-events": (KIND,)}, visibility_seconds=1, max_receives=1000)
TOPOLOGY = Topology("bucket", (ServiceTopology("first"), ServiceTopology("second", (LANE,))))
MESSAGES = 30


def chaotic(seed: int) -> ChaosBus:
    inner = MemoryBus(TOPOLOGY, duplicates=0, reorder=False)
    inner._queue(LANE.queue).visibility_seconds = 0.05
    return ChaosBus(inner, seed, longest_hidden_seconds=0)


async def relayed(bus: ChaosBus) -> None:
    """Publish as a relay does: whatever was not taken is tried again."""
    waiting = {str(number): Outgoing(str(number), f"message {number}", {"type": KIND}) for number in range(MESSAGES)}
    while waiting:
        batch = list(waiting.values())[:10]
        try:
            failed = await bus.publish("first-events", batch)
        except Broken:
            continue
        for message in batch:
            if message.id not in failed:
                del waiting[message.id]


async def consumed(bus: ChaosBus) -> Counter[str]:
    """Take as a consumer does until nothing is left; how often each message was shown."""
    shown: Counter[str] = Counter()
    while (await bus.depth(LANE.queue)).total or bus._held_back:
        try:
            messages = await bus.receive(LANE.queue, limit=10, wait_seconds=0)
            shown.update(message.body for message in messages)
            await bus.delete(LANE.queue, [message.receipt for message in messages])
        except Broken:
            continue
        await asyncio.sleep(0)
    return shown


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
async def test_everything_that_was_sent_arrives_at_least_once_and_nothing_else_does(seed: int) -> None:
    bus = chaotic(seed)
    await relayed(bus)
    shown = await consumed(bus)
    assert set(shown) == {f"message {number}" for number in range(MESSAGES)}
    assert max(shown.values()) > 1
    assert {"duplicate", "delete forgotten", "fails", "late"} <= set(bus.fates.met)


async def test_a_calm_bus_is_as_good_as_the_one_inside() -> None:
    bus = chaotic(1)
    bus.calm()
    await relayed(bus)
    assert set((await consumed(bus)).values()) == {1}
    assert not bus.fates.met


def drawn(seed: int, *, beside: int) -> list[str]:
    """A plan, with so many calls of another kind between its own."""
    fates = Fates(seed, "part", {"one": 0.3, "two": 0.3})
    found = []
    for _ in range(50):
        found.append(fates.draw("mine"))
        for _ in range(beside):
            fates.draw("theirs")
    return found


def test_the_plan_follows_from_the_seed_whatever_else_happens() -> None:
    assert drawn(1, beside=0) == drawn(1, beside=3)
    assert drawn(1, beside=0) != drawn(2, beside=0)


def test_chances_are_no_more_than_one() -> None:
    with pytest.raises(ValueError, match="more than 1"):
        Fates(1, "part", {"one": 0.6, "two": 0.6})
