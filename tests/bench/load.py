"""A closed loop of clients: each sends its next request when the last was answered. aiohttp and uvloop, keep-alive."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp
import uvloop

Request = Callable[[aiohttp.ClientSession, int], Awaitable[int]]
"""Sends request number n, reads the answer, and says its status."""


@dataclass(frozen=True)
class Figures:
    """One run of a loop."""

    per_second: float
    p50_ms: float
    p99_ms: float
    requests: int
    failures: int

    def cell(self) -> str:
        """As it stands in a table."""
        wrong = f", {self.failures} failed" if self.failures else ""
        return f"{self.per_second:,.0f}/s, {self.p50_ms:.1f} / {self.p99_ms:.1f} ms{wrong}"


def run_loop(
    request: Request, *, clients: int, seconds: float = 4, headers: dict[str, str] | None = None, expect: int = 200
) -> Figures:
    """Run `clients` loops for some seconds, after a tenth of that to warm up."""
    return uvloop.run(_loop(request, clients, seconds, headers or {}, expect))


async def _loop(request: Request, clients: int, seconds: float, headers: dict[str, str], expect: int) -> Figures:
    numbers = iter(range(10**9))
    times: list[float] = []
    failures = 0

    async def client(session: aiohttp.ClientSession, until: float, *, counted: bool) -> None:
        nonlocal failures
        while time.perf_counter() < until:
            began = time.perf_counter()
            status = await request(session, next(numbers))
            if counted:
                times.append(time.perf_counter() - began)
                failures += status != expect

    connector = aiohttp.TCPConnector(limit=clients)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        for length, counted in ((seconds / 10, False), (seconds, True)):
            began = time.perf_counter()
            await asyncio.gather(*(client(session, began + length, counted=counted) for _ in range(clients)))
        took = time.perf_counter() - began
    cuts = statistics.quantiles(times, n=100)
    return Figures(len(times) / took, cuts[49] * 1000, cuts[98] * 1000, len(times), failures)
