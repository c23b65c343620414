"""A running consumer over a bus in memory that a test can look into and make fail: calm by default, with short polls."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from coffer_chassis import hands
from coffer_chassis.bus import Incoming
from coffer_chassis.bus_memory import MemoryBus
from coffer_chassis.consumer import Consumer
from coffer_chassis.handling import Handles, handler_table
from coffer_chassis.topology import Lane, ServiceTopology, Topology
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import LoginFailedV1
from coffer_contracts.event import Envelope, Event
from factories.eventing import CREATED, FAILED, Store, count, envelope, failed, user_id

LANE = Lane("second-fast", {"first-events": (FAILED, CREATED)})
LONGEST_POLL_SECONDS = 0.02
QUIET_QUESTIONS = 4
STOP_SECONDS = 10
SOON_DELETED_SECONDS = 0.01
"""How long messages that are done wait for others to be deleted with; nearly every test waits for that."""

Failed = Envelope[LoginFailedV1]


class WatchedBus(MemoryBus):
    """One lane of a second service that reads what a first one publishes."""

    def __init__(
        self,
        lane: Lane = LANE,
        *,
        duplicates: float = 0,
        reorder: bool = False,
        seed: int = 0,
        hides_for_seconds: float | None = None,
    ) -> None:
        """`hides_for_seconds` is shorter than a lane can say, for tests that wait for a message to come back."""
        self.lane = lane
        services = (ServiceTopology("first", sends_privately=True), ServiceTopology("second", (lane,)))
        super().__init__(Topology("bucket", services), duplicates=duplicates, reorder=reorder, seed=seed)
        if hides_for_seconds is not None:
            self._queue(lane.queue).visibility_seconds = hides_for_seconds
        self.breaks: dict[str, int] = {}
        """Method (or `bury`) -> how many more calls fail."""
        self.limits: list[int] = []
        """What `receive` was asked for."""
        self._polls_seen = self._unchanged = 0
        self.received: list[Incoming] = []
        self.hidden: list[int] = []
        """Seconds that messages were hidden for."""

    async def deliver(self, *events: Event, copies: int = 1) -> None:
        """Put events on the lane's queue."""
        for event in events:
            fact = envelope(event)
            for _ in range(copies):
                await self.send(self.lane.queue, fact.to_json(), {"type": fact.type, "id": fact.id})

    async def receive(self, queue: str, *, limit: int, wait_seconds: float) -> list[Incoming]:
        self.limits.append(limit)
        self._may_break("receive")
        messages = await super().receive(queue, limit=limit, wait_seconds=min(wait_seconds, LONGEST_POLL_SECONDS))
        self.received += messages
        return messages

    async def delete(self, queue: str, receipts: Sequence[str]) -> int:
        self._may_break("delete")
        return await super().delete(queue, receipts)

    async def set_visibility(self, queue: str, seconds_by_receipt: Mapping[str, int]) -> int:
        self._may_break("set_visibility")
        self.hidden += seconds_by_receipt.values()
        return await super().set_visibility(queue, seconds_by_receipt)

    async def send(self, queue: str, body: str, attributes: Mapping[str, str], *, delay_seconds: int = 0) -> None:
        if queue == self.lane.dead_queue:
            self._may_break("bury")
        await super().send(queue, body, attributes, delay_seconds=delay_seconds)

    async def empty(self) -> bool:
        """Whether the lane's queue holds nothing in any state."""
        return (await self.depth(self.lane.queue)).total == 0

    async def quiet(self) -> bool:
        """Whether nobody has polled for several questions in a row; for `eventually`, which asks every few milliseconds."""
        polls = len(self.limits)
        self._unchanged = self._unchanged + 1 if polls == self._polls_seen else 0
        self._polls_seen = polls
        return self._unchanged >= QUIET_QUESTIONS

    async def dead(self) -> list[Incoming]:
        """Take what lies in the dead-letter queue."""
        return await MemoryBus.receive(self, self.lane.dead_queue, limit=10, wait_seconds=0)

    def _may_break(self, method: str) -> None:
        if self.breaks.get(method):
            self.breaks[method] -= 1
            raise ConnectionError(f"{method} failed")


@asynccontextmanager
async def consuming(
    store: Store, bus: WatchedBus, *rows: Handles, slots: int = 40, linger_seconds: float = 0
) -> AsyncIterator[asyncio.Event]:
    """A consumer of the bus's lane with the store as its deps; told to stop and awaited at the end."""
    stopping = asyncio.Event()
    consumer = Consumer(
        bus.lane,
        handler_table(rows),
        bus=bus,
        work=store.work,
        deps=store,
        slots=slots,
        wait_seconds=1,
        linger_seconds=linger_seconds,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hands, "DELETE_SECONDS", SOON_DELETED_SECONDS)
        running = asyncio.create_task(consumer.run(stopping))
        try:
            yield stopping
        finally:
            stopping.set()
            await asyncio.wait_for(running, STOP_SECONDS)


async def count_it(event: Failed, unit: Unit, _store: Store) -> None:
    """The quick handler: one more for the event's subject."""
    await count(unit, event.subject)


async def count_it_slowly(event: Failed, store: Store) -> None:
    """The slow handler: the same, in a unit of its own."""
    async with store.work.unit(cause=event, consumer=LANE.queue) as unit:
        await count(unit, event.subject)


QUICK = Handles(LoginFailedV1, count_it)
SLOW = Handles(LoginFailedV1, count_it_slowly, slow=True)


def failing(error: Callable[[], BaseException], *, slow: bool = False) -> Handles:
    """A handler that counts, and then fails for user 1."""

    async def count_or_fail(event: Failed, unit: Unit, _store: Store) -> None:
        await count(unit, event.subject)
        if event.data.user_id == user_id(1):
            raise error()

    async def count_or_fail_slowly(event: Failed, store: Store) -> None:
        async with store.work.unit(cause=event, consumer=LANE.queue) as unit:
            await count_or_fail(event, unit, store)

    return Handles(LoginFailedV1, count_or_fail_slowly if slow else count_or_fail, slow=slow)


def once_each(*numbers: int) -> dict[str, int]:
    """What is counted when each of these users' events had its one effect."""
    return {failed(number).subject: 1 for number in numbers}
