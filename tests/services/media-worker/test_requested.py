"""Previews are made anew when somebody waits for them, and as JPEG; whatever was made goes with its file."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine

from coffer_chassis.handling import Retry
from coffer_chassis.revocations import DenyList
from coffer_chassis.testing import FixedClock, MemoryBlobs
from coffer_chassis.unit_of_work import Duplicate, Work
from coffer_contracts.event import Envelope
from coffer_contracts.files import ItemCommittedV1
from coffer_media_worker.domain import Picture, PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from coffer_media_worker.handlers import burying
from coffer_media_worker.handlers.deps import BULK, Deps
from coffer_media_worker.handlers.queueing import on_preview_requested
from coffer_media_worker.handlers.rendering import TRIES, make_previews
from coffer_media_worker.store import tables
from coffer_media_worker.warm import ChildrenLost
from factories.databases import Database
from factories.events import arrived, item_committed, item_purged, preview_requested, version_deleted
from factories.previews import preview

pytestmark = pytest.mark.slow  # a database of its own

PLACE = "+48.85826+002.29450/"


def made(*boxes: int, **facts: Any) -> Rendered:
    pictures = tuple(Picture(b"webp", "image/webp", box, box, box) for box in boxes)
    return Rendered(pictures, 4000, 3000, b"tiny", facts)


class Children:
    """Answers what it was told to, in order; makes a JPEG of whatever it is shown."""

    def __init__(self) -> None:
        self.outcomes: list[PreviewOutcome | Exception] = []
        self.jpegs: list[bytes] = []
        self.located: list[bool] = []
        self.lost = False

    async def render(
        self,
        source: Any,
        boxes: Sequence[int] = (400,),
        *,
        format: str = "WEBP",  # noqa: A002 as it is
        locate: bool = False,
        **_: object,
    ) -> PreviewOutcome:
        if self.lost:
            raise ChildrenLost("gone")
        if format == "JPEG":
            self.jpegs.append(source)
            return Rendered((Picture(b"jpeg", "image/jpeg", boxes[0], boxes[0], boxes[0]),))
        self.located.append(locate)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
def children() -> Children:
    return Children()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def deps(database: Database, children: Children, clock: FixedClock) -> AsyncIterator[Deps]:
    engine = create_async_engine(database("coffer_media_worker"))
    work = Work(engine, tables.chassis, source="/media-worker", clock=clock)
    yield Deps(work=work, blobs=MemoryBlobs(clock), children=children, label=None, denied=DenyList(work, tables.revocations))
    await engine.dispose()


async def committed(deps: Deps, **more: Any) -> ItemCommittedV1:
    etag = await deps.blobs.write("blobs/owner/blob", b"photo", content_type="image/jpeg")
    return item_committed(key="blobs/owner/blob", etag=etag, size_bytes=5, **more)


async def request(deps: Deps, event: Envelope[Any]) -> None:
    """The request is heard, and what is in line is made. Raises Duplicate, and what keeps a preview from being made."""
    async with deps.work.unit(cause=event, consumer=BULK) as unit:
        await on_preview_requested(event, unit, deps)
    await make_previews(deps)


async def told(deps: Deps) -> list[Any]:
    async with deps.work.read() as connection:
        query = select(tables.chassis.outbox.c.body).order_by(tables.chassis.outbox.c.position)
        return [json.loads(body) for body in (await connection.execute(query)).scalars()]


async def last(deps: Deps) -> tuple[str, list[str], str]:
    event = (await told(deps))[-1]
    keys = [image["key"].rpartition("/")[2] for image in event["data"].get("images", ())]
    return event["type"].split(".")[2], keys, event["sequence"].lstrip("0")


async def there(deps: Deps, fact: ItemCommittedV1) -> list[str]:
    assert fact.content is not None
    prefix = f"previews/{fact.content.blob_id}/"
    return [one.key.removeprefix(prefix) for one in await deps.blobs.listed(prefix)]


async def test_a_preview_that_failed_is_made_anew_and_both_words_are_told_in_order(
    deps: Deps, children: Children, clock: FixedClock
) -> None:
    fact = await committed(deps)
    children.outcomes = [PreviewFailed(PreviewFailure.UNSUPPORTED), made(400, 2048), PreviewFailed(PreviewFailure.CORRUPT)]
    await preview(deps, arrived(fact))
    assert await last(deps) == ("failed", [], "1")
    for number, expected in ((1, ("ready", ["400", "2048"], "2")), (2, ("failed", [], "3"))):
        clock.advance(minutes=1)
        event = arrived(preview_requested(fact, requested_at=clock.now()), sequence=number)
        await request(deps, event)
        assert await last(deps) == expected
        with pytest.raises(Duplicate):
            await request(deps, event)
    assert len(await told(deps)) == 3
    assert (await told(deps))[1]["causationid"] is not None


async def test_a_good_preview_is_made_again_but_not_one_that_was_made_since(
    deps: Deps, children: Children, clock: FixedClock
) -> None:
    fact, before = await committed(deps), clock.now() - timedelta(hours=1)
    children.outcomes = [made(400), made(400, 1024)]
    await preview(deps, arrived(fact))
    await request(deps, arrived(preview_requested(fact, requested_at=before)))
    assert (await last(deps), len(children.outcomes)) == (("ready", ["400"], "2"), 1), "what was asked again is told again"
    clock.advance(seconds=1)
    await request(deps, arrived(preview_requested(fact, requested_at=clock.now()), sequence=2))
    assert (await last(deps), len(children.outcomes)) == (("ready", ["400", "1024"], "3"), 0)


async def test_who_waits_for_a_preview_of_a_kind_without_one_hears_that(deps: Deps) -> None:
    fact = await committed(deps, mime_type="application/x-tar", media_kind="archive")
    await request(deps, arrived(preview_requested(fact)))
    [event] = await told(deps)
    assert (event["type"], event["data"]["reason"]) == ("media.preview.failed.v1", "unsupported")


async def test_pictures_are_made_as_jpeg_of_what_was_made_already(deps: Deps, children: Children, clock: FixedClock) -> None:
    fact = await committed(deps)
    children.outcomes = [made(400, 2048), made(400)]
    await preview(deps, arrived(fact))
    await request(deps, arrived(preview_requested(fact, wanted="jpeg")))
    assert await last(deps) == ("ready", ["400", "2048", "400.jpg", "2048.jpg"], "2")
    assert children.jpegs == [b"webp", b"webp"], "the file itself is not read again"
    assert await there(deps, fact) == ["2048", "2048.jpg", "400", "400.jpg"]
    await request(deps, arrived(preview_requested(fact, wanted="jpeg"), sequence=2))
    assert (await last(deps))[1:] == (["400", "2048", "400.jpg", "2048.jpg"], "3")
    assert len(children.jpegs) == 2
    clock.advance(seconds=1)
    await request(deps, arrived(preview_requested(fact, requested_at=clock.now()), sequence=3))
    assert await last(deps) == ("ready", ["400"], "4"), "JPEGs of old pictures are not told with new ones"


async def test_a_copy_has_the_jpegs_of_its_bytes_at_once(deps: Deps, children: Children) -> None:
    fact = await committed(deps)
    assert fact.content is not None
    children.outcomes = [made(400)]
    await preview(deps, arrived(fact))
    await request(deps, arrived(preview_requested(fact, wanted="jpeg")))
    copy = await committed(deps, blob_id=fact.content.blob_id)
    await request(deps, arrived(preview_requested(copy, wanted="jpeg")))
    assert (await last(deps))[1] == ["400", "400.jpg"]
    assert len(children.jpegs) == 1


async def test_where_the_pictures_are_gone_all_are_made_anew_with_their_jpegs(deps: Deps, children: Children) -> None:
    fact = await committed(deps)
    children.outcomes = [made(400), made(400, 1024)]
    await preview(deps, arrived(fact))
    await deps.blobs.delete([f"previews/{fact.content.blob_id}/400"] if fact.content else [])
    await request(deps, arrived(preview_requested(fact, wanted="jpeg")))
    assert (await last(deps))[1] == ["400", "1024", "400.jpg", "1024.jpg"]


async def test_pictures_that_cannot_be_had_as_jpeg_stay_as_good_as_they_are(
    deps: Deps, children: Children, clock: FixedClock
) -> None:
    fact = await committed(deps)
    children.outcomes = [made(400)]
    await preview(deps, arrived(fact))
    children.lost = True
    with pytest.raises(Retry):
        await request(deps, arrived(preview_requested(fact, wanted="jpeg")))
    clock.advance(days=1, hours=1)
    for _ in range(TRIES):
        with suppress(Retry):
            await make_previews(deps)
        clock.advance(hours=1)
    assert (await last(deps), await there(deps, fact)) == (("ready", ["400"], "1"), ["400"])
    async with deps.work.read() as connection:
        assert (await connection.execute(select(tables.preview_jobs))).all() == []


async def test_lost_processes_keep_a_request_in_line(deps: Deps, children: Children, clock: FixedClock) -> None:
    fact = await committed(deps)
    children.outcomes = [ChildrenLost("gone"), made(400)]
    with pytest.raises(Retry):
        await request(deps, arrived(preview_requested(fact)))
    assert await told(deps) == []
    clock.advance(seconds=5)
    await make_previews(deps)
    assert await last(deps) == ("ready", ["400"], "1")


@pytest.mark.parametrize("wanted", ["all", "jpeg"])
@pytest.mark.parametrize("gone", ["item", "version"])
async def test_what_is_gone_is_not_brought_back_by_a_late_request(
    deps: Deps, children: Children, wanted: str, gone: str
) -> None:
    fact = await committed(deps)
    assert fact.content is not None
    children.outcomes = [made(400), made(400)]
    await preview(deps, arrived(fact))
    await request(deps, arrived(preview_requested(fact, wanted="jpeg")))
    await deps.blobs.write(f"previews/{fact.content.blob_id}/page-7", b"x", content_type="image/webp")
    before = len(await told(deps))
    if gone == "item":
        await burying.on_item_purged(arrived(item_purged(fact), sequence=9), deps)
    else:
        await burying.on_version_deleted(arrived(version_deleted(fact, fact.content.blob_id)), deps)
    assert await there(deps, fact) == [], "whatever was made, as the bucket shows it"
    await deps.blobs.write(f"previews/{fact.content.blob_id}/400.jpg", b"late", content_type="image/jpeg")
    await request(deps, arrived(preview_requested(fact, wanted=wanted), sequence=3))
    assert (await there(deps, fact), len(await told(deps))) == ([], before)


async def test_a_copy_keeps_its_jpegs_when_the_original_goes(deps: Deps, children: Children) -> None:
    fact = await committed(deps)
    assert fact.content is not None
    children.outcomes = [made(400)]
    copy = await committed(deps, blob_id=fact.content.blob_id)
    for one in (fact, copy):
        await preview(deps, arrived(one))
        await request(deps, arrived(preview_requested(one, wanted="jpeg")))
    await burying.on_item_purged(arrived(item_purged(fact).model_copy(update={"blob_ids": ()}), sequence=2), deps)
    assert await there(deps, copy) == ["400", "400.jpg"]


@pytest.mark.parametrize("asked", [True, None])
@pytest.mark.parametrize("way", ["committed", "requested"])
async def test_where_it_was_taken_is_told_only_where_that_is_asked_for(
    deps: Deps, children: Children, asked: bool | None, way: str
) -> None:
    fact = (await committed(deps)).model_copy(update={"locate": asked})
    children.outcomes = [made(400, location=PLACE, camera_make="Example")]
    if way == "committed":
        await preview(deps, arrived(fact))
    else:
        await request(deps, arrived(preview_requested(fact, locate=asked)))
    assert children.located == [bool(asked)]
    [event] = await told(deps)
    assert event["data"]["facts"] == {"camera_make": "Example"} | ({"location": PLACE} if asked else {})
    assert asked or PLACE not in str(event), "also where a child that was taken over tells it unasked"
