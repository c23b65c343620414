"""Sixteen thousand small files by one person: nothing piles up in the queues, and nobody else waits for them.

What it measures is logged (`-s`), and stands in every failure.
"""

import asyncio
import os
import time

import asyncpg
import pytest
import structlog

from factories.chaos_bursts import Seen, burst, depths, probes, quantiles
from factories.people import Person, all_leave
from factories.stacks import LocalStack, stack_on_disk

pytestmark = [pytest.mark.proof, pytest.mark.timeout(2400)]

FILES = int(os.environ.get("COFFER_BURST_FILES", "16000"))
CLIENTS = 16
IDLE_SECONDS = 30
PROBE_EVERY_SECONDS = 3
DEEPEST = 1500
"""Messages in all queues together; the broker slows down with thousands, the stores do not."""
SLOWER_SECONDS = 1.0
"""How much longer somebody else's small upload may take than on the idle stack just before."""
log = structlog.get_logger(__name__)

UNDER_WAY = "SELECT count(*) FROM uploads WHERE state IN ('created', 'received', 'cleared')"
COMMITTED = "SELECT count(*) FROM items WHERE kind = 'file' AND parent_id = $1"
STATES = "SELECT state, count(*) FROM uploads GROUP BY state"
UNSENT = "SELECT count(*) FROM outbox WHERE sent_at IS NULL"


def test_a_burst_of_one_person_is_not_felt_by_another() -> None:
    with stack_on_disk() as stack:
        try:
            ana, ben = Person.at(stack.url), Person.at(stack.url)
            folder = ana.folder("Many")["id"]
            idle, busy = asyncio.run(_measure(stack, ana, ben, folder))
        finally:
            all_leave()
    (usual, usual_worst), (felt, felt_worst) = quantiles(idle.probes), quantiles(busy.probes)
    told = (
        f"idle: p50 {usual:.3f} s, max {usual_worst:.3f} s of {len(idle.probes)}; "
        f"during the burst: p50 {felt:.3f} s, max {felt_worst:.3f} s of {len(busy.probes)}; "
        f"deepest {busy.deepest} messages, failures {dict(busy.failures)}"
    )
    log.info("burst", told=told)
    assert not busy.failures, told
    assert busy.deepest < DEEPEST, told
    assert felt_worst - usual <= SLOWER_SECONDS, told


async def _measure(stack: LocalStack, ana: Person, ben: Person, folder: str) -> tuple[Seen, Seen]:
    idle, busy = Seen(), Seen()
    async with _Background(stack, ben, idle, every_seconds=0.5, tag="idle"):
        await asyncio.sleep(IDLE_SECONDS)
    async with _Background(stack, ben, busy, every_seconds=PROBE_EVERY_SECONDS, tag="busy"):
        took = await burst(stack, ana, FILES, clients=CLIENTS, folder=folder, seen=busy)
        log.info("sent", files=FILES, seconds=round(took), per_second=round(FILES / took))
        assert not busy.failures, busy.failures
        await _quiet(stack, folder)
    return idle, busy


class _Background:
    """Probes and looks into queues while something happens."""

    def __init__(self, stack: LocalStack, person: Person, seen: Seen, *, every_seconds: float, tag: str) -> None:
        self._ended = asyncio.Event()
        self._work = (
            probes(stack, person, seen, every_seconds=every_seconds, ended=self._ended, tag=tag),
            depths(stack, seen, self._ended),
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> None:
        self._tasks = [asyncio.create_task(one) for one in self._work]

    async def __aexit__(self, *_: object) -> None:
        self._ended.set()
        await asyncio.gather(*self._tasks)


async def _quiet(stack: LocalStack, folder: str) -> None:
    """Wait until every file is there and nothing is on its way."""
    connection = await asyncpg.connect(stack.variables["COFFER_FILES_DATABASE_URL"].replace("+asyncpg", ""))
    try:
        deadline = time.monotonic() + FILES / 10 + 60
        while await connection.fetchval(UNDER_WAY) > 1 or await connection.fetchval(UNSENT) > 1:
            assert time.monotonic() < deadline, "the burst was never worked off"
            await asyncio.sleep(1)
        assert await connection.fetchval(COMMITTED, folder) == FILES, dict(await connection.fetch(STATES))
    finally:
        await connection.close()
