"""A relay of the first service over a bus in memory that remembers what it was given, and fails as it is told."""

import asyncio
from collections.abc import Sequence

from coffer_chassis.bus import Outgoing
from coffer_chassis.bus_memory import MemoryBus
from coffer_chassis.outbox import Relay
from coffer_chassis.topology import Topology
from factories.eventing import Store, two_services

TOPOLOGY = two_services("relay")


class RecordingBus(MemoryBus):
    """The bus in memory, which also remembers what it was given, fails as it is told, and can be held up at its gate."""

    def __init__(self, topology: Topology = TOPOLOGY) -> None:
        super().__init__(topology)
        self.given: list[Outgoing] = []
        self.calls = 0
        self.refuses: set[str] = set()
        self.breaks_on: set[str] = set()
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def publish(self, topic: str, messages: Sequence[Outgoing]) -> frozenset[str]:
        """See Bus."""
        self.calls += 1
        await self.gate.wait()
        if self.away or self.breaks_on.intersection(message.id for message in messages):
            raise ConnectionError("the broker is away")
        taken = [message for message in messages if message.id not in self.refuses]
        await super().publish(topic, taken)
        self.given += taken
        return frozenset(message.id for message in messages if message.id in self.refuses)

    @property
    def ids(self) -> list[str]:
        """Ids of what was published, in that order."""
        return [message.id for message in self.given]


def relay_of(store: Store, bus: RecordingBus, *, urgent: bool = False) -> Relay:
    """The relay of one process, or the one of what is urgent."""
    return Relay(store.work, bus, topic=TOPOLOGY.services[0].topic, service="first", urgent=urgent)


async def running(relay: Relay) -> tuple[asyncio.Event, asyncio.Task[None]]:
    """Let a relay run; what stops it, and what to wait for then."""
    stopping = asyncio.Event()
    return stopping, asyncio.create_task(relay.run(stopping))
