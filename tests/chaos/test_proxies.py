"""The proxies of chaos: what passes is whole, what is refused is refused as AWS does it, and what is cut is cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from botocore.parsers import create_parser

from factories.chaos_http import HttpFaultProxy, refusal
from factories.chaos_proxy import FaultProxy

BODY = bytes(range(256)) * 400


answering: set[asyncio.Task[None]] = set()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that answers every PUT with its body."""
    task = asyncio.current_task()
    assert task is not None
    answering.add(task)
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
            )
            body = await reader.readexactly(length)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % length + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        answering.discard(task)
        writer.transport.abort()


@asynccontextmanager
async def standing(kind: type[FaultProxy], **chances: float) -> AsyncIterator[FaultProxy]:
    """A proxy of that kind before the echo."""
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = kind("part", "127.0.0.1", server.sockets[0].getsockname()[1], 1, chances=chances)
    await proxy.start()
    yield proxy
    await proxy.stop()
    server.close()
    while answering:
        await asyncio.wait(answering)


async def put(session: aiohttp.ClientSession, proxy: FaultProxy) -> tuple[int, bytes]:
    async with session.put(f"http://127.0.0.1:{proxy.port}/bucket/key", data=BODY) as answer:
        return answer.status, await answer.read()


async def put_again_and_again(session: aiohttp.ClientSession, proxy: FaultProxy) -> None:
    for _ in range(50):
        await put(session, proxy)


@pytest.mark.parametrize("kind", [FaultProxy, HttpFaultProxy])
async def test_what_passes_is_whole(kind: type[FaultProxy]) -> None:
    async with standing(kind) as proxy, aiohttp.ClientSession() as session:
        assert [await put(session, proxy) for _ in range(3)] == [(200, BODY)] * 3


@pytest.mark.parametrize("fate", ["cut in request", "answer lost", "cut in answer"])
async def test_a_request_that_is_cut_fails_at_the_client(fate: str) -> None:
    async with standing(HttpFaultProxy, **{fate: 1.0}) as proxy, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await put(session, proxy)
        assert proxy.fates.met[fate] >= 1


async def test_a_connection_is_cut_once_it_has_carried_its_bytes() -> None:
    async with standing(FaultProxy, cut=1.0) as proxy, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await put_again_and_again(session, proxy)
        proxy.calm()
        assert await put(session, proxy) == (200, BODY)


async def test_the_bucket_says_that_it_is_asked_too_much() -> None:
    async with standing(HttpFaultProxy, **{"slow down": 1.0}) as proxy, aiohttp.ClientSession() as session:
        status, said = await put(session, proxy)
        assert (status, b"<Code>SlowDown</Code>" in said) == (503, True)


async def test_whoever_is_down_lets_nobody_in_until_they_are_back() -> None:
    async with standing(HttpFaultProxy) as proxy, aiohttp.ClientSession() as session:
        proxy.go_down()
        with pytest.raises(aiohttp.ClientError):
            await put(session, proxy)
        proxy.come_back()
        assert await put(session, proxy) == (200, BODY)


async def test_while_it_freezes_nothing_moves() -> None:
    async with standing(FaultProxy) as proxy, aiohttp.ClientSession() as session:
        freezing = asyncio.create_task(proxy.freeze(0.2))
        asking = asyncio.create_task(put(session, proxy))
        await freezing
        assert not asking.done()
        assert await asking == (200, BODY)


@pytest.mark.parametrize(
    ("fields", "protocol", "code"),
    [
        ({}, "rest-xml", "SlowDown"),
        ({"x-amz-target": "AmazonSQS.ReceiveMessage"}, "json", "RequestThrottled"),
        ({"content-type": "application/x-www-form-urlencoded"}, "query", "Throttling"),
    ],
)
def test_the_sdk_understands_the_refusal(fields: dict[str, str], protocol: str, code: str) -> None:
    head, _, body = refusal(fields).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    parsed = create_parser(protocol).parse({"status_code": int(first.split()[1]), "headers": headers, "body": body}, None)
    assert parsed["Error"]["Code"] == code
