"""What every service does on the side: forgets what it no longer needs, collects dead letters, measures its backlog."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from coffer_chassis import dead_letters, forgetting, idempotency, inbox, metrics, outbox, private_outbox, replays
from coffer_chassis.bus import Bus
from coffer_chassis.topology import ServiceTopology
from coffer_chassis.unit_of_work import Work

MEASURE_QUEUES_SECONDS = 60
"""Asking a queue for its depth is a call that is billed."""


@dataclass(frozen=True)
class Job:
    """Something a service repeats: `run` every `every_seconds`, also after it failed. Runs must be safe at once and twice."""

    name: str
    run: Callable[[], Awaitable[object]]
    every_seconds: float


def chassis_jobs(work: Work, bus: Bus, topology: ServiceTopology) -> tuple[Job, ...]:
    """The jobs that every service has."""

    async def collect() -> None:
        for lane in topology.lanes:
            await dead_letters.drain(work, bus, lane)

    async def measure() -> None:
        async with work.read() as connection:
            waiting, oldest = await outbox.backlog(connection, work.tables)
            private, oldest_private = await private_outbox.private_backlog(connection, work.tables)
        waiting, oldest = waiting + private, min(filter(None, (oldest, oldest_private)), default=None)
        age = (work.clock.now() - oldest).total_seconds() if oldest else 0
        metrics.OUTBOX_UNSENT.labels(topology.service).set(waiting)
        metrics.OUTBOX_OLDEST_SECONDS.labels(topology.service).set(max(0, age))

    async def measure_queues() -> None:
        async with work.read() as connection:
            metrics.REPLAYS_RUNNING.labels(topology.service).set(await replays.count_running(connection, work.tables))
            for lane in topology.lanes:
                wanted = dead_letters.Wanted(queue=lane.queue)
                count = await dead_letters.count_waiting(connection, work.tables, wanted)
                metrics.DEAD_LETTERS_WAITING.labels(lane.queue).set(count)
        for lane in topology.lanes:
            depth = await bus.depth(lane.queue)
            for state in ("waiting", "in_flight", "delayed"):
                metrics.QUEUE_MESSAGES.labels(lane.queue, state).set(getattr(depth, state))

    return (
        Job("collect_dead_letters", collect, 15),
        Job("forget", partial(_forget, work, tuple(lane.queue for lane in topology.lanes if lane.private)), 3600),
        Job("measure_outbox", measure, 10),
        Job("measure_queues", measure_queues, MEASURE_QUEUES_SECONDS),
    )


async def _forget(work: Work, private: Sequence[str]) -> None:
    now = work.clock.now()
    if private:
        async with work.engine.begin() as connection:
            old = now - timedelta(days=dead_letters.KEEP_PRIVATE_DAYS)
            await dead_letters.empty_private_before(connection, work.tables, private, old, now)
    for forget_some, kept in (
        (outbox.forget_sent_before, timedelta(days=outbox.KEEP_DAYS)),
        (inbox.forget_before, timedelta(days=inbox.KEEP_DAYS)),
        (idempotency.forget_before, timedelta(hours=idempotency.KEEP_HOURS)),
        (dead_letters.forget_settled_before, timedelta(days=dead_letters.KEEP_DAYS)),
        (replays.forget_ended_before, timedelta(days=replays.KEEP_DAYS)),
    ):
        gone = forgetting.SLICE
        while gone >= forgetting.SLICE:
            async with work.engine.begin() as connection:
                gone = await forget_some(connection, work.tables, now - kept)
