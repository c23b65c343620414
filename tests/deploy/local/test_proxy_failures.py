"""The gateway over HTTP when something is wrong: services that are away, clients that leave, requests that must not pass."""

import asyncio
import json

import httpx
import pytest
from structlog.testing import capture_logs

from coffer_chassis.http import MAX_BODY_BYTES
from coffer_chassis.testing import eventually
from coffer_local import proxy
from factories.upstreams import OK, Seen, answered, asked, gateway, request, said, upstream

pytestmark = pytest.mark.slow  # waits for real time limits

REQUEST_ID = "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"


async def nobody(_request: Seen, writer: asyncio.StreamWriter) -> None:
    """Hang up without an answer."""
    writer.close()


async def silence(_request: Seen, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def test_a_body_that_says_it_is_too_large_is_refused_before_any_service_sees_it() -> None:
    async with upstream() as files, gateway(files=files.url) as port:
        wanted = request("/v1/folders", f"Content-Length: {MAX_BODY_BYTES + 1}", method="POST")
        status, fields, body = await answered(port, wanted)
    assert status == 413
    assert ("content-type", "application/problem+json") in fields
    assert json.loads(body)["limit"] == MAX_BODY_BYTES
    assert files.seen == []


async def test_a_body_that_turns_out_too_large_is_refused() -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    wanted = request("/v1/folders", "Transfer-Encoding: chunked", method="POST", body=chunk * 17 + b"0\r\n\r\n")
    async with upstream() as files, gateway(files=files.url) as port:
        status, _, body = await answered(port, wanted)
    assert status == 413
    assert json.loads(body)["code"] == "too_large"
    assert files.seen == []


async def test_a_service_that_is_down_is_a_problem_that_may_pass() -> None:
    async with upstream() as gone:
        pass
    async with gateway(files=gone.url) as port:
        answer = await asked(port, "/v1/items/x", headers={"X-Request-Id": REQUEST_ID, "Origin": "https://evil.example"})
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"] == REQUEST_ID
    problem = answer.json()
    assert (problem["code"], problem["type"]) == ("unavailable", "https://coffer.test/docs/problems/unavailable")
    assert problem["request_id"] == REQUEST_ID
    assert gone.url not in answer.text


async def test_a_service_that_hangs_up_without_an_answer_is_the_same_problem() -> None:
    async with upstream(nobody) as files, gateway(files=files.url) as port:
        assert (await asked(port, "/v1/folders", method="POST", json={})).json()["code"] == "unavailable"


async def test_what_is_no_http_is_the_same_problem() -> None:
    async with upstream(b"SSH-2.0-OpenSSH\r\n\r\n") as files, gateway(files=files.url) as port:
        assert (await asked(port, "/v1/items/x")).status_code == 503


async def test_what_is_written_down_about_a_failure_holds_no_token() -> None:
    async with upstream(b"SSH-2.0-OpenSSH\r\n\r\n") as files, gateway(files=files.url) as port:
        with capture_logs() as logged:
            await asked(port, "/v1/items/x?ticket=secret", headers={"Authorization": "Bearer secret"})
    assert [line["event"] for line in logged if line["log_level"] == "warning"] == ["service_unreachable"]
    assert "secret" not in str(logged)


async def test_a_service_that_is_back_answers_the_next_request() -> None:
    calls = iter([nobody, None])

    async def once_nobody(seen: Seen, writer: asyncio.StreamWriter) -> None:
        step = next(calls)
        if step is not None:
            await step(seen, writer)
        else:
            writer.write(OK)

    async with upstream(once_nobody) as files, gateway(files=files.url) as port:
        assert (await asked(port, "/v1/folders", method="POST")).status_code == 503
        assert (await asked(port, "/v1/folders", method="POST")).status_code == 200


async def test_a_service_that_does_not_answer_in_time_is_not_waited_for() -> None:
    async with upstream(silence) as files, gateway(answer_seconds=0.2, files=files.url) as port:
        answer = await asked(port, "/v1/folders", method="POST", json={"name": "x"})
        assert (answer.status_code, answer.json()["code"]) == (504, "timeout")
        await asyncio.wait_for(files.left.wait(), 30)


async def test_an_answer_that_waits_for_something_to_happen_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "HELD_BACK_SECONDS", {"/v1/changes": 60})

    async def later(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if "wait=" in seen.line:
            asyncio.get_running_loop().call_later(0.4, writer.write, OK)

    async with upstream(later) as files, gateway(answer_seconds=0.2, files=files.url) as port:
        assert (await asked(port, "/v1/changes?wait=1")).status_code == 200
        assert (await asked(port, "/v1/changes/cursor")).status_code == 504


async def test_an_answer_that_breaks_off_is_broken_off_for_the_client_too() -> None:
    async def half(_request: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    async with upstream(half) as files, gateway(files=files.url) as port:
        with pytest.raises(httpx.RemoteProtocolError):
            await asked(port, "/v1/items/x")


async def test_a_client_that_leaves_before_the_answer_ends_the_work_for_it() -> None:
    async with upstream(silence) as files, gateway(files=files.url) as port:
        async with said(port, request("/v1/items/x")):
            await eventually(lambda: _true(files.seen))
        await asyncio.wait_for(files.left.wait(), 30)


async def _true(what: object) -> bool:
    return bool(what)


async def test_a_client_that_leaves_in_the_middle_of_its_body_leaves_nothing_behind() -> None:
    async with upstream() as files, gateway(files=files.url) as port:
        async with said(port, request("/v1/folders", "Content-Length: 1000", method="POST", body=b"x" * 10)):
            pass
        await asyncio.wait_for(files.left.wait(), 30)
        assert files.seen == []
        assert (await asked(port, "/v1/folders", method="POST", json={})).status_code == 200


async def test_an_early_refusal_reaches_a_client_that_is_still_sending() -> None:
    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(early, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with gateway(files=url) as port:
        wanted = request("/v1/folders", "Content-Length: 1000", method="POST", body=b"x" * 10)
        async with said(port, wanted) as (reader, _):
            assert (await asyncio.wait_for(reader.readline(), 30)).startswith(b"HTTP/1.1 401")
    server.close()


async def test_a_connection_is_not_turned_into_something_else() -> None:
    async with upstream() as files, gateway(files=files.url) as port:
        upgrade = ["Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
        wanted = request("/v1/stream", *upgrade).replace(b"Connection: close", b"Connection: Upgrade")
        async with said(port, wanted) as (reader, _):
            assert b" 403 " in await asyncio.wait_for(reader.readline(), 30)
        for method in ("TRACE", "PROPFIND"):
            assert (await answered(port, request("/v1/items/x", method=method)))[0] == 405
    assert files.seen == []


async def test_a_request_for_two_hosts_is_refused() -> None:
    async with upstream() as files, gateway(files=files.url) as port:
        assert (await answered(port, request("/v1/items/x", "Host: evil.example")))[0] == 400
    assert files.seen == []


async def test_a_request_with_two_lengths_is_refused() -> None:
    async with upstream() as files, gateway(files=files.url) as port:
        wanted = request("/v1/folders", "Content-Length: 4", "Transfer-Encoding: chunked", method="POST", body=b"0\r\n\r\n")
        assert (await answered(port, wanted))[0] == 400
    assert files.seen == []
