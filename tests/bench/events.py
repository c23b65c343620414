"""Events through outbox, relay, SNS, SQS, consumer and inbox: how many a second, and how long after the commit one is handled.

Two services in one process, as `make run` has them, each with a store of its own; beside them the bare bus between the
same queues, without any store.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import uvloop
from sqlalchemy.ext.asyncio import create_async_engine

from bench.measures import Row
from coffer_chassis.aws import AwsAccess, open_clients
from coffer_chassis.bus import BATCH, Outgoing
from coffer_chassis.bus_aws import AwsBus
from coffer_chassis.clock import SystemClock
from coffer_chassis.handling import Handles, handler_table
from coffer_chassis.service import Service
from coffer_chassis.topology import Lane, ServiceTopology, Topology
from coffer_chassis.unit_of_work import Unit, Work
from coffer_contracts.auth import LoginFailedV1
from coffer_contracts.event import Envelope
from factories.cloud import running_cloud
from factories.databases import running_postgres
from factories.eventing import FAILED, ORIGIN, TABLES, count, create_store, envelope, failed

EVENTS = 5000
ON_THEIR_WAY = 400
"""At most: the local cloud looks through all that waits at every call, which AWS does not."""
SUBJECTS = 50
PER_COMMIT = 10
SINGLES = 200
BUSY_PER_SECOND = 60
WAIT_SECONDS = 20
PATIENCE_SECONDS = 120
TOPOLOGY = Topology(
    "bench", (ServiceTopology("first"), ServiceTopology("second", (Lane("second-fast", {"first-events": (FAILED,)}),)))
)


@dataclass
class Reader:
    """Deps of the second service: when each event was committed, and how long after that its handler began."""

    committed: dict[str, float] = field(default_factory=dict)
    handled: dict[str, float] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def seconds(self) -> list[float]:
        """Of every event whose handler ran."""
        return [self.handled[event_id] - at for event_id, at in self.committed.items() if event_id in self.handled]


async def on_failed(event: Envelope[LoginFailedV1], unit: Unit, reader: Reader) -> None:
    """One statement, as most quick handlers have at least."""
    reader.handled[event.id] = time.perf_counter()
    reader.news.set()
    await count(unit, event.subject)


@dataclass
class Pair:
    """The two running services."""

    first: Service
    reader: Reader
    bus: AwsBus

    async def emit(self, number: int, first: int = 0) -> None:
        """Commit some events in one unit."""
        async with self.first.work.unit(ORIGIN) as unit:
            ids = [unit.emit(failed((first + one) % SUBJECTS), sequence=first + one + 1) for one in range(number)]
        now = time.perf_counter()
        self.reader.committed |= dict.fromkeys(ids, now)

    async def fewer_on_their_way_than(self, number: int) -> None:
        """Wait until that is so. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.reader.committed) - len(self.reader.handled) >= number:
                self.reader.news.clear()
                await self.reader.news.wait()

    async def all_handled(self) -> None:
        """Wait until nothing is on its way. Raises TimeoutError."""
        await self.fewer_on_their_way_than(1)


@asynccontextmanager
async def _pair(urls: tuple[str, str], access: dict[str, AwsAccess]) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        reader, services = Reader(), []
        for part, url, deps in zip(TOPOLOGY.services, urls, (None, reader), strict=True):
            engine = create_async_engine(url, pool_size=10, max_overflow=0)
            stack.push_async_callback(engine.dispose)
            clients = await stack.enter_async_context(
                open_clients(access[part.service], receivers=len(part.lanes), wait_seconds=WAIT_SECONDS)
            )
            work = Work(engine, TABLES, source=f"/{part.service}", clock=SystemClock())
            tables = {lane.queue: handler_table([Handles(LoginFailedV1, on_failed)]) for lane in part.lanes}
            services.append(Service(part, work, AwsBus(clients), deps, None, tables, wait_seconds=1))
        stopping = asyncio.Event()
        running = [asyncio.create_task(service.run_background(stopping)) for service in services]
        try:
            yield Pair(services[0], reader, services[1].bus)  # type: ignore[arg-type]  # made above
        finally:
            stopping.set()
            await asyncio.gather(*running)


async def _throughput(urls: tuple[str, str], access: dict[str, AwsAccess]) -> float:
    async with _pair(urls, access) as pair:
        await pair.emit(1)
        await pair.all_handled()
        began = time.perf_counter()
        for start in range(0, EVENTS, PER_COMMIT):
            await pair.emit(PER_COMMIT, start)
            await pair.fewer_on_their_way_than(ON_THEIR_WAY)
        await pair.all_handled()
        return EVENTS / (time.perf_counter() - began)


async def _latency(urls: tuple[str, str], access: dict[str, AwsAccess], per_second: float) -> list[float]:
    async with _pair(urls, access) as pair:
        for _ in range(3):
            await pair.emit(1)
            await pair.all_handled()
        pair.reader.committed.clear()
        pair.reader.handled.clear()
        began = time.perf_counter()
        for number in range(SINGLES):
            await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))
            await pair.emit(1)
        await pair.all_handled()
        return pair.reader.seconds()


async def _bare(access: dict[str, AwsAccess]) -> tuple[float, list[float]]:
    """The same messages by the clients alone: how many a second in batches, and how long one takes."""
    async with AsyncExitStack() as stack:
        buses = [
            AwsBus(await stack.enter_async_context(open_clients(access[name], receivers=1, wait_seconds=1)))
            for name in ("first", "second")
        ]
        fact = envelope(failed(1))
        message = Outgoing(fact.id, fact.to_json(), {"type": fact.type, "id": fact.id})

        async def take(number: int) -> None:
            while number > 0:
                found = await buses[1].receive("second-fast", limit=BATCH, wait_seconds=1)
                await buses[1].delete("second-fast", [one.receipt for one in found])
                number -= len(found)

        took = []
        for _ in range(50):
            taking = asyncio.create_task(take(1))
            await asyncio.sleep(0.05)
            began = time.perf_counter()
            await buses[0].publish("first-events", [message])
            await taking
            took.append(time.perf_counter() - began)
        began = time.perf_counter()
        for _ in range(EVENTS // ON_THEIR_WAY):
            taking = asyncio.create_task(take(ON_THEIR_WAY))
            for _ in range(ON_THEIR_WAY // BATCH):
                await buses[0].publish("first-events", [message] * BATCH)
            await taking
        return EVENTS // ON_THEIR_WAY * ON_THEIR_WAY / (time.perf_counter() - began), took


def events() -> list[Row]:
    """Throughput, and latency on an idle system and at BUSY_PER_SECOND events a second."""
    with running_postgres() as postgres, running_cloud() as cloud:
        access = cloud.provision(TOPOLOGY)
        urls = (create_store(postgres), create_store(postgres))
        rate = uvloop.run(_throughput(urls, access))
        idle = uvloop.run(_latency(urls, access, 5))
        busy = uvloop.run(_latency(urls, access, BUSY_PER_SECOND))
        bare_rate, bare = uvloop.run(_bare(access))
    what = "commit to handler through outbox, SNS, SQS, inbox"
    return [
        Row(
            f"events through outbox, SNS, SQS, inbox to a one-statement handler, {EVENTS:,} with {ON_THEIR_WAY} on their way",
            f"{rate:,.0f}/s",
            f"{bare_rate:,.0f}/s: the same messages by the AWS clients alone, in batches of {BATCH}",
            f"{rate / bare_rate:.2f}",
        ),
        _latency_row(f"{what}, idle, p50 / p99 of {SINGLES}", idle, bare),
        _latency_row(f"{what}, {BUSY_PER_SECOND} events a second, p50 / p99 of {SINGLES}", busy, bare),
    ]


def _latency_row(what: str, took: list[float], bare: list[float]) -> Row:
    (p50, p99), (bare50, bare99) = (
        (statistics.median(some) * 1000, statistics.quantiles(some, n=100)[98] * 1000) for some in (took, bare)
    )
    reference = f"{bare50:.1f} / {bare99:.1f} ms: publish to delete by the AWS clients alone"
    return Row(what, f"{p50:.1f} / {p99:.1f} ms", reference, f"{p50 / bare50:.1f} / {p99 / bare99:.1f}")
