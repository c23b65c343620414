"""Ten thousand deliveries to a dead host, as many to one that hangs, and nobody else waits for them.

What it measures is logged (`-s`), and stands in every failure.
"""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from coffer_chassis.clock import SystemClock
from coffer_chassis.testing import eventually
from factories.databases import Database
from factories.notifier import Notifier, notifier_on
from factories.receivers import hanging, receiver
from factories.sending import flood, seconds_until_told, sending
from factories.telling import user_id

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]

MANY = 10_000
HANGING = 20
"""Webhooks that hang; they rest for a second in between."""
PROBES = 100
NEW = 10
USUAL_SECONDS = 0.5
LONGEST_SECONDS = 2.0
log = structlog.get_logger(__name__)


@pytest.fixture
def gone() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/hook"


@pytest.fixture
async def real(database: Database) -> Any:
    """The notifier with the places and time limits that it has in earnest."""
    url = database("coffer_notifier")
    async with notifier_on(url, clock=SystemClock(), webhook_allow_loopback=True) as service:
        yield service


async def failing(notifier: Notifier) -> int:
    return int((await notifier.rows("SELECT count(*) AS n FROM webhooks WHERE failing_since IS NOT NULL"))[0].n)


async def test_ten_thousand_for_a_dead_host_and_as_many_for_one_that_hangs_delay_nobody_else(real: Notifier, gone: str) -> None:
    with hanging() as stuck, receiver() as hook:
        async with sending(real):
            ann = user_id()
            await real.webhook(ann, hook.url, "*")
            await seconds_until_told(real, hook, ann)
            alone = sorted([await seconds_until_told(real, hook, ann) for _ in range(20)])
            await flood(real, gone, MANY)
            for _ in range(HANGING):
                await flood(real, stuck, MANY // HANGING)
            first = sorted([await seconds_until_told(real, hook, within_seconds=60) for _ in range(NEW)])
            assert await failing(real) <= 1, "all that hang are as new as these"
            waits = [await seconds_until_told(real, hook, ann, within_seconds=60) for _ in range(PROBES // 2)]

            async def known_to_hang() -> bool:
                return await failing(real) > HANGING

            await eventually(known_to_hang, within_seconds=120)
            waits += [await seconds_until_told(real, hook, ann, within_seconds=60) for _ in range(PROBES // 2)]
            waits, first = sorted(waits), sorted([*first, *[await seconds_until_told(real, hook) for _ in range(NEW)]])
            left = (await real.rows("SELECT count(*) AS n FROM webhook_deliveries WHERE state <> 'delivered'"))[0].n
    told = (
        f"alone: p50 {alone[10]:.3f} s, max {alone[-1]:.3f} s of {len(alone)}; with {left} deliveries that wait: "
        f"p50 {waits[PROBES // 2]:.3f} s, p98 {waits[-3]:.3f} s, max {waits[-1]:.3f} s of {PROBES}; "
        f"of new webhooks p50 {first[NEW]:.3f} s, max {first[-1]:.3f} s of {2 * NEW}"
    )
    log.info("webhooks", told=told)
    assert left >= MANY, told
    assert waits[PROBES // 2] < USUAL_SECONDS, told
    assert max(waits[-1], first[-1]) < LONGEST_SECONDS, told
