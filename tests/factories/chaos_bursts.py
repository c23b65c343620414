"""Thousands of small files by one person at once, and what somebody else feels of it: load, probes, depths of queues."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp
from pydantic import SecretStr

from coffer_chassis.aws import AwsAccess, open_clients
from coffer_chassis.bus_aws import AwsBus
from coffer_local.registry import SERVICES
from factories.people import END_STATES, Person
from factories.stacks import LocalStack

POLL_SECONDS = 0.02
SAMPLE_SECONDS = 0.5
SIGN_IN_SECONDS = 240
PROBE_SECONDS = 120
"""How long a probe is waited for."""


@dataclass
class Probe:
    """One small upload of somebody: when it began, and the seconds to each step."""

    began_at: float
    announced: float = 0
    sent: float = 0
    completed: float = 0
    committed: float = 0


@dataclass
class Seen:
    """What was seen during a burst."""

    probes: list[Probe] = field(default_factory=list)
    depths: list[dict[str, int]] = field(default_factory=list)
    """Queue -> messages in any state, sample by sample; only those that held any."""
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def deepest(self) -> int:
        """Most messages in all queues at one moment."""
        return max((sum(sample.values()) for sample in self.depths), default=0)

    def deepest_of(self, queue: str) -> int:
        """Most messages in one queue."""
        return max((sample.get(queue, 0) for sample in self.depths), default=0)


def quantiles(probes: Sequence[Probe], step: str = "committed") -> tuple[float, float]:
    """Median and maximum of the seconds to a step."""
    seconds = [getattr(probe, step) for probe in probes]
    return statistics.median(seconds), max(seconds)


@asynccontextmanager
async def session_of(person: Person, clients: int) -> AsyncIterator[aiohttp.ClientSession]:
    """Kept-alive connections of somebody's client, which signs in again long before its token ends."""

    async def stay_signed_in() -> None:
        while True:
            await asyncio.sleep(SIGN_IN_SECONDS)
            await asyncio.to_thread(person.sign_in)
            session.headers["Authorization"] = f"Bearer {person.tokens['access_token']}"

    headers = {"Authorization": f"Bearer {person.tokens['access_token']}"}
    connector = aiohttp.TCPConnector(limit=clients, keepalive_timeout=60)
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=aiohttp.ClientTimeout(120)) as session:
        staying = asyncio.create_task(stay_signed_in())
        try:
            yield session
        finally:
            staying.cancel()


async def probe(url: str, session: aiohttp.ClientSession, bucket: aiohttp.ClientSession, name: str) -> Probe:
    """Announce, send, complete, and look until it is committed. Raises AssertionError when it is not."""
    began = time.monotonic()
    seen = Probe(began)
    body = {"parent_id": "root", "name": name, "size": 5}
    async with session.post(f"{url}/v1/uploads", json=body) as answer:
        started = await answer.json()
        assert answer.status == 201, started
    seen.announced = time.monotonic() - began
    await _send(bucket, started, b"probe")
    seen.sent = time.monotonic() - began
    async with session.post(f"{url}/v1/uploads/{started['id']}/complete", json={}) as answer:
        await answer.read()
    seen.completed = time.monotonic() - began
    while True:
        async with session.get(f"{url}/v1/uploads/{started['id']}") as answer:
            upload = await answer.json()
        seen.committed = time.monotonic() - began
        if upload["state"] in END_STATES:
            assert upload["state"] == "committed", upload
            return seen
        assert seen.committed < PROBE_SECONDS, upload
        await asyncio.sleep(POLL_SECONDS)


async def _send(bucket: aiohttp.ClientSession, started: dict[str, Any], content: bytes) -> None:
    single = started["single"]
    async with bucket.put(single["url"], data=content, headers=single["headers"]) as answer:
        said = await answer.read()
        assert answer.status == 200, said


async def probes(
    stack: LocalStack, person: Person, seen: Seen, *, every_seconds: float, ended: asyncio.Event, tag: str
) -> None:
    """One small upload after the other until `ended`, and a last one then."""
    async with session_of(person, 4) as session, aiohttp.ClientSession() as bucket:
        for number in count():
            seen.probes.append(await probe(stack.url, session, bucket, f"{tag} {number}.txt"))
            if ended.is_set():
                return
            try:
                await asyncio.wait_for(ended.wait(), every_seconds)
            except TimeoutError:
                continue


async def burst(stack: LocalStack, person: Person, files: int, *, clients: int, folder: str, seen: Seen) -> float:
    """So many small files by so many clients, each the next as soon as the last was sent; the seconds it took."""
    numbers = iter(range(files))
    began = time.monotonic()

    async def client(session: aiohttp.ClientSession, bucket: aiohttp.ClientSession) -> None:
        for number in numbers:
            content = b"file %d" % number
            body = {"parent_id": folder, "name": f"file {number}.txt", "size": len(content)}
            async with session.post(f"{stack.url}/v1/uploads", json=body) as answer:
                started = await answer.json()
            if answer.status != 201:
                seen.failures[f"{answer.status} {started.get('code')}"] += 1
                continue
            await _send(bucket, started, content)

    async with (
        session_of(person, clients) as session,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=clients)) as bucket,
    ):
        await asyncio.gather(*(client(session, bucket) for _ in range(clients)))
    return time.monotonic() - began


async def depths(stack: LocalStack, seen: Seen, ended: asyncio.Event) -> None:
    """Look into every queue again and again until `ended`."""
    variables = stack.variables
    async with AsyncExitStack() as opened:
        buses = []
        for entry in SERVICES:
            access = AwsAccess(
                variables["AWS_REGION"],
                variables["AWS_ENDPOINT_URL"],
                None,
                variables[f"{entry.prefix}AWS_ACCESS_KEY_ID"],
                SecretStr(variables[f"{entry.prefix}AWS_SECRET_ACCESS_KEY"]),
            )
            bus = AwsBus(await opened.enter_async_context(open_clients(access, receivers=1, wait_seconds=1)))
            buses += [(bus, lane.queue) for lane in entry.topology.lanes]
        while not ended.is_set():
            found = [(queue, (await bus.depth(queue)).total) for bus, queue in buses]
            seen.depths.append({queue: depth for queue, depth in found if depth})
            try:
                await asyncio.wait_for(ended.wait(), SAMPLE_SECONDS)
            except TimeoutError:
                continue
