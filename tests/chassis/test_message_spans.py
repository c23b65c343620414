"""Traces across messages: from the work that emits a fact over outbox and queue to the handlers, whatever happens between."""

import asyncio
from typing import Any

import pytest
import structlog

from coffer_chassis import outcomes, tracing
from coffer_chassis.bus import Incoming, Outgoing
from coffer_chassis.handling import Handles, Retry
from coffer_chassis.logs import _with_request
from coffer_chassis.message_spans import processing, sending
from coffer_chassis.origin import Origin
from coffer_chassis.testing import eventually
from coffer_chassis.trace_headers import traceparent_in_json
from coffer_chassis.unit_of_work import Duplicate, Unit
from coffer_contracts.auth import LoginFailedV1
from coffer_contracts.event import Envelope, Event
from factories.consuming import LANE, QUICK, SLOW, Failed, WatchedBus, consuming, count_it
from factories.eventing import NOON, TABLES, Store, created, envelope, failed
from factories.relaying import RecordingBus, relay_of
from factories.tracing import PARENT, SPAN, TRACE, kept_spans, parent_of

PROCESS = f"process {LANE.queue}"


def traced(event: Event, parent: str | None = PARENT) -> Envelope[Event]:
    return envelope(event).model_copy(update={"traceparent": parent})


async def put(bus: WatchedBus, *facts: Envelope[Event], **attributes: str) -> None:
    for fact in facts:
        await bus.send(LANE.queue, fact.to_json(), {"type": fact.type, "id": fact.id} | attributes)


@pytest.fixture
def bus() -> WatchedBus:
    return WatchedBus()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed comes back at once."""
    monkeypatch.setattr(outcomes, "RETRY_SECONDS", (0, 0))


async def answer(event: Failed, unit: Unit, _store: Store) -> None:
    unit.emit(created(), sequence=1)


async def answer_slowly(event: Failed, store: Store) -> None:
    async with store.work.unit(cause=event, consumer=LANE.queue) as unit:
        unit.emit(created(), sequence=1)


ANSWERS = pytest.mark.parametrize(
    "row", [Handles(LoginFailedV1, answer), Handles(LoginFailedV1, answer_slowly, slow=True)], ids=["quick", "slow"]
)


async def test_a_fact_names_the_span_it_was_emitted_in(store: Store) -> None:
    with tracing.span("request", parent=PARENT) as span:
        async with store.work.unit(Origin.system("c")) as unit:
            unit.emit(failed(), sequence=1)
    (row,) = await store.rows(TABLES.outbox)
    assert traceparent_in_json(row.body) == span.traceparent


@ANSWERS
async def test_a_handler_runs_in_a_child_of_the_span_that_emitted_its_fact_and_its_own_facts_name_it(
    store: Store, bus: WatchedBus, row: Handles
) -> None:
    fact = traced(failed())
    await put(bus, fact)
    with kept_spans() as kept:
        async with consuming(store, bus, row):
            await eventually(bus.empty)
    (span,) = kept.named(PROCESS)
    assert (span.kind, span.trace_id, span.parent and span.parent.span_id, span.error) == ("consumer", TRACE, SPAN, None)
    (message,) = bus.received
    assert span.attributes == {
        "messaging.system": "aws_sqs",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": LANE.queue,
        "messaging.message.id": message.message_id,
        "cloudevents.event_id": fact.id,
        "cloudevents.event_type": fact.type,
    }
    (sent,) = await store.rows(TABLES.outbox)
    assert traceparent_in_json(sent.body) == span.traceparent


async def test_messages_of_one_batch_stay_in_their_own_traces(store: Store, bus: WatchedBus) -> None:
    await put(bus, *(traced(failed(number), parent_of(number)) for number in range(1, 8)), traced(failed(8), None))
    with kept_spans() as kept:
        async with consuming(store, bus, Handles(LoginFailedV1, answer)):
            await eventually(bus.empty)
    traces = {span.trace_id for span in kept.named(PROCESS)}
    assert len(traces) == 8
    assert {f"{number:032x}" for number in range(1, 8)} < traces
    told = {(traceparent_in_json(row.body) or "")[3:35] for row in await store.rows(TABLES.outbox)}
    assert told == traces


@pytest.mark.parametrize("parent", ["nonsense", "ff" + PARENT[2:], f"00-{'0' * 32}-{SPAN}-01"])
async def test_a_fact_with_a_malformed_parent_is_handled_in_a_trace_of_its_own(
    store: Store, bus: WatchedBus, parent: str
) -> None:
    await put(bus, traced(failed(), parent))
    with kept_spans() as kept:
        async with consuming(store, bus, QUICK):
            await eventually(bus.empty)
    (span,) = kept.named(PROCESS)
    assert span.parent is None
    assert await store.counts()


@pytest.mark.parametrize("row", [QUICK, SLOW], ids=["quick", "slow"])
async def test_a_message_that_comes_twice_is_handled_once_and_a_duplicate_is_no_failure(
    store: Store, bus: WatchedBus, row: Handles
) -> None:
    fact = traced(failed())
    with kept_spans() as kept:
        async with consuming(store, bus, row):
            await put(bus, fact)
            await eventually(bus.empty)
            await put(bus, fact)
            await eventually(bus.empty)
    assert {(span.trace_id, span.error) for span in kept.named(PROCESS)} == {(TRACE, None)}


async def test_every_attempt_is_a_span_of_the_same_trace(store: Store, bus: WatchedBus, at_once: None) -> None:
    attempts = iter((ConnectionError("away"), Retry("not yet", after_seconds=0), None))

    async def fail_twice(event: Failed, unit: Unit, store: Store) -> None:
        if (error := next(attempts)) is not None:
            raise error
        await count_it(event, unit, store)

    await put(bus, traced(failed()))
    with kept_spans() as kept:
        async with consuming(store, bus, Handles(LoginFailedV1, fail_twice)):
            await eventually(bus.empty)
    assert [(span.trace_id, span.parent and span.parent.span_id, span.error) for span in kept.named(PROCESS)] == [
        (TRACE, SPAN, "ConnectionError"),
        (TRACE, SPAN, "Retry"),
        (TRACE, SPAN, None),
    ]


async def test_what_a_consumer_left_when_it_died_is_finished_in_the_same_trace(store: Store) -> None:
    bus = WatchedBus(hides_for_seconds=0.2)
    began = asyncio.Event()

    async def hang(_event: Failed, _unit: Unit, _store: Store) -> None:
        began.set()
        await asyncio.Event().wait()

    async def first() -> None:
        async with consuming(store, bus, Handles(LoginFailedV1, hang)):
            await asyncio.Event().wait()

    await put(bus, traced(failed()))
    with kept_spans() as kept:
        dying = asyncio.create_task(first())
        await began.wait()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.wait({dying})
        async with consuming(store, bus, QUICK):
            await eventually(bus.empty)
    assert [(span.trace_id, span.error) for span in kept.named(PROCESS)][-1] == (TRACE, None)
    assert {span.trace_id for span in kept.named(PROCESS)} == {TRACE}


async def test_a_replay_begins_a_trace_that_leads_to_the_old_one(store: Store, bus: WatchedBus) -> None:
    await put(bus, traced(failed()), replay="true")
    with kept_spans() as kept:
        async with consuming(store, bus, QUICK):
            await eventually(bus.empty)
    (span,) = kept.named(PROCESS)
    assert (span.parent, [link.traceparent for link in span.links]) == (None, [PARENT])


async def test_log_lines_of_a_handler_and_of_its_failure_hold_trace_and_fact(store: Store, bus: WatchedBus) -> None:
    lines: list[Any] = []

    def keep(_logger: object, _method: str, event: Any) -> Any:
        lines.append(dict(event))
        raise structlog.DropEvent

    async def speak(_event: Failed, _unit: Unit, _store: Store) -> None:
        structlog.get_logger().info("spoken")
        raise LookupError

    async def told_of_failure() -> bool:
        return any(line["event"] == "handler_failed" for line in lines)

    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, _with_request, keep])
    fact = traced(failed())
    try:
        await put(bus, fact)
        async with consuming(store, bus, Handles(LoginFailedV1, speak)):
            await eventually(told_of_failure)
    finally:
        structlog.configure(**before)
    spoken, told = lines[0], next(line for line in lines if line["event"] == "handler_failed")
    for line in (spoken, told):
        assert (line["trace_id"], line["event_id"], line["correlation_id"]) == (TRACE, fact.id, fact.correlationid)
    assert len(spoken["span_id"]) == 16


async def test_the_relay_sends_each_fact_with_its_parent_in_spans_that_lead_to_those_who_emitted(store: Store) -> None:
    bus = RecordingBus()
    with kept_spans() as kept:
        for number in range(1, 4):
            with tracing.span("request", parent=parent_of(number)):
                async with store.work.unit(Origin.system("c")) as unit:
                    unit.emit(failed(number), sequence=1)
        kept.spans.clear()
        await relay_of(store, bus).drain()
    assert [message.attributes["traceparent"][3:35] for message in bus.given] == [f"{number:032x}" for number in range(1, 4)]
    assert all(len(message.attributes) <= 5 for message in bus.given)
    (span,) = kept.spans
    assert (span.kind, span.parent, len(span.links)) == ("producer", None, 3)
    assert span.attributes["messaging.batch.message_count"] == 3
    assert span.name.startswith("send first-relay-events")


async def test_a_publish_that_fails_is_a_failed_span_and_the_next_one_goes_well(store: Store) -> None:
    bus = RecordingBus()
    with tracing.span("request", parent=PARENT):
        async with store.work.unit(Origin.system("c")) as unit:
            unit.emit(failed(), sequence=1)
    bus.away = True
    with kept_spans() as kept:
        with pytest.raises(ConnectionError):
            await relay_of(store, bus).drain()
        bus.away = False
        await relay_of(store, bus).drain()
    assert [(span.trace_id, span.error) for span in kept.spans] == [(TRACE, "ConnectionError"), (TRACE, None)]


async def test_an_idle_relay_and_an_idle_consumer_make_no_spans(store: Store, bus: WatchedBus) -> None:
    with kept_spans() as kept:
        await relay_of(store, RecordingBus()).drain()
        async with consuming(store, bus, QUICK):
            polled = len(bus.limits)

            async def polled_again() -> bool:
                return len(bus.limits) > polled + 1

            await eventually(polled_again)
    assert kept.spans == []


def test_messages_of_which_none_is_recorded_are_sent_unrecorded() -> None:
    batch = [Outgoing(str(number), "{}", {"traceparent": parent_of(number, sampled=False)}) for number in (1, 2)]
    with kept_spans() as kept, sending("topic", batch):
        pass
    assert kept.spans == []
    with kept_spans() as kept, sending("topic", [Outgoing("1", "{}", {})]) as span:
        assert span.attributes["messaging.message.id"] == "1"
    assert span.parent is None


def test_a_duplicate_goes_on_its_way_and_marks_nothing() -> None:
    message = Incoming("m", "r", "{}", {}, 1, NOON)
    with kept_spans() as kept, pytest.raises(Duplicate), processing("q", traced(failed()), message):
        raise Duplicate("e")
    assert kept.spans[0].error is None
