"""A page that somebody turned to is drawn in turn, stored once, told once, and gone with its document."""

import json
from collections.abc import AsyncIterator, Sequence
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
from coffer_contracts.files_previews import PreviewRequestedV1
from coffer_media_worker.domain import Picture, PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from coffer_media_worker.handlers import burying, rendering
from coffer_media_worker.handlers.deps import Deps
from coffer_media_worker.handlers.rendering import make_previews
from coffer_media_worker.store import queue, tables
from coffer_media_worker.warm import ChildrenLost
from factories.databases import Database
from factories.events import arrived, item_committed, item_purged, page_requested, preview_requested, version_deleted
from factories.previews import ask, hear, preview

pytestmark = pytest.mark.slow  # a database of its own

NAMES = {"image/webp": "WEBP", "image/jpeg": "JPEG"}


class Children:
    """Draws whatever page it is asked for, or fails as it was told to, and notes what it was asked."""

    def __init__(self) -> None:
        self.drawn: list[tuple[Any, ...]] = []
        self.outcomes: list[PreviewOutcome | Exception] = []
        self.meanwhile: Any = None

    async def render(
        self,
        source: Any,
        boxes: Sequence[int] = (400,),
        *,
        task: str = "pictures",
        format: str = "WEBP",  # noqa: A002 as it is
        page: int | None = None,
        **_: object,
    ) -> PreviewOutcome:
        self.drawn.append((task, *boxes, format, page))
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        kind = f"image/{format.lower()}"
        return outcome or Rendered(tuple(Picture(b"%d" % (page or 1), kind, box, box, box, page or 1) for box in boxes))


@pytest.fixture
def children() -> Children:
    return Children()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture(scope="module")
def store(database: Database) -> str:
    return database("coffer_media_worker")


@pytest.fixture
async def deps(store: str, children: Children, clock: FixedClock) -> AsyncIterator[Deps]:
    engine = create_async_engine(store)
    async with engine.begin() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            await connection.execute(table.delete())
    work = Work(engine, tables.chassis, source="/media-worker", clock=clock)
    yield Deps(work=work, blobs=MemoryBlobs(clock), children=children, label=None, denied=DenyList(work, tables.revocations))
    await engine.dispose()


async def committed(deps: Deps, **more: Any) -> ItemCommittedV1:
    """A PDF whose preview is there."""
    etag = await deps.blobs.write("blobs/owner/blob", b"%PDF-", content_type="application/pdf")
    values: dict[str, Any] = {"mime_type": "application/pdf", "media_kind": "document", **more}
    fact = item_committed(key="blobs/owner/blob", etag=etag, size_bytes=5, **values)
    await preview(deps, arrived(fact))
    return fact


async def told(deps: Deps) -> list[Any]:
    """What was said about pages."""
    async with deps.work.read() as connection:
        query = select(tables.chassis.outbox.c.body).order_by(tables.chassis.outbox.c.position)
        found = [json.loads(body) for body in (await connection.execute(query)).scalars()]
    return [fact for fact in found if fact["type"].startswith("media.page.")]


def subject_of(request: Envelope[PreviewRequestedV1]) -> str:
    assert request.data.page is not None
    return f"page/{request.data.page.page_id}"


async def there(deps: Deps, fact: ItemCommittedV1) -> list[str]:
    assert fact.content is not None
    prefix = f"previews/{fact.content.blob_id}/"
    return [one.key.removeprefix(prefix) for one in await deps.blobs.listed(prefix)]


async def in_line(deps: Deps) -> int:
    async with deps.work.read() as connection:
        return len((await connection.execute(select(tables.preview_jobs.c.version_id))).all())


@pytest.mark.parametrize("box", [400, 2048])
@pytest.mark.parametrize(("mime_type", "end"), [("image/webp", ""), ("image/jpeg", ".jpg")])
async def test_a_page_is_drawn_for_the_box_and_form_that_is_wanted_and_told(
    deps: Deps, children: Children, box: int, mime_type: str, end: str
) -> None:
    fact = await committed(deps)
    event = page_requested(fact, 7, sequence=3, box=box, mime_type=mime_type, attempt=2)
    await ask(deps, event)
    assert await make_previews(deps) == 1
    assert children.drawn[-1] == ("page", box, NAMES[mime_type], 7)
    [page] = await told(deps)
    data = page["data"]
    assert (page["type"], page["subject"]) == ("media.page.ready.v1", subject_of(event))
    assert (page["sequence"].lstrip("0"), page["causationid"]) == ("2", event.id)
    assert fact.content is not None
    assert data["key"] == f"previews/{fact.content.blob_id}/page-7/{box}{end}"
    assert (data["page"], data["box_pixels"], data["mime_type"], data["width"]) == (7, box, mime_type, box)
    assert (data["version_id"], data["blob_id"]) == (fact.content.version_id, fact.content.blob_id)
    assert await deps.blobs.read(data["key"]) == b"7"
    with pytest.raises(Duplicate):
        await ask(deps, event)
    assert await in_line(deps) == 0


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (PreviewFailed(PreviewFailure.NO_SUCH_PAGE), "no_such_page"),
        (PreviewFailed(PreviewFailure.MEMORY), "memory"),
        (Rendered(), "crashed"),
        (Rendered((Picture(b"x", "image/jpeg", 4, 4, 400, 2),)), "crashed"),
        (Rendered((Picture(b"x", "image/webp", 4, 4, 400, 2),) * 2), "crashed"),
    ],
)
async def test_what_cannot_be_drawn_is_told_with_its_reason_and_leaves_nothing(
    deps: Deps, children: Children, outcome: Any, reason: str
) -> None:
    fact = await committed(deps)
    before = await there(deps, fact)
    children.outcomes = [outcome]
    await ask(deps, page_requested(fact, 2))
    await make_previews(deps)
    [page] = await told(deps)
    assert (page["type"], page["data"]["reason"]) == ("media.page.failed.v1", reason)
    assert await there(deps, fact) == before


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("image/tiff", {}),
        ("application/x-tar", {}),
        ("application/pdf", {"box": 4096}),
        ("application/pdf", {"mime_type": "image/gif"}),
    ],
)
async def test_what_no_reader_asks_for_is_drawn_for_nobody(deps: Deps, children: Children, kind: str, more: Any) -> None:
    fact = await committed(deps, mime_type=kind)
    drawn = len(children.drawn)
    await ask(deps, page_requested(fact, 2, **more))
    await make_previews(deps)
    assert (await told(deps))[0]["data"]["reason"] == "unsupported"
    assert len(children.drawn) == drawn


async def test_what_took_too_long_is_tried_once_more(deps: Deps, children: Children) -> None:
    fact = await committed(deps)
    children.outcomes = [PreviewFailed(PreviewFailure.TIMEOUT)]
    await ask(deps, page_requested(fact, 2))
    await make_previews(deps)
    assert (await told(deps))[0]["type"] == "media.page.ready.v1"


async def test_a_picture_that_was_stored_before_a_crash_is_stored_and_told_once(
    deps: Deps, children: Children, clock: FixedClock
) -> None:
    fact = await committed(deps)
    await ask(deps, page_requested(fact, 2))
    write = deps.blobs.write

    class Crash(BaseException):
        """The process dies."""

    async def mortal(*given: Any, **options: Any) -> str:
        await write(*given, **options)
        raise Crash

    deps.blobs.write = mortal  # type: ignore[method-assign]  # it dies right after the object is there
    with pytest.raises(Crash):
        await make_previews(deps)
    deps.blobs.write = write  # type: ignore[method-assign]  # the next process lives
    assert (await told(deps), "page-2/400" in await there(deps, fact)) == ([], True)
    assert await make_previews(deps) == 0, "it is held by the dead"
    clock.advance(seconds=queue.LEASE.total_seconds())
    assert await make_previews(deps) == 1
    assert len(await told(deps)) == 1
    assert [key for key in await there(deps, fact) if key.startswith("page")] == ["page-2/400"]


async def test_pages_of_one_document_stand_in_line_beside_each_other_and_its_preview(deps: Deps, children: Children) -> None:
    fact = await committed(deps)
    again = arrived(preview_requested(fact), sequence=9)
    await ask(deps, *(page_requested(fact, page, sequence=page) for page in range(2, 12)), again)
    assert await in_line(deps) == 11
    assert await make_previews(deps) == 11
    assert sorted(page["data"]["page"] for page in await told(deps)) == list(range(2, 12))


async def test_a_page_that_is_asked_for_again_is_drawn_once_as_it_was_asked_last(deps: Deps, children: Children) -> None:
    fact = await committed(deps)
    first, last = page_requested(fact, 2), page_requested(fact, 2, sequence=2)
    await ask(deps, first, last)
    assert await make_previews(deps) == 1
    [page] = await told(deps)
    assert page["subject"] == subject_of(last)


async def test_whoever_was_overtaken_tells_nothing(deps: Deps, children: Children) -> None:
    fact = await committed(deps)
    late = page_requested(fact, 2, sequence=2)

    async def overtake() -> None:
        await ask(deps, late)
        assert await make_previews(deps) == 1

    children.meanwhile = overtake
    await ask(deps, page_requested(fact, 2))
    await make_previews(deps)
    assert [page["subject"] for page in await told(deps)] == [subject_of(late)]
    assert "page-2/400" in await there(deps, fact), "it is the same picture"


async def test_a_reader_of_five_hundred_pages_holds_up_nobody_and_is_held_up_by_no_photographs(
    deps: Deps, children: Children
) -> None:
    fact = await committed(deps)
    photos = [await _photo(deps, fact.owner_id) for _ in range(50)]
    await ask(deps, *(page_requested(fact, page, sequence=page) for page in range(2, 102)))
    stranger = await _photo(deps)
    order = []
    for _ in range(6):
        async with deps.work.engine.begin() as connection:
            job = await queue.take_job(connection, deps.work.clock.now())
            assert job is not None
            await queue.end_job(connection, job)
        order.append("page" if job.page_of else "stranger" if job.id == stranger else "photo")
    assert len(photos) == 50
    assert sorted(order[:3]) == ["page", "photo", "stranger"]
    assert sorted(order[3:5]) == ["page", "photo"]


async def test_the_hand_that_is_free_for_others_takes_no_page_of_who_keeps_the_rest_busy(deps: Deps) -> None:
    fact = await committed(deps)
    await _photo(deps, fact.owner_id)
    await ask(deps, page_requested(fact, 2))

    async def taken(*, newcomer: bool = False) -> queue.PreviewJob | None:
        async with deps.work.engine.begin() as connection:
            return await queue.take_job(connection, deps.work.clock.now(), newcomer=newcomer)

    assert await taken() is not None
    assert await taken(newcomer=True) is None
    other = await committed(deps)
    await ask(deps, page_requested(other, 2))
    job = await taken(newcomer=True)
    assert job is not None
    assert other.content is not None
    assert job.page_of == other.content.version_id


async def _photo(deps: Deps, owner: Any = None) -> str:
    fact = item_committed(key="blobs/owner/photo", etag="e", size_bytes=5)
    if owner is not None:
        fact = fact.model_copy(update={"owner_id": owner})
    await hear(deps, arrived(fact))
    assert fact.content is not None
    return fact.content.version_id


@pytest.mark.parametrize("gone", ["item", "version"])
async def test_all_pages_go_with_their_document_and_late_requests_bring_none_back(deps: Deps, gone: str) -> None:
    fact = await committed(deps)
    assert fact.content is not None
    await ask(deps, *(page_requested(fact, page, sequence=page) for page in range(2, 12)))
    await make_previews(deps)
    for number in range(1500):
        key = f"previews/{fact.content.blob_id}/page-{number + 20}/400"
        await deps.blobs.write(key, b"x", content_type="image/webp")
    waiting = page_requested(fact, 50, sequence=50)
    await ask(deps, waiting)
    before = len(await told(deps))
    await _removed(deps, fact, gone)
    assert await there(deps, fact) == [], "however many"
    await ask(deps, page_requested(fact, 51, sequence=51))
    assert await make_previews(deps) == 2
    assert (await there(deps, fact), len(await told(deps)), await in_line(deps)) == ([], before, 0)


async def _removed(deps: Deps, fact: ItemCommittedV1, gone: str) -> None:
    assert fact.content is not None
    if gone == "item":
        await burying.on_item_purged(arrived(item_purged(fact), sequence=9), deps)
    else:
        await burying.on_version_deleted(arrived(version_deleted(fact, fact.content.blob_id)), deps)


@pytest.mark.parametrize("gone", ["item", "version"])
async def test_a_page_that_is_drawn_while_its_document_goes_is_not_left_behind(
    deps: Deps, children: Children, gone: str
) -> None:
    fact = await committed(deps)

    async def removed() -> None:
        await _removed(deps, fact, gone)

    children.meanwhile = removed
    await ask(deps, page_requested(fact, 2), page_requested(fact, 3, sequence=2))
    assert await make_previews(deps) == 2
    assert (await there(deps, fact), await told(deps)) == ([], [])


async def test_a_copy_keeps_the_pages_when_the_original_goes(deps: Deps) -> None:
    fact = await committed(deps)
    assert fact.content is not None
    copy = await committed(deps, blob_id=fact.content.blob_id)
    await ask(deps, page_requested(fact, 2))
    await make_previews(deps)
    await burying.on_item_purged(arrived(item_purged(fact).model_copy(update={"blob_ids": ()}), sequence=2), deps)
    await ask(deps, page_requested(fact, 3, sequence=2))
    await make_previews(deps)
    assert [key for key in await there(deps, copy) if key.startswith("page")] == ["page-2/400"]


async def test_lost_processes_keep_a_page_in_line_and_a_deadly_one_is_given_up(
    deps: Deps, children: Children, clock: FixedClock
) -> None:
    fact = await committed(deps)
    children.outcomes = [ChildrenLost("gone")]
    await ask(deps, page_requested(fact, 2))
    with pytest.raises(Retry):
        await make_previews(deps)
    assert await told(deps) == []
    clock.advance(seconds=5)
    await make_previews(deps)
    assert (await told(deps))[0]["type"] == "media.page.ready.v1"
    await ask(deps, page_requested(fact, 3, sequence=2))
    for _ in range(rendering.DEADLY):
        async with deps.work.engine.begin() as connection:
            assert await queue.take_job(connection, clock.now()) is not None
        clock.advance(seconds=queue.LEASE.total_seconds())
    await make_previews(deps)
    assert [page["data"].get("reason") for page in await told(deps)] == [None, "crashed"]


async def test_bytes_that_are_gone_end_a_page_without_a_word(deps: Deps) -> None:
    fact = await committed(deps)
    await deps.blobs.delete(["blobs/owner/blob"])
    await ask(deps, page_requested(fact, 2))
    assert await make_previews(deps) == 1
    assert (await told(deps), await in_line(deps)) == ([], 0)
