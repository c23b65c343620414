"""Pauses grow, stay in bounds, and end when told."""

import asyncio
from time import monotonic

from coffer_chassis.pauses import back_off, sleep_until


def test_pauses_double_within_their_bounds() -> None:
    for failures in range(1, 200):
        longest = min(10.0, 0.1 * 2 ** min(failures - 1, 50))
        assert longest / 2 <= back_off(failures, (0.1, 10.0)) <= longest


async def test_sleep_ends_when_told() -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, stopping.set)
    started = monotonic()
    await sleep_until(stopping, 3600)
    await sleep_until(stopping, 3600)
    assert monotonic() - started < 60


async def test_sleep_ends_by_itself() -> None:
    await sleep_until(asyncio.Event(), 0.01)
