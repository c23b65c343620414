"""Spans: who is whose child, what log lines and facts carry of them, and what they cost where nobody collects them."""

import asyncio
import subprocess
import sys
from time import process_time
from timeit import timeit

import pytest

from coffer_chassis import logs, tracing
from coffer_chassis.housekeeping import Job
from coffer_chassis.origin import Origin
from coffer_chassis.service import repeated
from coffer_chassis.trace_headers import parent_in
from factories.eventing import envelope, failed
from factories.tracing import PARENT, SPAN, TRACE, kept_spans, parent_of


def test_a_span_is_in_the_trace_of_its_parent_under_an_id_of_its_own() -> None:
    with tracing.span("work", parent=PARENT) as span:
        assert tracing.current() is span
        parent = parent_in(tracing.traceparent())
        assert parent is not None
        assert (parent.trace_id, parent.sampled) == (TRACE, True)
        assert parent.span_id != SPAN
        with tracing.span("inner") as inner:
            assert (inner.trace_id, inner.parent and inner.parent.span_id) == (TRACE, span.span_id)
        assert tracing.current() is span
    assert tracing.current() is None
    assert tracing.traceparent() is None


@pytest.mark.parametrize("parent", [None, "nonsense", PARENT.upper(), f"{PARENT}-more"])
def test_without_a_valid_parent_a_trace_begins(parent: str | None) -> None:
    with tracing.span("one", parent=parent) as one:
        assert parent_in(one.traceparent)
    with tracing.span("two", parent=parent) as two:
        assert one.trace_id != two.trace_id != TRACE


def test_what_is_not_sampled_stays_so_and_is_not_kept() -> None:
    with kept_spans() as kept, tracing.span("work", parent=parent_of(1, sampled=False)) as span:
        with tracing.span("inner") as inner:
            assert inner.traceparent.endswith("-00")
        assert span.traceparent.endswith("-00")
    assert kept.spans == []


def test_a_process_that_exports_nothing_says_that_nobody_recorded_what_it_begins_and_passes_on_what_others_say() -> None:
    with tracing.span("new") as span:
        assert span.traceparent.endswith("-00")
    with tracing.span("known", parent=PARENT) as span:
        assert span.traceparent.endswith("-01")


def test_a_root_leaves_the_span_it_happens_to_run_in_alone() -> None:
    with tracing.span("request", parent=PARENT), tracing.span("job", root=True) as job:
        assert job.trace_id != TRACE
        assert job.is_entry


def test_tasks_keep_to_their_own_spans() -> None:
    async def work(number: int) -> str:
        with tracing.span("work", parent=parent_of(number), root=True) as span:
            await asyncio.sleep(0)
            assert tracing.current() is span
            return span.trace_id

    async def all_at_once() -> list[str]:
        return await asyncio.gather(*(work(number) for number in range(1, 9)))

    assert asyncio.run(all_at_once()) == [f"{number:032x}" for number in range(1, 9)]


def test_a_span_with_links_begins_a_trace_that_is_kept_if_one_of_theirs_is() -> None:
    with kept_spans() as kept:
        with tracing.span("some", links=[parent_of(1, sampled=False), parent_of(2), "nonsense", None, parent_of(2)], root=True):
            pass
        with tracing.span("none", links=[parent_of(1, sampled=False)], root=True):
            pass
    (some,) = kept.spans
    assert [link.traceparent for link in some.links] == [parent_of(1, sampled=False), parent_of(2)]
    assert some.parent is None


def test_a_failure_is_told_by_its_class_and_not_by_its_words() -> None:
    with kept_spans() as kept, pytest.raises(ValueError, match="secret"), tracing.span("work"):
        raise ValueError("secret.txt is taken")
    (span,) = kept.spans
    assert span.error == "ValueError"
    assert "secret" not in repr([span.name, span.attributes])


def test_an_expected_exception_is_no_failure() -> None:
    with kept_spans() as kept, pytest.raises(LookupError), tracing.span("work", expected=(LookupError,)):
        raise KeyError
    assert kept.spans[0].error is None


async def test_jobs_begin_traces_of_their_own_and_are_kept_only_if_something_came_of_them() -> None:
    stopping = asyncio.Event()
    runs = iter(("idle", "busy", "broken", "parent"))
    origins: list[Origin] = []

    async def run() -> None:
        match next(runs):
            case "busy":
                tracing.keep()
            case "broken":
                raise ConnectionError("lost the store")
            case "parent":
                with tracing.span("child"):
                    stopping.set()
        origins.append(Origin.system("c"))

    with kept_spans() as kept, tracing.span("whoever started it", parent=PARENT):
        await repeated(Job("sweep", run, 0.001), stopping)
    assert kept.names == ["job sweep", "job sweep", "child", "job sweep", "whoever started it"]
    assert [span.error for span in kept.named("job sweep")] == [None, "ConnectionError", None]
    assert len({span.trace_id for span in kept.named("job sweep")} | {TRACE}) == 4
    assert origins[-1].traceparent == kept.spans[3].traceparent


def test_work_that_belongs_to_another_trace_is_done_there_and_leads_back() -> None:
    with kept_spans() as kept, tracing.span("reported", parent=parent_of(1), service="files") as reported:
        with tracing.within("carry on", PARENT) as inner:
            assert inner is not None
            assert (inner.trace_id, inner.service) == (TRACE, "files")
            with tracing.within("carry on", PARENT) as same:
                assert same is inner
        with tracing.within("carry on", "nonsense") as unknown:
            assert unknown is reported
    assert [link.span_id for link in kept.spans[0].links] == [reported.span_id]
    assert kept.names == ["carry on", "reported"]
    with tracing.within("carry on", None) as nothing:
        assert nothing is None
    with tracing.within("carry on", PARENT) as alone:
        assert alone is not None
        assert alone.trace_id == TRACE


def test_the_origin_of_what_a_fact_sets_off_names_the_span_that_does_it() -> None:
    cause = envelope(failed()).model_copy(update={"traceparent": PARENT})
    assert Origin.of(cause).traceparent == PARENT
    with tracing.span("process", parent=PARENT, root=True) as span:
        assert Origin.of(cause).traceparent == span.traceparent
        assert Origin.system("c").traceparent == span.traceparent
    assert Origin.system("c").traceparent is None


def test_log_lines_hold_trace_and_span(capsys: pytest.CaptureFixture[str]) -> None:
    event = logs._with_request(None, "info", {"event": "x", "trace_id": "of the fact"})
    assert event == {"event": "x", "trace_id": "of the fact"}
    with tracing.span("work", parent=PARENT) as span:
        event = logs._with_request(None, "info", {"event": "x", "trace_id": "of the fact"})
    assert (event["trace_id"], event["span_id"]) == (TRACE, span.span_id)


def test_a_span_costs_next_to_nothing_where_nobody_collects_them() -> None:
    def one() -> None:
        with tracing.span("GET", kind="server", parent=PARENT, root=True) as span:
            assert span.traceparent

    runs = 5_000
    seconds = min(timeit(one, timer=process_time, number=runs) for _ in range(3)) / runs
    assert seconds < 50e-6  # about 3 us; the bound is for slow machines


@pytest.mark.slow
def test_nothing_of_opentelemetry_is_loaded_where_spans_go_nowhere() -> None:
    program = (
        "import os, sys, coffer_local.stack, coffer_local.gateway_process\n"
        "from coffer_chassis.trace_export import exporting\n"
        "for disabled in ('', 'TRUE'):\n"
        "    with exporting('files'):\n"
        "        print([name for name in sys.modules if name.split('.')[0] in ('opentelemetry', 'google', 'requests')])\n"
        "    os.environ.update(OTEL_EXPORTER_OTLP_ENDPOINT='http://127.0.0.1:9', OTEL_SDK_DISABLED='TRUE')"
    )
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_TRACES_SAMPLER": "always_on"}
    told = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n[]\n"
