"""Spans on their way to a real receiver of OTLP over HTTP, and what becomes of them when it is slow, away or unwilling."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from structlog.processors import CallsiteParameter, CallsiteParameterAdder

from coffer_chassis import tracing
from coffer_chassis.metrics import registry
from coffer_chassis.trace_export import TraceSettings, exporting
from coffer_chassis.trace_outlet import _resource
from factories.otlp import Receiver, receiver
from factories.tracing import PARENT, SPAN, TRACE, parent_of

AT_ONCE = 5.0
"""Seconds; who waits for a receiver that hangs takes six times as long."""


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiver() as told:
        yield told


@pytest.fixture(autouse=True)
def _own_variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    _resource.cache_clear()
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    monkeypatch.setattr("coffer_chassis.trace_outlet.FLUSH_SECONDS", 60)
    yield
    assert not tracing.is_exporting()
    _resource.cache_clear()


@contextmanager
def exporting_to(where: Receiver, monkeypatch: pytest.MonkeyPatch, **variables: str) -> Iterator[None]:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", where.url)
    for name, value in variables.items():
        monkeypatch.setenv(f"OTEL_{name}", value)
    with exporting("files"):
        yield


def outcomes() -> dict[str, float]:
    names = ("exported", "failed", "queue_full", "left")
    return {name: registry.get_sample_value("coffer_trace_spans_total", {"outcome": name}) or 0 for name in names}


def since(before: dict[str, float]) -> dict[str, float]:
    return {name: count - before[name] for name, count in outcomes().items() if count != before[name]}


def until(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


def test_spans_arrive_whole(collector: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    before = outcomes()
    with exporting_to(collector, monkeypatch):
        about: dict[str, tracing.Attribute] = {"http.request.method": "GET", "count": 3, "ratio": 0.5, "is": True}
        with (
            tracing.span(
                "GET /x", kind="server", parent=PARENT, state="rojo=1", attributes=about, links=[parent_of(7)]
            ) as outer,
            pytest.raises(KeyError),
            tracing.span("inner"),
        ):
            raise KeyError("letter.pdf")
    inner_seen, outer_seen = collector.spans
    assert (outer_seen.name, outer_seen.kind, outer_seen.service) == ("GET /x", "server", "coffer-files")
    assert (outer_seen.trace_id, outer_seen.parent_id, outer_seen.span_id) == (TRACE, SPAN, outer.span_id)
    assert outer_seen.attributes == about
    assert outer_seen.links == ((f"{7:032x}", f"{7:016x}"),)
    assert (outer_seen.state, outer_seen.failed) == ("rojo=1", False)
    assert (inner_seen.kind, inner_seen.parent_id, inner_seen.failed) == ("internal", outer.span_id, True)
    assert inner_seen.attributes == {"error.type": "KeyError"}
    assert inner_seen.seconds >= 0
    assert not any(b"letter.pdf" in raw for raw in collector.raw)
    assert since(before) == {"exported": 2}


def test_headers_names_and_resources_are_taken_from_the_standard_variables(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.url}/v1/traces")
    with exporting_to(
        collector,
        monkeypatch,
        EXPORTER_OTLP_HEADERS="x-key=a%20b",
        SERVICE_NAME="drive",
        EXPORTER_OTLP_ENDPOINT="http://[::1]:9",
    ):
        tracing.span("one").__enter__().__exit__(None, None, None)
    assert collector.spans[0].service == "drive"
    assert collector.headers[0]["x-key"] == "a b"


def test_who_says_what_service_it_is_in_the_resource_attributes_is_believed(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with exporting_to(collector, monkeypatch, RESOURCE_ATTRIBUTES="service.name=mine"), tracing.span("one"):
        pass
    assert collector.spans[0].service == "mine"


@pytest.mark.parametrize(
    ("sampler", "argument", "names"),
    [
        ("parentbased_always_on", "", {"new", "child", "kept"}),
        ("parentbased_always_off", "", {"kept"}),
        ("parentbased_traceidratio", "0.0", {"kept"}),
        ("always_on", "", {"new", "child", "kept", "dropped"}),
        ("always_off", "", set()),
        ("nonsense", "", {"new", "child", "kept"}),
    ],
)
def test_the_sampler_decides_where_a_trace_begins_and_the_parent_where_it_goes_on(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch, sampler: str, argument: str, names: set[str]
) -> None:
    with exporting_to(collector, monkeypatch, TRACES_SAMPLER=sampler, TRACES_SAMPLER_ARG=argument):
        with tracing.span("new") as new, tracing.span("child") as child:
            assert (child.trace_id, child.sampled) == (new.trace_id, new.sampled)
        with tracing.span("kept", parent=PARENT):
            pass
        with tracing.span("dropped", parent=parent_of(1, sampled=False)):
            pass
    assert {span.name for span in collector.spans} == names


def test_a_receiver_that_is_away_costs_spans_and_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    before = outcomes()
    lines: list[Any] = []
    processors = [CallsiteParameterAdder([CallsiteParameter.THREAD_NAME]), _into(lines)]
    monkeypatch.setattr("coffer_chassis.trace_outlet.log", structlog.wrap_logger(None, processors=processors))
    with exporting_to(Receiver(port=9), monkeypatch, BSP_MAX_EXPORT_BATCH_SIZE="1", EXPORTER_OTLP_TIMEOUT="0.2"):
        for _ in range(3):
            with tracing.span("work"):
                pass
        until(lambda: since(before).get("failed") == 3)
    assert [(line["event"], line["thread_name"]) for line in lines] == [("traces_lost", "trace-export")]


def test_a_receiver_that_refuses_costs_spans_only(collector: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    before = outcomes()
    collector.mood = "refuses"
    with exporting_to(collector, monkeypatch):
        with tracing.span("lost"):
            pass
        until(lambda: since(before) == {"failed": 1})
        collector.mood = "takes"
        with tracing.span("found"):
            pass
    assert [span.name for span in collector.spans] == ["found"]


def test_a_receiver_that_hangs_delays_nobody_and_what_does_not_fit_is_dropped_and_counted(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = outcomes()
    collector.mood = "hangs"
    monkeypatch.setattr("coffer_chassis.trace_outlet.FLUSH_SECONDS", 0.1)
    bounds = {"BSP_MAX_QUEUE_SIZE": "10", "BSP_MAX_EXPORT_BATCH_SIZE": "5", "EXPORTER_OTLP_TIMEOUT": "30"}
    with exporting_to(collector, monkeypatch, **bounds):
        with tracing.span("first"):
            pass
        until(lambda: collector.asked == 1)
        began = time.perf_counter()
        for _ in range(25):
            with tracing.span("work"):
                pass
        assert time.perf_counter() - began < AT_ONCE
        assert since(before) == {"queue_full": 15}
        began = time.perf_counter()
    assert time.perf_counter() - began < AT_ONCE, "the end waits for a bounded time"
    assert since(before) == {"queue_full": 15, "left": 10}


def test_what_waits_at_the_end_is_sent(collector: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with exporting_to(collector, monkeypatch, BSP_SCHEDULE_DELAY="600000"):
        for number in range(1000):
            with tracing.span(f"work {number}"):
                pass
    assert len(collector.spans) == 1000


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"BSP_MAX_QUEUE_SIZE": "many"}, "OTEL_BSP_MAX_QUEUE_SIZE"),
        ({"EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
        ({"EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
    ],
)
def test_variables_that_are_wrong_are_told_and_keep_nothing_from_running(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], reason: str
) -> None:
    lines: list[Any] = []
    monkeypatch.setattr("coffer_chassis.trace_export.log", structlog.wrap_logger(None, processors=[_into(lines)]))
    with exporting_to(collector, monkeypatch, **variables):
        assert not tracing.is_exporting()
        with tracing.span("work"):
            pass
    (line,) = lines
    assert line["event"] == "traces_not_exported"
    assert reason in line["reason"]
    assert collector.asked == 0


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": " True "},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_it_is_off_unless_somebody_says_where_to_and_nobody_says_no(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert not TraceSettings().is_on
    with exporting("files"):
        assert not tracing.is_exporting()


def test_an_exception_inside_goes_on_its_way_and_what_led_to_it_is_sent(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt), exporting_to(collector, monkeypatch), tracing.span("work"):
        raise KeyboardInterrupt
    assert collector.spans[0].attributes == {"error.type": "KeyboardInterrupt"}


def _into(lines: list[Any]) -> Any:
    def keep(_logger: object, _method: str, event: Any) -> Any:
        lines.append(dict(event))
        raise structlog.DropEvent

    return keep
