"""What one person does is one trace through every service, their queues and the mail, as a receiver of traces sees it."""

from collections.abc import Iterator
from typing import Any

import pytest

from factories.images import jpeg
from factories.otlp import Received, Receiver, receiver
from factories.people import Person
from factories.stacks import STOP_SECONDS, LocalStack, local_stack
from factories.tracing import parent_of

pytestmark = pytest.mark.slow

NAME = "Ünpaid bills of my-secret-employer.jpg"


@pytest.fixture(scope="module")
def collector() -> Iterator[Receiver]:
    with receiver() as told:
        yield told


@pytest.fixture(scope="module")
def traced(collector: Receiver) -> Iterator[LocalStack]:
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with local_stack(without=("notifier",), **settings) as running:
        running.start_service("coffer_notifier")
        yield running


def trace_of(collector: Receiver, person: Person, number: int, *wanted: tuple[str, str]) -> list[Received]:
    """The spans of a trace once those wanted (service and name) have arrived."""

    def found() -> dict[str, Any]:
        return {"spans": [span for span in list(collector.spans) if span.trace_id == f"{number:032x}"]}

    def is_whole(told: dict[str, Any]) -> bool:
        return set(wanted) <= {(span.service, span.name) for span in told["spans"]}

    spans: list[Received] = person.wait_for(found, is_whole, within_seconds=15)["spans"]
    return spans


def assert_connected(spans: list[Received], number: int) -> None:
    """Every span hangs on another one of the trace, or on the client's."""
    known = {span.span_id for span in spans} | {f"{number:016x}"}
    loose = [f"{span.service} {span.name}" for span in spans if span.parent_id not in known]
    assert not loose


def test_what_a_person_does_is_one_trace_and_says_nothing_of_what_they_typed(traced: LocalStack, collector: Receiver) -> None:
    ann, bob = Person.at(traced.url), Person.at(traced.url)
    client = ann.http
    client.headers["traceparent"] = parent_of(1)
    upload = ann.upload(NAME, jpeg(64, 48))
    item = ann.previewed(upload["item_id"])
    assert item["preview"]["status"] == "ready"
    uploaded = trace_of(
        collector,
        ann,
        1,
        ("coffer-files", "POST /v1/uploads"),
        ("coffer-files", "POST /v1/uploads/{upload}/complete"),
        ("coffer-files", "send files-events"),
        ("coffer-media-worker", "process media-worker-fast"),
        ("coffer-media-worker", "send media-worker-events"),
        ("coffer-files", "process files-fast"),
        ("coffer-media-worker", "process media-worker-bulk"),
        ("coffer-notifier", "process notifier-bulk"),
    )
    assert_connected(uploaded, 1)

    client.headers["traceparent"] = parent_of(2)
    ann.share(item["id"], bob, notify=True, message="For your eyes only")
    shared = trace_of(
        collector,
        ann,
        2,
        ("coffer-sharing", "POST /v1/shares"),
        ("coffer-files", "process files-grants"),
        ("coffer-notifier", "process notifier-fast"),
        ("coffer-notifier", "send mail"),
    )
    assert_connected(shared, 2)
    assert not any(span.failed for span in (*uploaded, *shared))

    del client.headers["traceparent"]
    second = ann.upload("b.txt", b"plain words")
    assert second["state"] == "committed"
    begun = [span for span in collector.named("POST /v1/uploads") if span.trace_id != f"{1:032x}"]
    assert len(begun) == 1
    number = int(begun[0].trace_id, 16)
    apart = trace_of(
        collector, bob, number, ("coffer-media-worker", "process media-worker-fast"), ("coffer-files", "process files-fast")
    )
    assert {span.trace_id for span in collector.named("carry on upload")} >= {begun[0].trace_id}
    assert all(span.parent_id for span in apart if span is not begun[0] and span.name.startswith("process"))

    assert traced.stop() < STOP_SECONDS
    sent = b"".join(collector.raw)
    secrets = [ann.name, bob.name, "secret-employer", "eyes only", "X-Amz", "eyJ", "@example.org", "b.txt", "http://"]
    assert [word for word in secrets if word.encode() in sent] == []
    services = {span.service for span in collector.spans}
    assert {"coffer-auth", "coffer-files", "coffer-sharing", "coffer-media-worker", "coffer-notifier"} <= services
