"""Traces through the gateway: passed on as they came by one that exports nothing, with its own span by one that does."""

import pytest

from coffer_chassis.trace_headers import parent_in
from factories.otlp import receiver
from factories.tracing import PARENT, TRACE, kept_spans
from factories.upstreams import Seen, answered, gateway, request, upstream

GIVEN = [f"traceparent: {PARENT}", "tracestate: rojo=1", "tracestate: congo=2"]


async def passed(*fields: str) -> Seen:
    async with upstream() as files, gateway(files=files.url) as port:
        assert (await answered(port, request("/v1/items/x", *fields)))[0] == 200
    (seen,) = files.seen
    return seen


async def test_a_gateway_that_exports_nothing_takes_no_part() -> None:
    seen = await passed(*GIVEN)
    assert (seen.all("traceparent"), seen.all("tracestate")) == ([PARENT], ["rojo=1", "congo=2"])
    assert (await passed()).all("traceparent") == []


async def test_a_gateway_that_exports_stands_between_client_and_service() -> None:
    with kept_spans() as kept:
        seen = await passed(*GIVEN)
    (span,) = kept.spans
    assert (span.trace_id, span.parent and span.parent.traceparent, span.kind, span.service) == (
        TRACE,
        PARENT,
        "server",
        "gateway",
    )
    assert span.attributes == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "http.response.status_code": 200,
        "coffer.upstream": "files",
    }
    assert (seen.all("traceparent"), seen.all("tracestate")) == ([span.traceparent], ["rojo=1,congo=2"])


@pytest.mark.parametrize(
    "fields", [[], [*GIVEN, GIVEN[0]], [f"traceparent: ff{PARENT[2:]}", "tracestate: rojo=1"], ["tracestate: rojo=1"]]
)
async def test_what_cannot_be_believed_is_replaced(fields: list[str]) -> None:
    with kept_spans() as kept:
        seen = await passed(*fields)
    (traceparent,) = seen.all("traceparent")
    parent = parent_in(traceparent)
    assert parent is not None
    assert parent.trace_id == kept.spans[0].trace_id != TRACE
    assert seen.all("tracestate") == []


async def test_a_service_that_cannot_be_reached_is_a_failure_in_the_callers_trace() -> None:
    with kept_spans() as kept:
        async with gateway(files="http://127.0.0.1:9") as port:
            status, _, body = await answered(port, request("/v1/items/x", *GIVEN))
    assert status == 503
    assert TRACE.encode() in body
    assert {span.trace_id for span in kept.spans} == {TRACE}
    assert {span.error for span in kept.spans} == {"503"}


async def test_no_receiver_is_asked_by_a_gateway_that_was_not_told_of_one() -> None:
    with receiver() as collector:
        await passed(*GIVEN)
    assert collector.asked == 0
