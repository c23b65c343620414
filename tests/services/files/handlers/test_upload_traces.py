"""An upload stays in the trace of the request that began it, though the bucket that reports its bytes knows of none."""

from coffer_chassis import tracing
from coffer_chassis.bus import Incoming
from coffer_chassis.message_spans import processing
from coffer_contracts.event import Envelope, Event
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.announcing import Announcement, start_upload
from factories.events import NOON
from factories.files import Files, cleared, origin_of, rejected, stored
from factories.tracing import PARENT, TRACE, Kept, kept_spans, parent_of

MESSAGE = Incoming("m", "r", "{}", {}, 1, NOON)


async def begun(files: Files) -> Upload:
    with tracing.span("POST /v1/uploads", kind="server", parent=PARENT, root=True) as span:
        origin = origin_of(files.owner)
        origin = type(origin)(origin.actor_id, origin.actor_kind, origin.correlation_id, None, span.traceparent)
        upload, _ = await start_upload(files.deps, files.owner, origin, None, Announcement("root", "letter.pdf", 100))
    return upload


async def handled(files: Files, fact: Envelope[Event]) -> None:
    with processing("files-queue", fact, MESSAGE):
        await files.handle(fact)


def traces(facts: list[Envelope[Event]]) -> set[str]:
    return {(fact.traceparent or "")[3:35] for fact in facts}


async def test_facts_about_an_upload_are_in_the_trace_that_began_it_whoever_reports(files: Files) -> None:
    with kept_spans() as kept:
        upload = await begun(files)
        await handled(files, stored(upload))
        verdict = cleared(upload).model_copy(update={"traceparent": (await files.facts())[-1].traceparent})
        await handled(files, verdict)
    facts = await files.facts("files.upload.received.v1", "files.item.committed.v1")
    assert len(facts) == 2
    assert traces(facts) == {TRACE}
    reported, carried = _spans(kept)
    assert reported.trace_id != TRACE
    assert [link.span_id for link in carried.links] == [reported.span_id]
    assert facts[0].traceparent == carried.traceparent
    assert facts[1].traceparent == kept.named("process files-queue")[-1].traceparent, "it is in the trace already"
    assert "letter" not in repr([(span.name, span.attributes) for span in kept.spans])


def _spans(kept: Kept) -> tuple[tracing.Span, tracing.Span]:
    return kept.named("process files-queue")[0], kept.named("carry on upload")[0]


async def test_a_report_in_another_trace_does_not_take_the_upload_along(files: Files) -> None:
    upload = await begun(files)
    await handled(files, stored(upload).model_copy(update={"traceparent": parent_of(9)}))
    await handled(files, rejected(upload).model_copy(update={"traceparent": parent_of(9)}))
    assert traces(await files.facts("files.upload.received.v1", "files.upload.rejected.v1")) == {TRACE}


async def test_an_upload_that_began_without_a_trace_is_in_that_of_whoever_carries_it_on(files: Files) -> None:
    upload = await files.start()
    await handled(files, stored(upload).model_copy(update={"traceparent": PARENT}))
    assert traces(await files.facts("files.upload.received.v1")) == {TRACE}
