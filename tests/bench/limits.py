"""What it costs to count a request: processor time of one application with and without its limiter, in turns."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from litestar import get

from bench.measures import Row
from coffer_chassis.access_rules import public, user
from coffer_chassis.limits import Limiter
from coffer_chassis.limits.counts import Bucket
from coffer_chassis.limits.policies import Policy
from coffer_chassis.limits.redis import RedisCounts
from coffer_chassis.settings import MOST_PER_MINUTE, CofferSettings
from factories.http import app_of, signed
from factories.redis_server import NAMES, redis_server

ROUNDS, REQUESTS = 15, 1000


@get("/v1/things", opt=user())
async def list_things() -> list[str]:
    """For somebody signed in."""
    return []


@get("/v1/open", opt=public())
async def list_open() -> list[str]:
    """For anybody, who is counted by address."""
    return []


def cost_of_limits() -> list[Row]:
    """By person, by address, and in Redis where the machine has one."""
    rows = [
        asyncio.run(_in_process("/v1/things", "a person")),
        asyncio.run(_in_process("/v1/open", "a network address")),
    ]
    return rows + (asyncio.run(_in_redis()) if any(map(shutil.which, NAMES)) else [])


async def _in_process(path: str, who: str) -> Row:
    limiter = Limiter.of(CofferSettings(limit_default_per_minute=MOST_PER_MINUTE), "bench")
    apps: dict[str, Any] = {
        "without": app_of(list_things, list_open),
        "with": app_of(list_things, list_open, limiter=limiter),
    }
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, app in apps.items():
            spent = await _spent(lambda app=app: _ask(app, path), REQUESTS)  # type: ignore[misc]  # a value kept by default
            best[name] = min(spent, best.get(name, spent))
    more = best["with"] - best["without"]
    what = f"counting a request of {who}, in process; processor time, least of {ROUNDS}"
    reference = f"{best['without']:.0f} µs: the same request uncounted, through everything else, without a server"
    return Row(what, f"{more:.1f} µs", reference, f"{more / best['without']:.2f}")


async def _in_redis() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as server:
        # Patient, or it would be the memory that is measured where the machine is busy.
        counts = RedisCounts(server.url, "bench", patience_seconds=10)
        policy, bucket = Policy.of("default", MOST_PER_MINUTE), Bucket("default", "user", "ada")

        async def hundred() -> None:
            await asyncio.gather(*(counts.take(policy, bucket) for _ in range(100)))

        alone = min([await _spent(lambda: counts.take(policy, bucket), REQUESTS) for _ in range(3)])
        together = min([await _spent(hundred, REQUESTS // 100) for _ in range(3)]) / 100
        await counts.close()
    what = "counting a request in Redis, one after the other (a hundred at once); processor time of the service"
    return [Row(what, f"{alone:.0f} µs ({together:.0f} µs)", "is itself a reference", "")]


async def _spent(run: Callable[[], Awaitable[object]], times: int) -> float:
    """Microseconds of processor time for each."""
    began = time.process_time()
    for _ in range(times):
        await run()
    return (time.process_time() - began) / times * 1e6


async def _ask(app: Any, path: str) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in signed().items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"bench"), *headers],
        "client": ("192.0.2.1", 50000),
        "server": ("bench", 80),
        "state": {},
    }
    await app(scope, _nothing, _dropped)


async def _nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _dropped(_message: Any) -> None:
    pass
