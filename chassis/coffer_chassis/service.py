"""One service, put together: its HTTP application, its relay, its consumers and its jobs, run in any combination."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import text

from coffer_chassis import tracing
from coffer_chassis.admin.operations import Operations
from coffer_chassis.broker import EpochWatch
from coffer_chassis.bus import Bus
from coffer_chassis.consumer import Consumer
from coffer_chassis.handling import HandlerTable
from coffer_chassis.health import Check
from coffer_chassis.housekeeping import Job, chassis_jobs
from coffer_chassis.outbox import Relay
from coffer_chassis.pauses import back_off, sleep_until
from coffer_chassis.private_outbox import PrivateRelay
from coffer_chassis.replaying import replayer
from coffer_chassis.replays import REPLAYS
from coffer_chassis.snapshots import Source
from coffer_chassis.topology import ServiceTopology
from coffer_chassis.unit_of_work import Work
from coffer_chassis.wakeups import OUTBOX, URGENT, Wakeups

RESTART_SECONDS = (0.2, 10.0)
STEADY_SECONDS = 60.0
EPOCH_SECONDS = 5.0

log = structlog.get_logger(__name__)


async def _nothing() -> None:
    """For services that need no more than their events sent again."""


@dataclass(frozen=True)
class Loop:
    """Something that runs all the time until it is told to stop, and is started again when it fails."""

    name: str
    run: Callable[[asyncio.Event], Awaitable[None]]


@dataclass
class Service:
    """What a service's `app.build` returns. Nothing runs until `run_background` is awaited."""

    topology: ServiceTopology
    work: Work
    bus: Bus
    deps: Any
    app: Any
    """The ASGI application of the public routes; None for a service that has none."""
    tables: Mapping[str, HandlerTable] = field(default_factory=dict)
    """Queue -> handler table."""
    slots: Mapping[str, int] = field(default_factory=dict)
    """Queue -> messages in hand at most, where it is not the default."""
    lingers: Mapping[str, float] = field(default_factory=dict)
    """Queue -> seconds to wait after a batch that was less than half full, where nobody waits for each message: asking for
    one message costs as much as asking for ten, and more than handling it."""
    jobs: Sequence[Job] = ()
    watches: Sequence[Job] = ()
    """Jobs for every process that answers requests or consumes: what keeps its memory up to date."""
    loops: Sequence[Loop] = ()
    """Run where jobs run."""
    answering: Sequence[Loop] = ()
    """Run where requests are answered. Told to stop together with the server, so that answers without an end can end."""
    snapshots: Sequence[Source] = ()
    """What the service owns and others keep copies of, for the command `snapshot`."""
    operations: Operations | None = None
    """What operators' commands stand on."""
    resources: AsyncExitStack = field(default_factory=AsyncExitStack)
    """What is to be closed when the service stops."""
    recover: Callable[[], Awaitable[object]] = _nothing
    """What is to be done at once after the broker lost its messages, beside sending events again."""
    wait_seconds: int = 20
    linger_seconds: float = 0
    stop_seconds: float = 6.0
    """How long its background may take to end where several services share a process; it is broken off then, and what it had in
    hand comes back. A process of its own has as long as whoever stops it gives it."""

    @property
    def name(self) -> str:
        """The service's name, as in its topic and prefix."""
        return self.topology.service

    def __post_init__(self) -> None:
        self.relay = Relay(self.work, self.bus, topic=self.topology.topic, service=self.name)
        self.urgent_relay = Relay(self.work, self.bus, topic=self.topology.topic, service=self.name, urgent=True)
        private = self.topology.private_topic
        self.private_relay = PrivateRelay(self.work, self.bus, topic=private, service=self.name) if private else None
        self.replayer = replayer(self.work, self.bus, topic=self.topology.topic)
        self.wakeups = self.work.wakeups = self.work.wakeups or Wakeups(self.work.engine, self.name)
        for lane in self.topology.lanes:
            if lane.queue not in self.tables:
                raise ValueError(f"{self.name} has no handlers for its queue {lane.queue}")

    def consumers(self) -> list[Consumer]:
        """A consumer for every lane."""
        return [
            Consumer(
                lane,
                self.tables[lane.queue],
                bus=self.bus,
                work=self.work,
                deps=self.deps,
                wait_seconds=self.wait_seconds,
                linger_seconds=0 if lane.urgent else max(self.linger_seconds, self.lingers.get(lane.queue, 0)),
                slots=self.slots.get(lane.queue, 40),
            )
            for lane in self.topology.lanes
        ]

    async def run_background(
        self, stopping: asyncio.Event, *, answer: bool = True, consume: bool = True, relay: bool = True
    ) -> None:
        """Run consumers with jobs, the relay, and what a process needs that answers requests or consumes, until
        `stopping` is set; wake-ups in any case. Consumers end first, so that the relay's last round takes along what
        they emitted.
        """
        tracing.serve_as(self.name)
        last = asyncio.Event()
        async with asyncio.TaskGroup() as everything:
            everything.create_task(supervised(f"{self.name}.wakeups", self.wakeups.run, last))
            if relay:
                self.wakeups.on(OUTBOX, self.relay.poke, enough=True)
                everything.create_task(supervised(f"{self.name}.relay", self.relay.run, last))
                self.wakeups.on(URGENT, self.urgent_relay.poke, enough=True)
                everything.create_task(supervised(f"{self.name}.urgent-relay", self.urgent_relay.run, last))
                if self.private_relay is not None:
                    self.wakeups.on(OUTBOX, self.private_relay.poke, enough=True)
                    everything.create_task(supervised(f"{self.name}.private-relay", self.private_relay.run, last))
                # Told to stop at once: the rest of a replay waits in the store for the next start.
                self.wakeups.on(REPLAYS, self.replayer.poke, enough=True)
                everything.create_task(supervised(f"{self.name}.replays", self.replayer.run, stopping))
            try:
                async with asyncio.TaskGroup() as working:
                    if answer or consume:
                        for job in self.watches:
                            working.create_task(repeated(job, stopping))
                    for loop in (*(self.answering if answer else ()), *(self.loops if consume else ())):
                        working.create_task(supervised(f"{self.name}.{loop.name}", loop.run, stopping))
                    if consume:
                        for consumer in self.consumers():
                            name = f"{self.name}.{consumer.lane.queue}"
                            working.create_task(supervised(name, consumer.run, stopping))
                        for job in (*chassis_jobs(self.work, self.bus, self.topology), self._epoch_watch(), *self.jobs):
                            working.create_task(repeated(job, stopping))
                    else:
                        await stopping.wait()
            finally:
                last.set()

    def _epoch_watch(self) -> Job:
        # By the store: whoever begins an epoch runs in another process, as a rule.
        return Job("watch_epoch", EpochWatch(self.work, self.recover).look, EPOCH_SECONDS)

    async def ping_store(self) -> None:
        """Raise if the store does not answer."""
        async with self.work.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def ping_bus(self) -> None:
        """Raise if a queue of the service does not answer."""
        for lane in self.topology.lanes:
            await self.bus.depth(lane.queue)

    def checks(self) -> dict[str, Check]:
        """What the service cannot do its work without."""
        checks = {"store": Check(self.ping_store)}
        if self.topology.lanes:
            checks["queues"] = Check(self.ping_bus)
        return checks

    async def close(self) -> None:
        """Close connections and whatever else the service holds. Call once, after `run_background` ended."""
        await self.resources.aclose()


async def supervised(name: str, run: Callable[[asyncio.Event], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Run a loop until it ends by itself after `stopping`; one that fails is started again after a growing pause."""
    failures = 0
    while True:
        started = monotonic()
        try:
            await run(stopping)
        except Exception as error:
            failures = 1 if monotonic() - started > STEADY_SECONDS else failures + 1
            log.exception("loop_failed", loop=name, error=repr(error), failures=failures)
        if stopping.is_set():
            return
        await sleep_until(stopping, back_off(failures, RESTART_SECONDS))


async def repeated(job: Job, stopping: asyncio.Event) -> None:
    """Run a job at once and then again and again, whatever becomes of each run."""
    while not stopping.is_set():
        with tracing.span(f"job {job.name}", root=True, quiet=True) as span:
            try:
                await job.run()
            except Exception as error:
                span.error = type(error).__name__
                log.warning("job_failed", job=job.name, error=repr(error), exc_info=error)
        await sleep_until(stopping, job.every_seconds)
