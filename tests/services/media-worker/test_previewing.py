"""The small picture is told before the others are made, once, and whatever happens then."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine

from coffer_chassis.handling import Retry
from coffer_chassis.revocations import DenyList
from coffer_chassis.testing import FixedClock, MemoryBlobs
from coffer_chassis.unit_of_work import Work
from coffer_contracts.files import ItemCommittedV1
from coffer_media_worker.children import Early
from coffer_media_worker.domain import Picture, PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from coffer_media_worker.handlers import burying
from coffer_media_worker.handlers.deps import Deps
from coffer_media_worker.handlers.rendering import make_previews
from coffer_media_worker.sources import Source, Stored
from coffer_media_worker.store import tables
from coffer_media_worker.warm import ChildrenLost
from factories.databases import Database
from factories.events import arrived, item_committed, item_purged
from factories.previews import preview

pytestmark = pytest.mark.slow  # a database of its own

SMALL = Rendered((Picture(b"small", "image/webp", 400, 300, 400),), 4000, 3000, b"tiny", more=True)
WHOLE = Rendered((*SMALL.pictures, Picture(b"large", "image/webp", 2000, 1500, 2048)), 4000, 3000, b"tiny")


class Children:
    """Tells the small picture, then answers, or does what was asked for in between."""

    def __init__(self) -> None:
        self.outcomes: list[PreviewOutcome | Exception] = [WHOLE]
        self.sources: list[Source | bytes] = []
        self.meanwhile: Any = None

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
        assert early is not None
        assert tuple(boxes) == (400, 1024, 2048)
        self.sources.append(source)
        await early(SMALL)
        if self.meanwhile is not None:
            await self.meanwhile()
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


async def committed(deps: Deps, content: bytes = b"photo", **more: Any) -> ItemCommittedV1:
    etag = await deps.blobs.write("blobs/owner/blob", content, content_type="image/jpeg")
    return item_committed(key="blobs/owner/blob", etag=etag, size_bytes=len(content), **more)


async def told(deps: Deps) -> list[tuple[str, list[int], str]]:
    async with deps.work.read() as connection:
        query = select(tables.chassis.outbox.c.body).order_by(tables.chassis.outbox.c.position)
        events = [json.loads(body) for body in (await connection.execute(query)).scalars()]
    return [
        (
            event["type"].split(".")[2],
            [image["box_pixels"] for image in event["data"].get("images", ())],
            event["sequence"].lstrip("0"),
        )
        for event in events
    ]


async def stored(deps: Deps, fact: ItemCommittedV1) -> list[int]:
    assert fact.content is not None
    return [box for box in (400, 1024, 2048) if await deps.blobs.head(f"previews/{fact.content.blob_id}/{box}")]


async def test_the_small_picture_is_told_first_and_then_all(deps: Deps) -> None:
    fact = await committed(deps)
    await preview(deps, arrived(fact))
    assert await told(deps) == [("ready", [400], "1"), ("ready", [400, 2048], "2")]
    assert await stored(deps, fact) == [400, 2048]


async def test_after_a_loss_all_are_made_and_the_small_one_is_not_told_again(
    deps: Deps, children: Children, clock: FixedClock
) -> None:
    fact = await committed(deps)
    children.outcomes = [ChildrenLost("gone"), WHOLE]
    event = arrived(fact)
    with pytest.raises(Retry):
        await preview(deps, event)
    assert await told(deps) == [("ready", [400], "1")]
    assert await make_previews(deps) == 0, "not before a pause"
    clock.advance(seconds=1)
    assert await make_previews(deps) == 1
    assert await told(deps) == [("ready", [400], "1"), ("ready", [400, 2048], "2")]


async def test_another_file_with_the_same_bytes_does_not_take_an_unfinished_preview_for_all(
    deps: Deps, children: Children
) -> None:
    fact = await committed(deps)
    children.outcomes = [ChildrenLost("gone"), WHOLE]
    with pytest.raises(Retry):
        await preview(deps, arrived(fact))
    assert fact.content is not None
    other = await committed(deps, blob_id=fact.content.blob_id)
    await preview(deps, arrived(other))
    assert (await told(deps))[-1] == ("ready", [400, 2048], "2")


async def test_a_failure_after_the_small_picture_is_the_last_word(deps: Deps, children: Children) -> None:
    children.outcomes = [PreviewFailed(PreviewFailure.CORRUPT)]
    await preview(deps, arrived(await committed(deps)))
    assert [kind for kind, *_ in await told(deps)] == ["ready", "failed"]


async def test_a_purge_in_between_leaves_nothing(deps: Deps, children: Children) -> None:
    fact = await committed(deps)

    async def purge() -> None:
        await burying.on_item_purged(arrived(item_purged(fact), sequence=2), deps)

    children.meanwhile = purge
    await preview(deps, arrived(fact, sequence=1))
    assert await told(deps) == [("ready", [400], "1")]
    assert await stored(deps, fact) == []


async def test_all_sizes_go_with_their_file(deps: Deps) -> None:
    fact = await committed(deps)
    await preview(deps, arrived(fact))
    await burying.on_item_purged(arrived(item_purged(fact), sequence=2), deps)
    assert await stored(deps, fact) == []


async def test_a_large_photograph_is_read_by_ranges_and_a_small_one_whole(deps: Deps, children: Children) -> None:
    children.outcomes = [WHOLE, WHOLE]
    await preview(deps, arrived(await committed(deps, bytes(5 << 20))))
    await preview(deps, arrived(await committed(deps, bytes(100))))
    assert [type(source) for source in children.sources] == [Stored, bytes]
