"""Pauses of loops: they grow while attempts fail, and end early when the service is told to stop."""

import asyncio
import random


async def sleep_until(stopping: asyncio.Event, seconds: float) -> None:
    """Sleep, but not longer than until `stopping` is set; not at all for a time that is over."""
    if seconds <= 0:
        return
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return


def back_off(failures: int, bounds: tuple[float, float]) -> float:
    """Seconds to wait after so many failures in a row: doubled each time within `bounds`, with jitter downwards."""
    first, last = bounds
    return min(last, first * 2.0 ** min(failures - 1, 30)) * random.uniform(0.5, 1)  # noqa: S311  # jitter, no secret
