"""What live streams cost: memory of a thousand that are idle, and how soon something is heard, alone and beside a thousand."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import httpx
import psutil

from bench.measures import Row
from factories.live import listening
from factories.people import Person
from factories.roles import Role
from factories.stacks import LIGHT_PASSWORDS, WIDE_LIMITS, LocalStack, stack_on_disk

STREAMS = 1000
EACH = 20
"""Of one person: more than are allowed in life, because signing up takes longer than all that is measured here."""
OPENING_AT_ONCE = 20
REST_SECONDS = 25
"""A sign of life for each at least, and a breath for the allocator."""
ROUNDS = 200
KEYS_SECONDS = 60
GOAL = "goal 200 ms"


def cost_of_streams() -> list[Row]:
    """On a stack of its own, whose people sign up by light passwords: what these cost is not measured here."""
    allowed = {"COFFER_NOTIFIER_STREAMS_PER_USER": str(EACH)}
    with stack_on_disk(**WIDE_LIMITS, **LIGHT_PASSWORDS, **allowed) as stack:
        tokens = [Person.at(stack.url).tokens["access_token"] for _ in range(STREAMS // EACH)] * EACH
        idle = idle_streams(stack, tokens)
        alone = heard_in_time(stack, "on a live stream, idle system")
        with held_open(stack.url, tokens):
            beside = heard_in_time(stack, f"on a live stream beside {STREAMS:,} idle ones in the same process")
        return [idle, alone, beside]


def idle_streams(stack: LocalStack, tokens: list[str]) -> Row:
    """Memory of a process that only answers for the notifier, for each stream, beside each connection that is kept open."""
    kept, _ = _held(stack, tokens, stream=False)
    each, busy = _held(stack, tokens, stream=True)
    return Row(
        f"{STREAMS:,} idle live streams in one process, its memory for each (USS)",
        f"{each:.1f} KiB; {busy * 1000:.0f} ms of processor time a second for all",
        f"{kept:.1f} KiB: a connection that is kept open after one request",
        f"{each / kept:.1f}",
    )


def _held(stack: LocalStack, tokens: list[str], *, stream: bool) -> tuple[float, float]:
    """KiB of a new process for each connection, and the share of a core that it takes to hold them."""
    with alone_in_a_process(stack, tokens[0]) as role:
        process = psutil.Process(role.process.pid)
        with held_open(role.public, tokens[:EACH], stream=stream):
            pass  # what the first ones of all load stays
        before = process.memory_full_info().uss
        with held_open(role.public, tokens, stream=stream):
            began = process.cpu_times()
            time.sleep(REST_SECONDS)
            after, ended = process.memory_full_info().uss, process.cpu_times()
    busy = (ended.user + ended.system - began.user - began.system) / REST_SECONDS
    return (after - before) / 1024 / len(tokens), busy


def heard_in_time(stack: LocalStack, where: str) -> Row:
    """From the moment at which a request to make a folder leaves, to `change` in the client of its owner."""
    ana = Person.at(stack.url)
    took, asked = [], []
    with listening(ana) as live:
        for number in range(ROUNDS):
            before = live.count("change")
            began = time.perf_counter()
            ana.folder(f"folder {number}")
            live.wait_until(lambda before=before: live.count("change") > before)  # type: ignore[misc]  # bound at once
            took.append(time.perf_counter() - began)
            began = time.perf_counter()
            ana.get("/v1/me")
            asked.append(time.perf_counter() - began)
        assert live.count("change") == ROUNDS, "each was heard once, so none was taken for the one before"
    ours, reference = _percentiles(took), _percentiles(asked)
    return Row(
        f"folder asked for to `change` {where}, p50 / p99 of {ROUNDS} ({GOAL})",
        f"{ours[0]:.0f} / {ours[1]:.0f} ms",
        f"{reference[0]:.1f} / {reference[1]:.1f} ms: one request of the same person in between",
        f"{ours[0] / reference[0]:.1f} / {ours[1] / reference[1]:.1f}",
    )


def _percentiles(seconds: list[float]) -> tuple[float, float]:
    return statistics.median(seconds) * 1000, statistics.quantiles(seconds, n=100)[98] * 1000


@contextmanager
def alone_in_a_process(stack: LocalStack, token: str) -> Iterator[Role]:
    """One more process that answers for the notifier and nothing else, once it has the keys that tokens are verified by."""
    role = Role.start(stack, "api", "coffer_notifier").ready()
    try:
        deadline = time.monotonic() + KEYS_SECONDS
        while httpx.get(f"{role.public}/v1/notifications", headers={"Authorization": f"Bearer {token}"}).status_code != 200:
            assert time.monotonic() < deadline, "it has no keys"
        yield role
    finally:
        role.process.terminate()
        role.process.wait(10)
        stack.others.remove(role.process)


@contextmanager
def held_open(url: str, tokens: list[str], *, stream: bool = True) -> Iterator[None]:
    """So many connections from this process, each with a stream or one answered request behind it. Not read any further: what
    comes are signs of life, and those the sockets hold.
    """
    with asyncio.Runner() as runner:
        holding = contextlib.AsyncExitStack()
        runner.run(_open_all(holding, url, tokens, stream=stream))
        try:
            yield
        finally:
            runner.run(holding.aclose())


async def _open_all(holding: contextlib.AsyncExitStack, url: str, tokens: list[str], *, stream: bool) -> None:
    room = asyncio.Semaphore(OPENING_AT_ONCE)

    async def one(token: str) -> None:
        async with room:
            await holding.enter_async_context(_connection(url, token, stream=stream))

    async with asyncio.TaskGroup() as tasks:
        for token in tokens:
            tasks.create_task(one(token))


@asynccontextmanager
async def _connection(url: str, token: str, *, stream: bool) -> AsyncIterator[None]:
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    path = "/v1/stream" if stream else "/v1/notifications?limit=1"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    if stream:
        await reader.readuntil(b"id: ")
    try:
        yield
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
