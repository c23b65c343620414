"""Whose preview is made next: in turns of their owners, by one hand at a time, and never waiting for ever."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from coffer_chassis import metrics
from coffer_chassis.handling import Retry
from coffer_chassis.ids import new_id
from coffer_chassis.revocations import DenyList
from coffer_chassis.testing import FixedClock, MemoryBlobs, eventually
from coffer_chassis.unit_of_work import Work
from coffer_contracts.event import Envelope
from coffer_contracts.files import ItemCommittedV1
from coffer_contracts.ids import BlobId, UserId, VersionId
from coffer_media_worker.children import Early
from coffer_media_worker.domain import Picture, PreviewOutcome, Rendered
from coffer_media_worker.handlers import burying, rendering
from coffer_media_worker.handlers.deps import Deps
from coffer_media_worker.handlers.rendering import make_previews, measure_previews, renderers
from coffer_media_worker.sources import Source
from coffer_media_worker.store import queue, tables
from coffer_media_worker.warm import ChildrenLost
from factories.children import until
from factories.databases import Database
from factories.events import arrived, item_committed, item_purged
from factories.previews import hear

pytestmark = pytest.mark.slow  # a database of its own

PICTURE = Rendered((Picture(b"RIFF....WEBP", "image/webp", 400, 300, 400),), 4000, 3000, b"tiny")
ANN, BOB, EVE = (UserId(f"0193439e-8a5c-7000-8000-00000000000{number}") for number in range(3))


class Children:
    """Draws everything, unless a file says that it takes until `free` is set, and counts how often each was drawn."""

    def __init__(self) -> None:
        self.drawn: Counter[bytes] = Counter()
        self.free = asyncio.Event()
        self.lost = False
        self.meanwhile: Any = None

    async def render(
        self,
        source: Source | bytes,
        boxes: Sequence[int] = (400,),
        *,
        square: bool = False,
        early: Early | None = None,
        **_: object,
    ) -> PreviewOutcome:
        assert isinstance(source, bytes)
        self.drawn[source] += 1
        if self.lost:
            raise ChildrenLost("gone")
        if self.meanwhile is not None:
            await self.meanwhile()
        if source.startswith(b"slow"):
            await self.free.wait()
        return PICTURE


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
        await connection.execute(text("TRUNCATE preview_jobs, previews, gone_items, outbox, inbox"))
    work = Work(engine, tables.chassis, source="/media-worker", clock=clock)
    yield Deps(work=work, blobs=MemoryBlobs(clock), children=children, label=None, denied=DenyList(work, tables.revocations))
    await engine.dispose()


async def photo(deps: Deps, owner: UserId, content: bytes = b"photo") -> Envelope[ItemCommittedV1]:
    """A file that was heard of."""
    key = f"blobs/{owner}/{new_id()}"
    etag = await deps.blobs.write(key, content, content_type="image/jpeg")
    fact = item_committed(key=key, etag=etag, size_bytes=len(content)).model_copy(update={"owner_id": owner})
    event = arrived(fact)
    await hear(deps, event)
    return event


async def queued(deps: Deps, **owners: int) -> None:
    """So many jobs of each owner, as if they had been heard of in one batch each."""
    for name, count in owners.items():
        owner = {"ann": ANN, "bob": BOB, "eve": EVE}[name]
        async with deps.work.engine.begin() as connection:
            wanted = [queue.Wanted(VersionId(new_id()), BlobId(new_id()), owner, owner) for _ in range(count)]
            await queue.put_in_line(connection, wanted, deps.work.clock.now())


async def taken(deps: Deps, *, newcomer: bool = False) -> queue.PreviewJob | None:
    async with deps.work.engine.begin() as connection:
        return await queue.take_job(connection, deps.work.clock.now(), newcomer=newcomer)


async def owners_of(deps: Deps, count: int) -> str:
    """The first letters of the owners of the next jobs, each of which is done before the next is taken."""
    letters = ""
    for _ in range(count):
        job = await taken(deps)
        assert job is not None
        letters += {ANN: "a", BOB: "b", EVE: "e"}[UserId(job.event)]
        async with deps.work.engine.begin() as connection:
            assert await queue.end_job(connection, job)
    return letters


async def told(deps: Deps) -> list[dict[str, Any]]:
    outbox = tables.chassis.outbox
    async with deps.work.read() as connection:
        bodies = (await connection.execute(select(outbox.c.body).order_by(outbox.c.position))).scalars()
        return [json.loads(body) for body in bodies]


async def open_jobs(deps: Deps) -> int:
    async with deps.work.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(tables.preview_jobs))).scalar_one())


async def test_whoever_comes_behind_two_thousand_of_another_is_next(deps: Deps) -> None:
    await queued(deps, ann=2000)
    in_hand = [await taken(deps) for _ in range(4)]
    assert all(in_hand)
    await queued(deps, bob=1)
    assert await owners_of(deps, 3) in {"aba", "baa"}


async def test_turns_go_round(deps: Deps) -> None:
    await queued(deps, ann=6, bob=3, eve=1)
    letters = await owners_of(deps, 10)
    assert Counter(letters[:3]) == Counter("abe")
    assert Counter(letters[3:5]) == Counter(letters[5:7]) == Counter("ab")
    assert letters[7:] == "aaa"


async def test_those_who_come_again_and_again_do_not_overtake_who_waits(deps: Deps) -> None:
    await queued(deps, ann=50)
    said = ""
    for _ in range(20):
        await queued(deps, bob=5)
        said += await owners_of(deps, 2)
    assert abs(said.count("a") - said.count("b")) <= 2


async def test_one_hand_is_free_for_owners_of_whom_nothing_is_worked_on(deps: Deps) -> None:
    await queued(deps, ann=20)
    assert await taken(deps, newcomer=True) is None, "nobody is in anybody's way"
    first = await taken(deps)
    assert first is not None
    assert await taken(deps, newcomer=True) is None
    await queued(deps, bob=2)
    newcomer = await taken(deps, newcomer=True)
    assert newcomer is not None
    assert newcomer.event == BOB
    assert await taken(deps, newcomer=True) is None, "of him something is worked on now"


async def test_no_job_is_in_two_hands(deps: Deps, children: Children) -> None:
    for number in range(12):
        await photo(deps, ANN, b"photo %d" % number)
    made = await asyncio.gather(*(make_previews(deps) for _ in range(5)))
    assert sum(made) == 12
    assert set(children.drawn.values()) == {1}
    assert len(children.drawn) == len(await told(deps)) == 12
    assert await open_jobs(deps) == 0


async def test_files_that_take_for_ever_hold_nobody_else_up(deps: Deps, children: Children) -> None:
    for number in range(8):
        await photo(deps, ANN, b"slow %d" % number)
    stopping = asyncio.Event()
    hands = renderers(deps, 2, deps)
    running = [asyncio.create_task(each.run(stopping)) for each in hands]
    try:
        await until(lambda: len(children.drawn) == 4)
        event = await photo(deps, BOB, b"quick")
        for each in hands:
            each.poke()
        await eventually(lambda: _is_told(deps, event), within_seconds=30)
        assert children.drawn[b"quick"] == 1
    finally:
        stopping.set()
        children.free.set()
        await asyncio.gather(*running)
    assert len(await told(deps)) == 5, "what was in hand is finished, nothing else is begun"


async def _is_told(deps: Deps, event: Envelope[ItemCommittedV1]) -> bool:
    assert event.data.content is not None
    return any(one["data"]["version_id"] == event.data.content.version_id for one in await told(deps))


async def test_what_a_dead_process_held_is_taken_up_by_another(deps: Deps, clock: FixedClock) -> None:
    await photo(deps, ANN)
    dead = await taken(deps)
    assert dead is not None
    assert await make_previews(deps) == 0
    clock.advance(seconds=queue.LEASE.total_seconds())
    assert await make_previews(deps) == 1
    assert [event["type"] for event in await told(deps)] == ["media.preview.ready.v1"]
    async with deps.work.engine.begin() as connection:
        assert not await queue.end_job(connection, dead)
        assert not await queue.renew_lease(connection, dead, clock.now())


async def test_a_lease_is_renewed_while_somebody_is_at_it(
    deps: Deps, children: Children, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "LEASE", timedelta(seconds=0.03))  # of the wait only; the store counts as always
    await photo(deps, ANN, b"slow")
    making = asyncio.create_task(make_previews(deps))
    await until(lambda: children.drawn[b"slow"] == 1)
    for _ in range(3):
        clock.advance(seconds=20)
        renewed = clock.now() + queue.LEASE
        await eventually(partial(_due, deps, renewed), within_seconds=30)
        assert await make_previews(deps) == 0
    children.free.set()
    assert await making == 1
    assert children.drawn[b"slow"] == 1


async def _due(deps: Deps, moment: Any) -> bool:
    async with deps.work.read() as connection:
        return bool(await queue.next_due(connection) == moment)


async def test_who_has_lost_a_job_tells_nothing(deps: Deps, children: Children, clock: FixedClock) -> None:
    await photo(deps, ANN)

    async def stall() -> None:
        children.meanwhile = None
        clock.advance(seconds=queue.LEASE.total_seconds())
        assert await make_previews(deps) == 1

    children.meanwhile = stall
    await make_previews(deps)
    assert children.drawn[b"photo"] == 2
    assert len(await told(deps)) == 1
    assert await open_jobs(deps) == 0
    assert len(await deps.blobs.listed("previews/")) == 1


async def test_who_has_lost_a_job_leaves_nothing_of_a_file_that_is_gone(
    deps: Deps, children: Children, clock: FixedClock
) -> None:
    event = await photo(deps, ANN)

    async def stall() -> None:
        children.meanwhile = None
        clock.advance(seconds=queue.LEASE.total_seconds())
        assert await make_previews(deps) == 1
        await burying.on_item_purged(arrived(item_purged(event.data), sequence=2), deps)

    children.meanwhile = stall
    await make_previews(deps)
    assert await deps.blobs.listed("previews/") == []


async def test_a_file_that_kills_whoever_draws_it_is_given_up_with_a_reason(deps: Deps, clock: FixedClock) -> None:
    await photo(deps, ANN)
    for _ in range(rendering.DEADLY):
        assert await taken(deps) is not None
        clock.advance(seconds=queue.LEASE.total_seconds())
    await make_previews(deps)
    [event] = await told(deps)
    assert (event["type"], event["data"]["reason"]) == ("media.preview.failed.v1", "crashed")
    assert await open_jobs(deps) == 0


async def test_what_cannot_be_tried_is_tried_again_after_growing_pauses_for_a_day(
    deps: Deps, children: Children, clock: FixedClock
) -> None:
    await photo(deps, ANN)
    children.lost = True
    tries, pauses = 0, []
    before = clock.now()
    while await open_jobs(deps):
        try:
            tries += await make_previews(deps)
        except Retry:
            async with deps.work.read() as connection:
                due = await queue.next_due(connection)
            assert due is not None
            pauses.append((due - clock.now()).total_seconds())
            clock.moment = due
    assert pauses[:6] == [1, 2, 4, 8, 16, 32]
    assert max(pauses) == rendering.LONGEST_PAUSE_SECONDS
    assert timedelta(0) < clock.now() - before - rendering.PATIENCE <= timedelta(seconds=max(pauses))
    [event] = await told(deps)
    assert (event["type"], event["data"]["reason"]) == ("media.preview.failed.v1", "no_answer")


async def test_whoever_stood_in_line_for_days_is_tried_again_like_others(
    deps: Deps, children: Children, clock: FixedClock
) -> None:
    await photo(deps, ANN)
    clock.advance(days=3)
    children.lost = True
    with pytest.raises(Retry):
        await make_previews(deps)
    assert await told(deps) == []
    children.lost = False
    clock.advance(seconds=1)
    assert await make_previews(deps) == 1
    assert [event["type"] for event in await told(deps)] == ["media.preview.ready.v1"]


async def test_what_is_asked_for_again_is_made_once_as_it_was_asked_last(deps: Deps, children: Children) -> None:
    first = await photo(deps, ANN, b"first")
    content = first.data.content
    assert content is not None
    etag = await deps.blobs.write("blobs/other", b"second", content_type="image/jpeg")
    other = content.model_copy(update={"blob_key": "blobs/other", "etag": etag, "size_bytes": 6})
    await hear(deps, arrived(first.data.model_copy(update={"content": other}), sequence=2))
    assert await make_previews(deps) == 1
    assert children.drawn == {b"second": 1}


async def test_what_stands_in_line_is_shown_to_operators(deps: Deps, clock: FixedClock) -> None:
    await queued(deps, ann=3, bob=1)
    await taken(deps)
    clock.advance(seconds=90)
    await measure_previews(deps)
    shown = {
        "waiting": metrics.MEDIA_PREVIEWS_OPEN.labels("waiting"),
        "held": metrics.MEDIA_PREVIEWS_OPEN.labels("held"),
        "owners": metrics.MEDIA_PREVIEWS_OWNERS,
        "oldest": metrics.MEDIA_PREVIEWS_OLDEST_SECONDS,
    }
    assert {name: each._value.get() for name, each in shown.items()} == {"waiting": 3, "held": 1, "owners": 2, "oldest": 90}


async def test_outcomes_are_counted_by_their_reason(deps: Deps) -> None:
    ready, corrupt = (metrics.MEDIA_PREVIEWS.labels(outcome) for outcome in ("ready", "crashed"))
    before = ready._value.get(), corrupt._value.get()
    await photo(deps, ANN)
    await make_previews(deps)
    assert (ready._value.get(), corrupt._value.get()) == (before[0] + 1, before[1])


@pytest.mark.parametrize("analysed", [True, False])
async def test_taking_and_adding_cost_the_same_however_many_wait(deps: Deps, analysed: bool) -> None:
    now = deps.work.clock.now()
    many = (
        "INSERT INTO preview_jobs (version_id, blob_id, owner_id, turn, event, due_at, queued_at)"
        " SELECT gen_random_uuid(), gen_random_uuid(), :owner, place, '', :now, :now FROM generate_series(1, 20000) AS place"
    )
    async with deps.work.engine.begin() as connection:
        await connection.execute(text(many), {"owner": ANN, "now": now})
    await taken(deps)
    await queued(deps, bob=1)
    async with deps.work.engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text("ANALYZE preview_jobs" if analysed else "VACUUM preview_jobs"))
    moment = {"now": now, "until": now + queue.LEASE, "lease": new_id()}
    more = {"now": now, "ids": [new_id()], "blobs": [new_id()], "owners": [EVE], "events": ["e"], "pages_of": [None]}
    of_ann = more | {"owners": [ANN]}
    for what, statement, values in (
        ("take", queue._take, moment),
        ("take a newcomer", queue._take_newcomer, moment),
        ("put in line", queue._put_in_line, more),
        ("put in line behind many", queue._put_in_line, of_ann),
        ("put a page in line", queue._put_in_line, of_ann | {"pages_of": [new_id()]}),
    ):
        assert await pages(deps, statement, values) < 60, what


async def pages(deps: Deps, statement: Any, values: dict[str, Any]) -> int:
    """Pages that a statement touches, with a plan for any values, as a server keeps it."""
    async with deps.work.engine.begin() as connection:
        await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        compiled = statement.compile(dialect=connection.dialect)
        given = tuple(values[name] for name in compiled.positiontup)
        plan = (await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {compiled}", given)).scalar_one()
    top = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return int(top["Shared Hit Blocks"]) + int(top["Shared Read Blocks"])
