"""Services as a gateway sees them: real servers on loopback that write down, byte for byte, what reaches them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from coffer_local.forwarding import ForwardedFor
from coffer_local.gateway import own_app
from coffer_local.proxy import Proxy
from factories.doors import behind_a_door

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Seen:
    """One request as it arrived."""

    line: str
    fields: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        """The values of a field, in order."""
        return [value for key, value in self.fields if key.lower() == name]


Answer = Callable[[Seen, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@dataclass
class Upstream:
    """A service made of one answer. `left` is set whenever a connection to it has ended."""

    answer: Answer
    seen: list[Seen] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer every request of a connection."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await _read(reader)
                self.seen.append(request)
                answering = asyncio.create_task(self.answer(request, writer))
                ending = asyncio.create_task(_end_of(reader))
                await asyncio.wait({answering, ending}, return_when=asyncio.FIRST_COMPLETED)
                over = not answering.done() or writer.is_closing()
                answering.cancel()
                ending.cancel()
                await asyncio.gather(answering, ending, return_exceptions=True)
                if over:
                    break
        self.left.set()
        writer.close()


async def _end_of(reader: asyncio.StreamReader) -> None:
    # A client that keeps to HTTP/1.1 without pipelining sends nothing while it is being answered.
    await reader.read(1)


async def _read(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = [line.partition(":") for line in head[1:] if line]
    request = Seen(head[0], [(name, value.strip()) for name, _, value in pairs], b"")
    if request.all("transfer-encoding"):
        while size := int(await reader.readline(), 16):
            request.body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    elif lengths := request.all("content-length"):
        request.body = await reader.readexactly(int(lengths[0]))
    return request


@asynccontextmanager
async def upstream(answer: bytes | Answer = OK) -> AsyncIterator[Upstream]:
    """A running service that answers everything with these bytes, or as the function does."""

    async def write(_request: Seen, writer: asyncio.StreamWriter) -> None:
        assert isinstance(answer, bytes)
        writer.write(answer)
        await writer.drain()

    service = Upstream(write if isinstance(answer, bytes) else answer)
    server = await asyncio.start_server(service.meet, "127.0.0.1", 0)
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield service
    finally:
        server.close()


@asynccontextmanager
async def gateway(*, trusted: tuple[str, ...] = (), answer_seconds: float = 10, **upstreams: str) -> AsyncIterator[int]:
    """The port of a running gateway in front of these services; underscores in their names stand for dashes."""
    own, _ = own_app({}, problem_base="https://coffer.test/docs")
    proxy = Proxy(
        own,
        {service.replace("_", "-"): url for service, url in upstreams.items()},
        forwarded=ForwardedFor(trusted),
        problem_base="https://coffer.test/docs",
        answer_seconds=answer_seconds,
    )
    async with behind_a_door(proxy) as port:
        yield port


@asynccontextmanager
async def said(port: int, request: bytes) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which these bytes were sent; closed at the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await writer.drain()
    try:
        yield reader, writer
    finally:
        writer.close()


async def answered(port: int, request: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, fields and body of the answer; the request must ask to close the connection."""
    async with said(port, request) as (reader, _):
        raw = await asyncio.wait_for(reader.read(), 60)
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(":") for line in lines[1:]]
    return int(lines[0].split()[1]), [(name.lower(), value.strip()) for name, _, value in pairs], body


def request(target: str, *fields: str, method: str = "GET", body: bytes = b"") -> bytes:
    """A request that ends its connection, byte for byte."""
    lines = [f"{method} {target} HTTP/1.1", "Host: drive.example", "Connection: close", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


async def asked(port: int, path: str, **options: Any) -> httpx.Response:
    """The answer to an ordinary client; GET unless `method` says otherwise."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        return await client.request(options.pop("method", "GET"), path, **options)
