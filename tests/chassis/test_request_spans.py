"""The span of a request: in whose trace it is, what it says, and what it keeps to itself."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from coffer_chassis import logs, tracing
from coffer_chassis.access_rules import public
from coffer_chassis.health import Readiness, health_routes
from coffer_chassis.origin import Origin
from coffer_contracts.problems import NotFound
from factories.http import app_of, client_of, served
from factories.tracing import PARENT, SPAN, TRACE, kept_spans, parent_of
from factories.upstreams import answered

SECRET = "cof_pat_verysecret"


@get("/v1/links/{token:str}", opt=public())
async def get_link(token: FromPath[str], origin: NamedDependency[Origin]) -> dict[str, str | None]:
    structlog.get_logger().info("seen")
    return {"trace": origin.traceparent, "token": token}


@get("/v1/missing", opt=public())
async def get_missing() -> None:
    raise NotFound("letter.pdf is gone")


@get("/v1/broken", opt=public())
async def get_broken() -> None:
    raise RuntimeError("letter.pdf broke it")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    before = structlog.get_config()
    logs.configure(stream=stream, console=False, cached=False)
    yield stream
    structlog.configure(**before)


def logged(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_a_request_is_a_child_of_the_span_its_caller_names(lines: io.StringIO) -> None:
    with kept_spans() as kept, client_of(get_link) as client:
        headers = {"traceparent": PARENT, "tracestate": "rojo=1"}
        told = client.get(f"/v1/links/{SECRET}?name=letter.pdf", headers=headers).json()
    (span,) = kept.spans
    assert (span.name, span.kind, span.service) == ("GET /v1/links/{token}", "server", "test")
    assert (span.trace_id, span.parent and span.parent.span_id, span.state) == (TRACE, SPAN, "rojo=1")
    assert span.attributes == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "http.route": "/v1/links/{token}",
        "http.response.status_code": 200,
    }
    assert told["trace"] == span.traceparent
    assert {line["event"] for line in logged(lines)} == {"seen", "request"}
    assert {(line["trace_id"], line["span_id"]) for line in logged(lines)} == {(TRACE, span.span_id)}
    assert all(line["request_id"] for line in logged(lines))


def test_nothing_that_people_type_leaves_with_a_span() -> None:
    hostile = '<script>"\u202egpj.exe'
    with kept_spans() as kept, client_of(get_link, get_broken) as client:
        client.get(
            f"/v1/links/{SECRET}", headers={"User-Agent": SECRET, "Authorization": f"Bearer {SECRET}", "Referer": SECRET}
        )
        client.get("/v1/links/x", params={"name": hostile, "X-Amz-Signature": SECRET})
        client.get(f"/nowhere/{SECRET}")
        client.request("BREW", f"/v1/links/{SECRET}")
        client.get("/v1/broken", headers={"tracestate": f"{SECRET}=x", "X-Request-Id": SECRET})
    said = repr([(span.name, span.attributes, span.error, span.state) for span in kept.spans])
    assert len(kept.spans) == 5
    for word in (SECRET, "script", "gpj", "letter.pdf"):
        assert word not in said


@pytest.mark.parametrize(
    ("path", "method", "name", "status", "error"),
    [
        ("/v1/missing", "GET", "GET /v1/missing", 404, None),
        ("/v1/broken", "GET", "GET /v1/broken", 500, "500"),
        ("/nowhere", "GET", "GET", 404, None),
        ("/v1/links/x", "HEAD", "HEAD /v1/links/{token}", 200, None),
        ("/v1/links/x", "BREW", "HTTP", 405, None),
        ("/v1/links/x", "OPTIONS", None, 204, None),
    ],
)
def test_a_span_says_how_the_request_ended(path: str, method: str, name: str | None, status: int, error: str | None) -> None:
    with kept_spans() as kept, client_of(get_link, get_missing, get_broken) as client:
        assert client.request(method, path).status_code == status
    (span,) = kept.spans
    assert name is None or span.name == name
    assert (span.attributes["http.response.status_code"], span.error) == (status, error)


def test_an_answer_that_breaks_off_is_a_failure() -> None:
    async def half() -> Any:
        yield b"the first half"
        raise RuntimeError("lost the store")

    @get("/half", opt=public())
    async def get_half() -> Stream:
        return Stream(half())

    with kept_spans() as kept, client_of(get_half) as client:
        client.get("/half")
    assert (kept.spans[0].error, kept.spans[0].attributes["http.response.status_code"]) == ("LitestarException", 200)


def test_probes_leave_no_spans_unless_they_fail() -> None:
    with kept_spans() as kept, client_of(*health_routes(Readiness({}))) as client:
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").status_code == 200
    assert kept.spans == []


def test_a_request_without_a_trace_begins_one_and_says_which_in_its_refusal() -> None:
    with kept_spans() as kept, client_of(get_missing) as client:
        first, second = (client.get("/v1/missing").json()["trace_id"] for _ in range(2))
    assert [span.trace_id for span in kept.spans] == [first, second]
    assert first != second


def test_a_caller_who_records_nothing_is_followed() -> None:
    with kept_spans() as kept, client_of(get_link) as client:
        told = client.get("/v1/links/x", headers={"traceparent": parent_of(1, sampled=False)}).json()
    assert told["trace"].endswith("-00")
    assert kept.spans == []


@pytest.mark.parametrize(
    "fields",
    [
        [f"traceparent: {PARENT}", f"traceparent: {PARENT}"],
        [f"traceparent: {PARENT}, {PARENT}"],
        ["traceparent: " + "0" * 4000],
        [f"traceparent: ff{PARENT[2:]}"],
        [f"traceparent: 00-{'0' * 32}-{SPAN}-01"],
        ["traceparent:"],
        ["tracestate: rojo=1"],
    ],
    ids=["two", "two in one", "long", "version ff", "zeros", "empty", "state alone"],
)
async def test_whatever_else_is_said_of_a_trace_is_not_believed_and_does_no_harm(fields: list[str]) -> None:
    with kept_spans() as kept:
        async with served(app_of(get_link)) as url:
            head = ["GET /v1/links/x HTTP/1.1", "Host: x", "Connection: close", *fields]
            status, _, _ = await answered(int(url.rsplit(":", 1)[1]), ("\r\n".join(head) + "\r\n\r\n").encode())
    assert status == 200
    (span,) = kept.spans
    assert (span.parent, span.state) == (None, None)
    assert span.trace_id != TRACE


@pytest.mark.parametrize("state", ["nonsense", "a=1,a=2", "x" * 4000, "=", "a=\x7f"])
def test_a_malformed_state_is_dropped_and_the_parent_stays(state: str) -> None:
    with kept_spans() as kept, client_of(get_link) as client:
        client.get("/v1/links/x", headers={"traceparent": PARENT, "tracestate": state})
    assert (kept.spans[0].trace_id, kept.spans[0].state) == (TRACE, None)


async def test_requests_one_after_the_other_on_one_connection_are_not_each_others_children() -> None:
    with kept_spans() as kept:
        async with served(app_of(get_link)) as url:
            one = b"GET /v1/links/x HTTP/1.1\r\nHost: x\r\n"
            pipelined = (one + b"\r\n") * 2 + one + b"Connection: close\r\n\r\n"
            await answered(int(url.rsplit(":", 1)[1]), pipelined)
    assert len({span.trace_id for span in kept.spans}) == 3
    assert tracing.current() is None
