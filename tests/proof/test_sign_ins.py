"""Many people sign in at once, with passwords hashed as they are in earnest: memory stays bounded, others do not wait; and how
long answers take does not say whether an account exists.

What it measures is logged (`-s`), and stands in every failure.
"""

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from pathlib import Path

import httpx
import psutil
import pytest
import structlog

from coffer_auth.handlers import emails
from coffer_auth.handlers.deps import Deps
from coffer_auth.settings import AuthSettings
from coffer_chassis.ids import new_id
from factories.accounts import PASSWORD, auth_deps, auth_over_http, origin, registered
from factories.databases import Database
from factories.mailed import last_secret
from factories.signed_in import signed_in

pytestmark = [pytest.mark.proof, pytest.mark.timeout(900)]

AT_ONCE = 64
SLACK_MIB = 48
"""For what 64 requests hold beside hashing."""
ROUNDS = 400
TOLD_APART = 0.62
"""How often one may guess right from one time whether an account exists; 0.5 is a coin. Generous: the machine is not quiet."""

FIELDS = AuthSettings.model_fields
EARNEST = {
    name: FIELDS[name].default for name in ("password_memory_kib", "password_passes", "password_threads", "password_queue")
}

log = structlog.get_logger(__name__)


@pytest.fixture
async def deps(database: Database) -> AsyncIterator[Deps]:
    async with auth_deps(database("coffer_auth"), **EARNEST) as made:
        await made.hashing.warm_up()
        yield made


@pytest.fixture
async def http(deps: Deps, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with auth_over_http(deps, tmp_path) as client:
        client.timeout = httpx.Timeout(120)
        yield client


def quantiles(seconds: list[float]) -> str:
    cuts = statistics.quantiles(seconds, n=100)
    return f"p50 {cuts[49] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms of {len(seconds)}"


async def test_many_sign_ins_at_once_stay_within_their_memory_and_delay_nobody(deps: Deps, http: httpx.AsyncClient) -> None:
    people = [await registered(deps) for _ in range(AT_ONCE)]
    other = await signed_in(deps)
    process, ended = psutil.Process(), asyncio.Event()
    peak = before = process.memory_info().rss

    async def ask(until: asyncio.Event, took: list[float]) -> None:
        nonlocal peak
        while not until.is_set():
            began = time.perf_counter()
            answer = await other.asks(http, "GET", "/v1/me")
            took.append(time.perf_counter() - began)
            assert answer.status_code == 200
            peak = max(peak, process.memory_info().rss)
            await asyncio.sleep(0.005)

    quiet: list[float] = []
    while len(quiet) < 100:
        one = asyncio.Event()
        asyncio.get_running_loop().call_later(0.05, one.set)
        await ask(one, quiet)
    busy: list[float] = []
    probing = asyncio.create_task(ask(ended, busy))
    began = time.perf_counter()
    bodies = [{"login": user.username, "password": PASSWORD} for user in people]
    answers = await asyncio.gather(*(http.post("/v1/auth/login", json=body) for body in bodies))
    took = time.perf_counter() - began
    ended.set()
    await probing
    grown = (peak - before) / 2**20
    bound = EARNEST["password_threads"] * EARNEST["password_memory_kib"] / 1024 + SLACK_MIB
    told = (
        f"{AT_ONCE} sign-ins in {took:.1f} s; grew by {grown:.0f} MiB of {bound:.0f}; "
        f"others: {quantiles(quiet)} before, {quantiles(busy)} meanwhile"
    )
    log.info("sign_ins", told=told)
    assert [answer.status_code for answer in answers] == [200] * AT_ONCE, told
    assert grown < bound, told
    assert statistics.median(busy) < took / 10, told


async def test_no_time_tells_an_account_from_none(database: Database, tmp_path: Path) -> None:
    """With the lightest hashes there are, so that they drown nothing; each request comes from a network of its own."""
    async with (
        auth_deps(database("coffer_auth")) as deps,
        auth_over_http(deps, tmp_path, trusted_proxies=("127.0.0.0/8",)) as http,
    ):
        await deps.hashing.warm_up()
        told = await times_of(deps, http)
    log.info("times", **{name: f"{guessed:.3f}; {known}; {unknown}" for name, (guessed, known, unknown) in told.items()})
    assert all(max(guessed, 1 - guessed) < TOLD_APART for guessed, *_ in told.values()), told


async def times_of(deps: Deps, http: httpx.AsyncClient) -> dict[str, tuple[float, str, str]]:
    """For each kind of request how well its times tell addresses that belong to somebody from others."""
    networks = count(1)

    async def post(path: str, body: dict[str, str], status: int) -> None:
        number = next(networks)
        elsewhere = {"X-Forwarded-For": f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"}
        answer = await http.post(path, json=body, headers=elsewhere)
        assert answer.status_code == status, answer.text

    known = [await registered(deps) for _ in range(ROUNDS)]
    for user in known[: ROUNDS // 2]:
        await emails.verify_email(await last_secret(deps, user.email, "verify_email"), origin(), deps)

    async def forgot(email: str) -> None:
        await post("/v1/auth/password/forgot", {"email": email}, 202)

    async def sign_in(email: str) -> None:
        await post("/v1/auth/login", {"login": email, "password": "wrong wrong wrong"}, 401)

    async def register(email: str) -> None:
        await post("/v1/auth/register", {"username": f"user-{new_id()[-12:]}", "email": email, "password": PASSWORD}, 201)

    emails_known = [user.email for user in known]
    return {kind.__name__: await told_apart(kind, emails_known) for kind in (forgot, sign_in, register)}


async def told_apart(run: Callable[[str], Awaitable[None]], known: list[str]) -> tuple[float, str, str]:
    """How often the longer of two times is that of an address that belongs to somebody; and both distributions."""
    times: dict[bool, list[float]] = {True: [], False: []}
    asked = [(True, email) for email in known] + [(False, f"{new_id()}@example.org") for _ in known]
    random.Random(7).shuffle(asked)
    for exists, email in asked:
        began = time.perf_counter()
        await run(email)
        times[exists].append(time.perf_counter() - began)
    longer = sum((one > other) + (one == other) / 2 for one in times[True] for other in times[False])
    return longer / len(known) ** 2, quantiles(times[True]), quantiles(times[False])
