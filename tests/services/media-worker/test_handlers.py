"""What the media worker does with facts: once, twice, late, in the middle of a crash, and for bytes that went away."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine

from coffer_chassis import metrics
from coffer_chassis.handling import Retry
from coffer_chassis.ids import new_id
from coffer_chassis.revocations import DenyList
from coffer_chassis.testing import FixedClock, MemoryBlobs
from coffer_chassis.unit_of_work import Duplicate, Work
from coffer_contracts.ids import BlobId
from coffer_media_worker.children import Early
from coffer_media_worker.domain import Picture, PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from coffer_media_worker.handlers import burying, judging
from coffer_media_worker.handlers.deps import Deps
from coffer_media_worker.handlers.rendering import make_previews
from coffer_media_worker.sources import Source
from coffer_media_worker.store import tables
from coffer_media_worker.warm import ChildrenLost
from factories.databases import Database
from factories.events import arrived, item_committed, item_purged, upload_received, version_deleted
from factories.previews import preview

pytestmark = pytest.mark.slow  # renders real pictures in real children

PICTURE = Rendered((Picture(b"RIFF....WEBP", "image/webp", 400, 300, 400),), 4000, 3000, b"tiny")


class Children:
    """Answers what it was told to, in order, and counts how often it was asked."""

    def __init__(self, *outcomes: PreviewOutcome | Exception) -> None:
        self.outcomes = list(outcomes) or [PICTURE]
        self.asked = 0

    async def render(
        self,
        source: Source | bytes,
        boxes: Sequence[int] = (400,),
        *,
        task: str = "pictures",
        square: bool = False,
        early: Early | None = None,
        **_: object,
    ) -> PreviewOutcome:
        self.asked += 1
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def deps(database: Database, clock: FixedClock) -> AsyncIterator[Deps]:
    engine = create_async_engine(database("coffer_media_worker"))
    work = Work(engine, tables.chassis, source="/media-worker", clock=clock)
    yield Deps(work=work, blobs=MemoryBlobs(clock), children=Children(), label=None, denied=DenyList(work, tables.revocations))
    await engine.dispose()


async def emitted(deps: Deps) -> list[dict[str, Any]]:
    async with deps.work.read() as connection:
        query = select(tables.chassis.outbox.c.body).order_by(tables.chassis.outbox.c.position)
        return [json.loads(body) for body in (await connection.execute(query)).scalars()]


async def stored(deps: Deps, content: bytes, key: str = "blobs/owner/blob") -> dict[str, Any]:
    etag = await deps.blobs.write(key, content, content_type="application/octet-stream")
    return {"key": key, "etag": etag, "size_bytes": len(content)}


JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0000b080010001001011100ffda0008010100003f00aa") + b"\xff\xd9"


async def test_a_jpeg_is_cleared_with_its_true_type(deps: Deps) -> None:
    fact = upload_received(**await stored(deps, JPEG))
    await judging.on_upload_received(arrived(fact), deps)
    (event,) = await emitted(deps)
    assert event["type"] == "media.upload.cleared.v1"
    assert event["data"]["mime_type"] == "image/jpeg"
    assert event["data"]["etag"] == fact.etag
    assert event["data"]["previewable"] is True
    assert event["sequence"] == "000000000001"


async def test_verdict_and_preview_say_when_the_work_began(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, read = deps.work.clock, deps.blobs.read
    assert isinstance(clock, FixedClock)

    async def slow(key: str, *, etag: str | None = None) -> bytes:
        clock.advance(seconds=3)
        return await read(key, etag=etag)

    monkeypatch.setattr(deps.blobs, "read", slow)
    known = await stored(deps, JPEG)
    await judging.on_upload_received(arrived(upload_received(**known)), deps)
    await preview(deps, arrived(item_committed(**known)))
    told = [(event["data"]["started_at"], event["time"]) for event in await emitted(deps)]
    assert told == [
        ("2026-11-20T12:00:00.000000Z", "2026-11-20T12:00:03.000000Z"),
        ("2026-11-20T12:00:03.000000Z", "2026-11-20T12:00:06.000000Z"),
    ]


async def test_a_verdict_carries_actor_correlation_and_cause_of_the_upload(deps: Deps) -> None:
    received = arrived(upload_received(**await stored(deps, JPEG)))
    await judging.on_upload_received(received, deps)
    (event,) = await emitted(deps)
    assert (event["causationid"], event["correlationid"]) == (received.id, received.correlationid)
    assert (event["actorid"], event["ownerid"]) == (received.actorid, received.ownerid)


async def test_a_program_named_like_a_photo_is_rejected_with_its_reason(deps: Deps) -> None:
    program = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + bytes(200)
    fact = upload_received(**await stored(deps, program), name="holiday.jpg")
    await judging.on_upload_received(arrived(fact), deps)
    (event,) = await emitted(deps)
    assert event["type"] == "media.upload.rejected.v1"
    assert event["data"]["reason"] == "executable_in_disguise"
    assert "program" in event["data"]["detail"]


async def test_an_empty_file_is_cleared_without_asking_the_bucket(deps: Deps) -> None:
    fact = upload_received(key="blobs/nowhere/at-all", etag="none", size_bytes=0, name="empty.txt", claimed="text/plain")
    await judging.on_upload_received(arrived(fact), deps)
    (event,) = await emitted(deps)
    assert (event["type"], event["data"]["previewable"]) == ("media.upload.cleared.v1", False)


async def test_only_the_ends_of_a_large_file_are_read(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    content = JPEG[:-2] + bytes(3_000_000) + b"\xff\xd9"
    fact = upload_received(**await stored(deps, content))
    ranges: list[tuple[int, int]] = []
    read_range = deps.blobs.read_range

    async def counted(key: str, first: int, last: int, *, etag: str | None = None) -> bytes:
        ranges.append((first, last))
        return await read_range(key, first, last, etag=etag)

    monkeypatch.setattr(deps.blobs, "read_range", counted)
    await judging.on_upload_received(arrived(fact), deps)
    assert sorted(ranges) == [(0, 65_535), (len(content) - 65_536, len(content) - 1)]
    assert (await emitted(deps))[0]["data"]["mime_type"] == "image/jpeg"


async def test_the_same_fact_twice_gives_one_verdict(deps: Deps) -> None:
    received = arrived(upload_received(**await stored(deps, JPEG)))
    await judging.on_upload_received(received, deps)
    with pytest.raises(Duplicate):
        await judging.on_upload_received(received, deps)
    assert len(await emitted(deps)) == 1


async def test_a_dispatch_driven_again_gets_a_later_verdict(deps: Deps) -> None:
    fact = upload_received(**await stored(deps, JPEG))
    await judging.on_upload_received(arrived(fact), deps)
    await judging.on_upload_received(arrived(fact.model_copy(update={"attempt": 2}), sequence=2), deps)
    assert [event["sequence"][-1] for event in await emitted(deps)] == ["1", "2"]


@pytest.mark.parametrize("etag", ["another", None])
async def test_bytes_that_changed_or_vanished_get_no_verdict(deps: Deps, etag: str | None) -> None:
    known = await stored(deps, JPEG)
    if etag is None:
        await deps.blobs.delete([known["key"]])
    else:
        known["etag"] = etag
    await judging.on_upload_received(arrived(upload_received(**known)), deps)
    assert await emitted(deps) == []


async def test_a_crash_before_commit_leaves_nothing_and_the_next_delivery_does_all(deps: Deps) -> None:
    received = arrived(upload_received(**await stored(deps, JPEG)))

    async with deps.work.read() as connection:
        await connection.exec_driver_sql("ALTER TABLE outbox ADD CONSTRAINT crash CHECK (false) NOT VALID")
    with pytest.raises(Exception, match="crash"):
        await judging.on_upload_received(received, deps)
    async with deps.work.read() as connection:
        await connection.exec_driver_sql("ALTER TABLE outbox DROP CONSTRAINT crash")
        assert (await connection.execute(select(tables.verdicts))).all() == []
    await judging.on_upload_received(received, deps)
    assert len(await emitted(deps)) == 1


async def test_how_long_a_verdict_took_since_the_bytes_came_is_measured(deps: Deps, clock: FixedClock) -> None:
    received = arrived(upload_received(**await stored(deps, JPEG)))
    before = metrics.MEDIA_VERDICT_SECONDS._sum.get()
    clock.moment = received.time + timedelta(seconds=3)
    await judging.on_upload_received(received, deps)
    assert metrics.MEDIA_VERDICT_SECONDS._sum.get() - before == pytest.approx(3)


async def test_a_preview_is_stored_and_told(deps: Deps) -> None:
    fact = item_committed(**await stored(deps, JPEG))
    await preview(deps, arrived(fact))
    (event,) = await emitted(deps)
    assert event["type"] == "media.preview.ready.v1"
    (image,) = event["data"]["images"]
    assert fact.content is not None
    assert image["key"] == f"previews/{fact.content.blob_id}/400"
    assert await deps.blobs.read(image["key"]) == PICTURE.smallest.content
    assert (event["data"]["width"], event["data"]["height"]) == (4000, 3000)
    assert event["data"]["ancestor_ids"] == list(fact.ancestor_ids)


async def test_no_preview_is_tried_of_what_cannot_have_one(deps: Deps) -> None:
    fact = item_committed(**await stored(deps, b"zip"), mime_type="application/zip", media_kind="archive")
    await preview(deps, arrived(fact))
    assert await emitted(deps) == []


async def test_what_has_no_picture_is_told_with_its_facts_and_where_its_text_is(deps: Deps) -> None:
    deps = replace(deps, children=Children(Rendered(facts={"page_count": 2}, text=b"words")))
    fact = item_committed(**await stored(deps, b"words"), mime_type="text/plain", media_kind="text")
    await preview(deps, arrived(fact))
    (event,) = await emitted(deps)
    assert fact.content is not None
    key = f"previews/{fact.content.blob_id}/text"
    assert (event["type"], event["subject"]) == ("media.preview.omitted.v1", f"preview/{fact.content.version_id}")
    assert (event["data"]["text"], event["data"]["facts"]["page_count"]) == ({"key": key, "size_bytes": 5}, 2)
    assert await deps.blobs.read(key) == b"words"


async def test_another_version_with_the_same_bytes_has_no_picture_either(deps: Deps) -> None:
    deps = replace(deps, children=Children(Rendered(text=b"words"), ChildrenLost("asked again")))
    known = await stored(deps, b"words")
    fact = item_committed(**known, mime_type="text/plain", media_kind="text")
    assert fact.content is not None
    await preview(deps, arrived(fact))
    copy = item_committed(**known, mime_type="text/plain", media_kind="text", blob_id=fact.content.blob_id)
    await preview(deps, arrived(copy))
    assert [event["type"] for event in await emitted(deps)] == ["media.preview.omitted.v1"] * 2


async def test_a_text_goes_with_its_file(deps: Deps) -> None:
    deps = replace(deps, children=Children(Rendered(text=b"words")))
    fact = item_committed(**await stored(deps, b"words"), mime_type="text/plain", media_kind="text")
    await preview(deps, arrived(fact))
    await burying.on_item_purged(arrived(item_purged(fact), sequence=9), deps)
    assert fact.content is not None
    assert await deps.blobs.head(f"previews/{fact.content.blob_id}/text") is None


async def test_a_corrupt_picture_fails_once_with_its_reason(deps: Deps) -> None:
    children = Children(PreviewFailed(PreviewFailure.CORRUPT))
    deps = replace(deps, children=children)
    await preview(deps, arrived(item_committed(**await stored(deps, JPEG))))
    (event,) = await emitted(deps)
    assert (event["type"], event["data"]["reason"]) == ("media.preview.failed.v1", "corrupt")
    assert children.asked == 1


async def test_a_timeout_is_tried_once_more(deps: Deps) -> None:
    children = Children(PreviewFailed(PreviewFailure.TIMEOUT), PICTURE)
    deps = replace(deps, children=children)
    await preview(deps, arrived(item_committed(**await stored(deps, JPEG))))
    assert (await emitted(deps))[0]["type"] == "media.preview.ready.v1"
    assert children.asked == 2


async def test_lost_processes_are_no_verdict_on_the_file(deps: Deps) -> None:
    deps = replace(deps, children=Children(ChildrenLost("killed")))
    with pytest.raises(Retry):
        await preview(deps, arrived(item_committed(**await stored(deps, JPEG))))
    assert await emitted(deps) == []


async def test_the_same_bytes_are_rendered_once(deps: Deps) -> None:
    children = Children()
    deps = replace(deps, children=children)
    known = await stored(deps, JPEG)
    blob_id = BlobId("0193439e-8a5c-7000-8000-000000000001")
    await preview(deps, arrived(item_committed(**known, blob_id=blob_id)))
    await preview(deps, arrived(item_committed(**known, blob_id=blob_id)))
    first, second = await emitted(deps)
    assert first["data"]["images"] == second["data"]["images"]
    assert children.asked == 1


async def test_a_purge_deletes_the_preview_and_twice_does_no_harm(deps: Deps) -> None:
    fact = item_committed(**await stored(deps, JPEG))
    await preview(deps, arrived(fact))
    purged = arrived(item_purged(fact), sequence=2)
    await burying.on_item_purged(purged, deps)
    with pytest.raises(Duplicate):
        await burying.on_item_purged(purged, deps)
    assert fact.content is not None
    assert await deps.blobs.head(f"previews/{fact.content.blob_id}/400") is None


async def test_a_purge_clears_up_after_versions_that_its_fact_has_no_room_to_name(deps: Deps) -> None:
    fact = item_committed(**await stored(deps, JPEG))
    assert fact.content is not None
    await preview(deps, arrived(fact))
    others = tuple(BlobId(new_id()) for _ in range(burying.MOST_NAMED))
    await burying.on_item_purged(arrived(item_purged(fact).model_copy(update={"blob_ids": others}), sequence=2), deps)
    assert await deps.blobs.head(f"previews/{fact.content.blob_id}/400") is None


async def test_a_purge_that_names_no_object_leaves_pictures_for_a_copy_that_was_not_heard_of_yet(deps: Deps) -> None:
    fact = item_committed(**await stored(deps, JPEG))
    assert fact.content is not None
    await preview(deps, arrived(fact))
    await burying.on_item_purged(arrived(item_purged(fact).model_copy(update={"blob_ids": ()}), sequence=2), deps)
    assert await deps.blobs.head(f"previews/{fact.content.blob_id}/400") is not None


async def test_a_purge_leaves_pictures_of_bytes_that_another_file_has_too(deps: Deps) -> None:
    known = await stored(deps, JPEG)
    blob_id = BlobId("0193439e-8a5c-7000-8000-000000000001")
    one, other = (item_committed(**known, blob_id=blob_id) for _ in range(2))
    for fact in (one, other):
        await preview(deps, arrived(fact))
    assert one.item_id != other.item_id
    await burying.on_item_purged(arrived(item_purged(one).model_copy(update={"blob_ids": ()}), sequence=2), deps)
    assert await deps.blobs.head(f"previews/{blob_id}/400") is not None


async def test_a_deleted_version_takes_its_pictures_along_unless_another_has_the_same_bytes(deps: Deps) -> None:
    fact = item_committed(**await stored(deps, JPEG))
    await preview(deps, arrived(fact))
    assert fact.content is not None
    key = f"previews/{fact.content.blob_id}/400"
    await burying.on_version_deleted(arrived(version_deleted(fact)), deps)
    assert await deps.blobs.head(key) is not None
    last = arrived(version_deleted(fact, fact.content.blob_id))
    await burying.on_version_deleted(last, deps)
    with pytest.raises(Duplicate):
        await burying.on_version_deleted(last, deps)
    assert await deps.blobs.head(key) is None
    await preview(deps, arrived(fact))
    assert await deps.blobs.head(key) is None
    assert len(await emitted(deps)) == 1


async def test_a_late_fact_cannot_raise_the_dead(deps: Deps) -> None:
    fact = item_committed(**await stored(deps, JPEG))
    await burying.on_item_purged(arrived(item_purged(fact), sequence=2), deps)
    await preview(deps, arrived(fact, sequence=1))
    assert await emitted(deps) == []
    assert fact.content is not None
    assert await deps.blobs.head(f"previews/{fact.content.blob_id}/400") is None


@pytest.mark.parametrize("crash", [False, True])
async def test_a_picture_written_after_the_purge_had_cleared_up_is_deleted(deps: Deps, clock: FixedClock, crash: bool) -> None:
    fact = item_committed(**await stored(deps, JPEG))
    committed, purged = arrived(fact, sequence=1), arrived(item_purged(fact), sequence=2)
    write: Any = deps.blobs.write

    async def write_late(*given: Any, **more: Any) -> Any:
        await burying.on_item_purged(purged, deps)
        etag = await write(*given, **more)
        if crash:
            raise ConnectionError("the process ends here")
        return etag

    setattr(deps.blobs, "write", write_late)  # noqa: B010  # a method of a protocol
    if crash:
        with pytest.raises(ConnectionError):
            await preview(deps, committed)
        clock.advance(seconds=1)
        await make_previews(deps)
    else:
        await preview(deps, committed)
    assert fact.content is not None
    assert await deps.blobs.head(f"previews/{fact.content.blob_id}/400") is None
    assert await emitted(deps) == []
