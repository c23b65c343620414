"""Health of a process: alive, ready, and the answer of the CloudDrive API's `/health`.

Checks are given by the service; this file only runs them, each within its deadline, and never tells their cause.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from coffer_chassis.access_rules import public
from coffer_chassis.limits.policies import unlimited
from coffer_chassis.logs import get_logger

log = get_logger()


@dataclass(frozen=True, slots=True)
class Check:
    """One dependency: `probe` raises when it is not usable; `deadline_seconds` is the most it may take."""

    probe: Callable[[], Awaitable[object]]
    deadline_seconds: float = 1.0


class CheckAnswer(msgspec.Struct, frozen=True):
    """How one dependency was found."""

    name: str
    status: Literal["ok", "failed"]
    ms: float
    detail: str | None = None


class ReadyAnswer(msgspec.Struct, frozen=True):
    """Whether requests should be sent here."""

    status: Literal["ready", "draining", "unready"]
    checks: list[CheckAnswer]


class AliveAnswer(msgspec.Struct, frozen=True):
    """The process runs its event loop."""

    status: Literal["alive"] = "alive"


class HealthAnswer(msgspec.Struct, frozen=True):
    """The answer of the CloudDrive API."""

    status: Literal["healthy"] = "healthy"


class Readiness:
    """Runs the checks. Answers are kept for `fresh_seconds`, so that a public address cannot hammer the store."""

    def __init__(self, checks: Mapping[str, Check], *, fresh_seconds: float = 1.0) -> None:
        self._checks = dict(checks)
        self._fresh_seconds = fresh_seconds
        self._draining = False
        self._last: tuple[float, ReadyAnswer] | None = None
        self._turn = asyncio.Lock()

    def drain(self) -> None:
        """Answer "draining" from now on: load balancers stop sending, requests under way finish. May run twice."""
        self._draining = True

    async def report(self) -> ReadyAnswer:
        """The state of every dependency, checked at the same time; never raises."""
        async with self._turn:
            if self._last is None or perf_counter() - self._last[0] >= self._fresh_seconds:
                found = await asyncio.gather(*(_run(name, check) for name, check in self._checks.items()))
                ready = all(answer.status == "ok" for answer in found)
                self._last = (perf_counter(), ReadyAnswer("ready" if ready else "unready", list(found)))
            answer = self._last[1]
        return ReadyAnswer("draining", answer.checks) if self._draining else answer


async def _run(name: str, check: Check) -> CheckAnswer:
    started = perf_counter()
    detail: str | None = None
    try:
        async with asyncio.timeout(check.deadline_seconds):
            await check.probe()
    except TimeoutError:
        detail = f"no answer within {check.deadline_seconds:g} s"
    except Exception as error:  # noqa: BLE001 - a check may fail in any way; readiness reports it
        detail = "failed"
        log.warning("check_failed", check=name, error=repr(error))
    return CheckAnswer(name, "failed" if detail else "ok", round((perf_counter() - started) * 1000, 1), detail)


def health_routes(readiness: Readiness) -> list[HTTPRouteHandler]:
    """`/livez`, `/readyz` and `/health` of one process; `/readyz` is 503 while a check fails or the process drains."""

    @get("/livez", opt=public() | unlimited(), include_in_schema=False, cache_control=None)
    async def get_liveness() -> AliveAnswer:
        return AliveAnswer()

    @get("/readyz", opt=public() | unlimited(), include_in_schema=False)
    async def get_readiness() -> Response[ReadyAnswer]:
        report = await readiness.report()
        return Response(report, status_code=200 if report.status == "ready" else 503)

    @get("/health", opt=public() | unlimited(), include_in_schema=False)
    async def get_health() -> Response[HealthAnswer | ReadyAnswer]:
        report = await readiness.report()
        return Response(HealthAnswer()) if report.status == "ready" else Response(report, status_code=503)

    return [get_liveness, get_readiness, get_health]
