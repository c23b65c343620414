"""What one person does is one trace through every service, their queues, the mail and webhooks, as a receiver of traces
sees it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from factories.images import jpeg
from factories.otlp import Received, Receiver, receiver
from factories.people import Person
from factories.ports import free_port
from factories.receivers import Receiver as Hooked
from factories.receivers import receiver as hook_receiver
from factories.stacks import STOP_SECONDS, LocalStack, local_stack
from factories.tracing import parent_of

pytestmark = pytest.mark.slow

NOTIFIER_PORT = free_port()
NAME = "Ünpaid bills of my-secret-employer.jpg"


@pytest.fixture(scope="module")
def collector() -> Iterator[Receiver]:
    with receiver() as told:
        yield told


@pytest.fixture(scope="module")
def traced(collector: Receiver) -> Iterator[LocalStack]:
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with local_stack(without=("notifier",), **settings) as running:
        settings = {"COFFER_NOTIFIER_WEBHOOK_ALLOW_LOOPBACK": "1", "COFFER_NOTIFIER_LISTEN_PORT": str(NOTIFIER_PORT)}
        running.start_service("coffer_notifier", **settings)
        yield running


@pytest.fixture(scope="module")
def hooked() -> Iterator[Hooked]:
    with hook_receiver() as told:
        yield told


def spans_once(person: Person, among: Callable[[], list[Received]], done: Callable[[list[Received]], bool]) -> list[Received]:
    """The spans once they are as wanted: each process sends its own when its time has come, a parent after its child too."""
    spans: list[Received] = person.wait_for(lambda: {"spans": among()}, lambda told: done(told["spans"]), within_seconds=60)[
        "spans"
    ]
    return spans


def trace_of(collector: Receiver, person: Person, trace_id: str, *wanted: tuple[str, str]) -> list[Received]:
    """The spans of a trace once those wanted (service and name) have arrived."""

    def is_whole(spans: list[Received]) -> bool:
        return set(wanted) <= {(span.service, span.name) for span in spans}

    return spans_once(person, lambda: [span for span in list(collector.spans) if span.trace_id == trace_id], is_whole)


def connected_trace_of(collector: Receiver, person: Person, number: int, *wanted: tuple[str, str]) -> list[Received]:
    """The same for a trace that a client began with this number, once every span hangs on another one or on the client's."""
    trace_id, root = f"{number:032x}", f"{number:016x}"

    def is_connected(spans: list[Received]) -> bool:
        return {span.parent_id for span in spans} <= {span.span_id for span in spans} | {root}

    trace_of(collector, person, trace_id, *wanted)
    return spans_once(person, lambda: [span for span in list(collector.spans) if span.trace_id == trace_id], is_connected)


def made_webhook(person: Person, wanted: dict[str, Any]) -> dict[str, Any]:
    """A webhook, made at the notifier itself, which runs beside the gateway here; nothing while it does not answer yet."""
    try:
        answer = person.through(f"http://127.0.0.1:{NOTIFIER_PORT}").http.post("/v1/webhooks", json=wanted)
    except httpx.TransportError:
        return {}
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def attempt(person: Person, stack: LocalStack, webhook_id: str) -> str:
    """What is written down about sending a message."""

    def written() -> dict[str, list[str]]:
        return {"lines": [line for line in stack.said().splitlines() if "webhook_attempted" in line and webhook_id in line]}

    return str(person.wait_for(written, lambda told: bool(told["lines"]), within_seconds=60)["lines"][0])


def test_what_a_person_does_is_one_trace_and_says_nothing_of_what_they_typed(
    traced: LocalStack, collector: Receiver, hooked: Hooked
) -> None:
    ann, bob = Person.at(traced.url), Person.at(traced.url)
    client = ann.http
    wanted = {"url": f"{hooked.url}/of-my-secret-employer", "event_types": ["files.item.committed.v1", "sharing.*"]}
    ann.wait_for(lambda: made_webhook(ann, wanted), lambda made: bool(made.get("secret")), within_seconds=60)
    client.headers["traceparent"] = parent_of(1)
    upload = ann.upload(NAME, jpeg(64, 48))
    item = ann.previewed(upload["item_id"])
    assert item["preview"]["status"] == "ready"
    uploaded = connected_trace_of(
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
        ("coffer-notifier", "send webhook"),
    )

    client.headers["traceparent"] = parent_of(2)
    ann.share(item["id"], bob, notify=True, message="For your eyes only")
    shared = connected_trace_of(
        collector,
        ann,
        2,
        ("coffer-sharing", "POST /v1/shares"),
        ("coffer-files", "process files-grants"),
        ("coffer-notifier", "process notifier-fast"),
        ("coffer-notifier", "send mail"),
        ("coffer-notifier", "send webhook"),
    )
    assert "webhooks_reach_this_machine" in traced.said(), "which is announced at the start"
    for spans, wire_type in ((uploaded, "files.item.committed.v1"), (shared, "sharing.share.created.v1")):
        calls = [call for call in hooked.calls if call.message["type"] == wire_type]
        requests = {f"00-{span.trace_id}-{span.span_id}-01" for span in spans if span.name == "send webhook"}
        # Each is sent at least once.
        assert set() < requests <= {call.headers["traceparent"] for call in calls}
        for call in calls:
            assert f'"trace_id":"{spans[0].trace_id}"' in attempt(ann, traced, call.headers["webhook-id"])
    assert not any(span.failed for span in (*uploaded, *shared))

    del client.headers["traceparent"]
    second = ann.upload("b.txt", b"plain words")
    assert second["state"] == "committed"
    (begun,) = spans_once(
        ann, lambda: [span for span in collector.named("POST /v1/uploads") if span.trace_id != f"{1:032x}"], bool
    )
    apart = trace_of(
        collector,
        bob,
        begun.trace_id,
        ("coffer-media-worker", "process media-worker-fast"),
        ("coffer-files", "process files-fast"),
        ("coffer-files", "carry on upload"),
    )
    assert all(span.parent_id for span in apart if span is not begun and span.name.startswith("process"))

    assert traced.stop() < STOP_SECONDS
    assert "POST /v1/uploads" in collector.texts
    secrets = [
        ann.name,
        bob.name,
        "secret-employer",
        "eyes only",
        "X-Amz",
        "eyJ",
        "@example.org",
        "b.txt",
        "http://",
        f":{hooked.port}",
    ]
    assert [word for word in secrets if any(word in text for text in collector.texts)] == []
    services = {span.service for span in collector.spans}
    assert {"coffer-auth", "coffer-files", "coffer-sharing", "coffer-media-worker", "coffer-notifier"} <= services
