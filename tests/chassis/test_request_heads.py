"""What a client may send, and how long it may take, before anybody looks at its request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from coffer_chassis import request_heads
from coffer_chassis.request_heads import HEAD_BYTES
from coffer_chassis.serving import listen, serve

pytestmark = pytest.mark.slow

HEAD = b"POST / HTTP/1.1\r\nHost: test\r\n"
LONG = b"x" * (HEAD_BYTES // 2)


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with what arrived: how many bytes of body, and which fields beside `Host`."""
    if scope["type"] != "http":
        return
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    names = sorted(name for name, _ in scope["headers"] if name != b"host")
    content = b"%d %s" % (size, b",".join(names))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(content))]})
    await send({"type": "http.response.body", "body": content})


@asynccontextmanager
async def server() -> AsyncIterator[int]:
    """The port of a server that echoes."""
    bound, stopping = listen("127.0.0.1", 0), asyncio.Event()
    serving = asyncio.create_task(serve(echo, bound, stopping, lifespan=False))
    try:
        yield bound.getsockname()[1]
    finally:
        stopping.set()
        await serving


async def status_after(port: int, *pieces: bytes) -> bytes:
    """The status line of the answer to what was sent piece by piece; empty if the connection just ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    try:
        return await asyncio.wait_for(reader.readline(), 10)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def answer_to(port: int, request: bytes) -> bytes:
    """The content of the answer to a request that asks to close the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    raw = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return raw.partition(b"\r\n\r\n")[2]


FIELDS = [b"x-%d: %s\r\n" % (number, LONG) for number in range(100)]


@pytest.mark.parametrize(
    "pieces",
    [
        [HEAD, *FIELDS],
        [HEAD, b"x: ", *[LONG] * 100],
        [b"GET /", *[LONG] * 100],
        [HEAD, b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n", *FIELDS],
    ],
    ids=["fields", "one field", "address", "trailers"],
)
async def test_what_goes_on_without_becoming_a_request_is_not_kept(pieces: list[bytes]) -> None:
    async with server() as port:
        status = await status_after(port, *pieces)
        assert status.startswith(b"HTTP/1.1 431") or not status
        assert (await status_after(port, HEAD + b"\r\n")).startswith(b"HTTP/1.1 200")


async def test_a_large_body_in_many_pieces_is_no_head_without_an_end() -> None:
    size = 20 * HEAD_BYTES
    async with server() as port:
        announced = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % size
        assert await answer_to(port, announced + b"x" * size) == b"%d connection,content-length" % size
        chunks = b"1\r\nx\r\n" * HEAD_BYTES + b"0\r\n\r\n"
        chunked = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
        assert await answer_to(port, chunked) == b"%d connection,transfer-encoding" % HEAD_BYTES


async def test_fields_behind_the_body_do_not_become_fields_of_the_request() -> None:
    behind = b"2\r\nab\r\n0\r\nAuthorization: Bearer late\r\nX-Late: 1\r\n\r\n"
    async with server() as port:
        wanted = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + behind
        assert await answer_to(port, wanted) == b"2 connection,transfer-encoding"


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost:"], ids=["nothing", "half a head"])
async def test_a_connection_whose_request_does_not_come_is_closed(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_heads, "HEAD_SECONDS", 0.2)
    async with server() as port:
        assert await status_after(port, said) == b""


async def test_a_request_may_take_longer_than_its_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_heads, "HEAD_SECONDS", 1)
    async with server() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(HEAD + b"Content-Length: 2\r\n\r\na")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 1.5)
            writer.write(b"b")
            assert (await asyncio.wait_for(reader.readuntil(b"content-length"), 10)).startswith(b"HTTP/1.1 200")
            await reader.readuntil(b"content-length")
        writer.close()
