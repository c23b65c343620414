"""The gateway over HTTP, between real servers and real clients: what passes, and how."""

import asyncio
import gzip
from typing import Any

import httpx
import pytest

from coffer_chassis.http import MAX_BODY_BYTES
from coffer_local.forwarding import ForwardedFor
from factories.upstreams import Seen, answered, asked, gateway, request, said, upstream

pytestmark = pytest.mark.slow

REQUEST_ID = "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"


async def test_every_request_goes_to_the_owner_of_its_path() -> None:
    async with upstream() as auth, upstream() as files, gateway(auth=auth.url, files=files.url) as port:
        for path in ("/v1/auth/login", "/.well-known/jwks.json", "/user"):
            assert (await asked(port, path)).text == "ok"
        assert (await asked(port, "/v1/items/root/children")).text == "ok"
    assert [seen.line.split()[1] for seen in auth.seen] == ["/v1/auth/login", "/.well-known/jwks.json", "/user"]
    assert [seen.line.split()[1] for seen in files.seen] == ["/v1/items/root/children"]


@pytest.mark.parametrize(
    "target",
    [
        "/v1/items/a%2Fb%20c%C3%A9",
        "/v1/items/../../../etc/passwd",
        "/v1/items//x;y=1/%2e%2e/.",
        "/v1/items/x?q=%zz+1&q=&&=%26",
        "/v1/items/x?next=http://evil.example/%23",
    ],
)
async def test_addresses_pass_byte_for_byte(target: str) -> None:
    async with upstream() as files, gateway(files=files.url) as port:
        assert (await answered(port, request(target)))[0] == 200
    assert files.seen[0].line == f"GET {target} HTTP/1.1"


async def test_the_service_learns_who_asked_and_not_what_strangers_claim() -> None:
    claims = ["X-Forwarded-For: 10.9.9.9", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example", "X-Real-IP: 1.2.3.4"]
    async with upstream() as files, gateway(files=files.url) as port:
        await answered(port, request("/v1/items/x", *claims, "Forwarded: for=10.9.9.9", f"X-Request-Id: {REQUEST_ID}"))
    (seen,) = files.seen
    assert seen.all("host") == ["drive.example"]
    assert seen.all("x-forwarded-for") == ["127.0.0.1"]
    assert seen.all("x-forwarded-proto") == ["http"]
    assert seen.all("x-forwarded-host") == ["drive.example"]
    assert seen.all("x-request-id") == [REQUEST_ID]
    assert seen.all("forwarded") == seen.all("x-real-ip") == []
    assert seen.all("via") == ["1.1 coffer"]


async def test_the_word_of_a_trusted_proxy_is_kept_and_added_to() -> None:
    said_before = ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 10.0.0.7", "X-Forwarded-Proto: https"]
    async with upstream() as files, gateway(trusted=("127.0.0.0/8",), files=files.url) as port:
        await answered(port, request("/v1/items/x", *said_before, "X-Forwarded-Host: drive.example.org"))
    (seen,) = files.seen
    assert seen.all("x-forwarded-for") == ["203.0.113.9, 10.0.0.7, 127.0.0.1"]
    assert seen.all("x-forwarded-proto") == ["https"]
    assert seen.all("x-forwarded-host") == ["drive.example.org"]


async def test_whom_a_request_asks_is_passed_on_whatever_else_it_says() -> None:
    async with upstream() as files, gateway(files=files.url) as port:
        await answered(port, request("/v1/items/x", "Connection: host"))
        assert (await answered(port, request("/v1/items/x").replace(b"Host: drive.example\r\n", b"")))[0] == 400
    (seen,) = files.seen
    assert seen.all("host") == seen.all("x-forwarded-host") == ["drive.example"]


def test_of_two_lengths_only_that_of_the_chunks_counts() -> None:
    fields = [(b"host", b"drive.example"), (b"content-length", b"0"), (b"transfer-encoding", b"chunked")]
    passed = ForwardedFor().request_fields({"headers": fields, "scheme": "http"}, request_id=REQUEST_ID)
    assert not {"content-length", "transfer-encoding"} & {name for name, _ in passed}


async def test_fields_of_one_hop_end_at_the_gateway_in_both_directions() -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTrailer: T\r\n"
        b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Kept: yes\r\nContent-Length: 2\r\n\r\nok"
    )
    wanted = b"GET /v1/items/x HTTP/1.1\r\nHost: h\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nTE: trailers\r\n"
    wanted += b"Proxy-Authorization: Basic eA==\r\nAuthorization: Bearer t\r\nX-Kept: yes\r\n\r\n"
    async with upstream(answer) as files, gateway(files=files.url) as port:
        status, fields, body = await answered(port, wanted)
    (seen,) = files.seen
    for name in ("x-mine", "te", "proxy-authorization", "upgrade", "transfer-encoding"):
        assert seen.all(name) == [], name
    assert seen.all("authorization") == ["Bearer t"]
    assert seen.all("x-kept") == ["yes"]
    assert seen.all("user-agent") == seen.all("accept-encoding") == seen.all("accept") == []
    assert (status, body) == (200, b"ok")
    names = [name for name, _ in fields]
    assert not {"x-hop", "keep-alive", "trailer"} & set(names)
    assert [value for name, value in fields if name == "set-cookie"] == ["a=1", "b=2"]
    assert names.count("date") == 1


async def test_answers_pass_as_they_are_compressed_or_leading_elsewhere() -> None:
    packed = gzip.compress(b"hello")
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://s3.example/x?sig=%2F\r\nContent-Encoding: gzip\r\n"
    answer += b"Content-Length: %d\r\n\r\n" % len(packed) + packed
    async with upstream(answer) as files, gateway(files=files.url) as port:
        status, fields, body = await answered(port, request("/v1/items/x/content"))
    assert status == 302
    assert ("location", "http://s3.example/x?sig=%2F") in fields
    assert body == packed
    assert len(files.seen) == 1


@pytest.mark.parametrize(
    ("method", "answer", "length"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: x\r\n\r\n", ["1234"]),
        ("DELETE", b"HTTP/1.1 204 No Content\r\nETag: x\r\n\r\n", []),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 99\r\n\r\n", []),
    ],
)
async def test_answers_without_a_body_have_none(method: str, answer: bytes, length: list[str]) -> None:
    async with upstream(answer) as files, gateway(files=files.url) as port:
        status, fields, body = await answered(port, request("/v1/items/x", method=method))
    assert status == int(answer.split()[1])
    assert body == b""
    assert [value for name, value in fields if name == "content-length"] == length
    assert not [value for name, value in fields if name == "transfer-encoding"]
    assert files.seen[0].line.startswith(f"{method} ")


async def test_a_body_arrives_whole_with_its_length() -> None:
    body = bytes(range(256)) * 4096
    assert len(body) == MAX_BODY_BYTES
    async with upstream() as files, gateway(files=files.url) as port:
        assert (await asked(port, "/v1/folders", method="POST", content=body)).status_code == 200
    (seen,) = files.seen
    assert seen.body == body
    assert seen.all("content-length") == [str(len(body))]


async def test_a_body_of_unknown_length_arrives_whole() -> None:
    async def pieces() -> Any:
        for number in range(5):
            yield b"%d" % number * 1000

    async with upstream() as files, gateway(files=files.url) as port:
        assert (await asked(port, "/v1/folders", method="POST", content=pieces())).status_code == 200
    assert files.seen[0].body == b"".join(b"%d" % number * 1000 for number in range(5))


async def test_a_stream_of_events_passes_as_it_is_written_and_ends_with_its_reader() -> None:
    more = asyncio.Event()

    async def stream(_request: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for text in (b"data: 1\n\n", b"data: 2\n\n"):
            writer.write(b"%x\r\n%b\r\n" % (len(text), text))
            await writer.drain()
            await more.wait()
        await asyncio.Event().wait()

    async with upstream(stream) as notifier, gateway(answer_seconds=2, notifier=notifier.url) as port:
        async with said(port, request("/v1/stream")) as (reader, _):
            await asyncio.wait_for(reader.readuntil(b"data: 1\n\n"), 30)
            assert not notifier.left.is_set()
            more.set()
            await asyncio.wait_for(reader.readuntil(b"data: 2\n\n"), 30)
            # Longer than an answer may take to begin: once it has begun, nothing limits it.
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.readuntil(b"data: 3"), 2.5)
            assert not notifier.left.is_set()
        await asyncio.wait_for(notifier.left.wait(), 30)


async def test_what_nobody_owns_is_answered_by_the_gateway_itself() -> None:
    async with upstream() as files, gateway(files=files.url) as port:
        assert (await asked(port, "/")).json()["name"] == "Coffer"
        assert (await asked(port, "/livez")).json() == {"status": "alive"}
        for path in ("/metrics", "/internal", "/v1", "/v1/itemsx", "//v1/items/x", "/v1/shares/x"):
            answer = await asked(port, path)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    assert files.seen == []


async def test_connections_to_a_service_are_used_again() -> None:
    async with upstream() as files, gateway(files=files.url) as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            for _ in range(3):
                assert (await client.get("/v1/items/x")).status_code == 200
        assert len(files.seen) == 3
        assert not files.left.is_set()
