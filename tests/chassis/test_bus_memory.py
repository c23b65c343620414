"""The bus in memory keeps the suite, and is as unkind as AWS may be."""

import pytest

from chassis.bus_suite import BusSuite, Names, message
from coffer_chassis.bus import BATCH, Bus
from coffer_chassis.bus_memory import MemoryBus


class TestMemoryBus(BusSuite):
    @pytest.fixture
    def names(self) -> Names:
        return Names("memory")

    @pytest.fixture
    def bus(self, names: Names) -> Bus:
        return MemoryBus(names.topology)


async def order_of(seed: int) -> list[str]:
    names = Names("memory")
    bus = MemoryBus(names.topology, seed=seed)
    numbered = [message(number=f"{number:02d}") for number in range(BATCH)]
    for _ in range(3):
        await bus.publish(names.topic, numbered)
    seen: list[str] = []
    while messages := await bus.receive(names.both.queue, limit=BATCH, wait_seconds=0):
        seen += [arrived.attributes["number"] for arrived in messages]
    return seen


async def test_delivers_twice_and_out_of_order_by_default() -> None:
    seen = await order_of(1)
    assert len(seen) > 3 * BATCH
    assert seen[:BATCH] != sorted(seen[:BATCH])


async def test_a_seed_makes_a_run_repeatable() -> None:
    assert await order_of(7) == await order_of(7)
    assert await order_of(7) != await order_of(8)
