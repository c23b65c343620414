"""The hostile corpus meets its verdicts, in little time; ordinary files are never refused; and no job harms the worker."""

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import psutil
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import create_async_engine

from coffer_chassis.ids import new_id
from coffer_chassis.revocations import DenyList
from coffer_chassis.testing import FixedClock, MemoryBlobs
from coffer_chassis.unit_of_work import Work
from coffer_media_worker import domain, kinds
from coffer_media_worker.children import Children
from coffer_media_worker.domain import EDGE_BYTES, PreviewFailed, Verdict
from coffer_media_worker.handlers.deps import Deps
from coffer_media_worker.handlers.judging import on_upload_received
from coffer_media_worker.handlers.rendering import make_previews
from coffer_media_worker.labels import Labels
from coffer_media_worker.store import tables
from factories import documents, films, pdfs, recordings
from factories.children import PATIENT, jobs_of, until
from factories.databases import Database
from factories.events import arrived, item_committed, upload_received
from factories.hostile import READY, Specimen, corpus
from factories.ordinary import ordinary
from factories.previews import hear
from factories.rows import for_every

CORPUS = corpus()
DOCUMENTS = [
    *(Specimen(about, make, f"{about}.pdf") for about, (make, _) in pdfs.HOSTILE.items()),
    *(Specimen(about, make, f"{about}.docx") for about, (make, _) in documents.HOSTILE.items()),
    *(Specimen(about, make, f"{about}.mp4") for about, make in films.HOSTILE.items()),
    *(Specimen(about, make, f"{about}.mp3") for about, make in recordings.HOSTILE.items()),
]
"""Hostile to those who look for pages and words in them, for frames and for sounds."""
WHOLE_BYTES = 1 << 20


def judged(content: bytes, name: str, claim: str | None) -> Verdict:
    """As the worker does: from the whole of a small file, and from both ends of a large one."""
    head, tail = (content, b"") if len(content) <= WHOLE_BYTES else (content[:EDGE_BYTES], content[-EDGE_BYTES:])
    return domain.judge(head, tail, len(content), name, claim)


def test_the_corpus_is_as_large_as_it_was_and_says_what_each_file_is() -> None:
    assert len(CORPUS) >= 179
    assert len({specimen.about for specimen in CORPUS}) == len(CORPUS)
    by_a_scanner = {domain.RejectReason.INFECTED, domain.RejectReason.NOT_SCANNED}
    assert {specimen.reason for specimen in CORPUS} == {None, *domain.RejectReason} - by_a_scanner


@pytest.mark.slow
@pytest.mark.parametrize("specimen", CORPUS, ids=str)
def test_every_hostile_file_meets_its_verdict_in_little_time(specimen: Specimen) -> None:
    content = specimen.make()
    started = time.thread_time()
    verdict = judged(content, specimen.name, specimen.claim)
    assert time.thread_time() - started < 0.5
    assert verdict.reason == specimen.reason
    if specimen.reason is None:
        assert set(verdict.flags) == set(specimen.flags)
    if specimen.mime_type is not None:
        assert verdict.mime_type == specimen.mime_type


@for_every("specimen", [one for one in CORPUS if one.reason], ids=str)
def test_what_is_refused_is_refused_by_its_ends_alone(specimen: Specimen) -> None:
    content = specimen.make()
    verdict = domain.judge(content[:EDGE_BYTES], content[-EDGE_BYTES:], len(content), specimen.name, specimen.claim)
    assert verdict.reason == specimen.reason


ORDINARY = ordinary()


@for_every("name", ORDINARY)
def test_no_ordinary_file_is_refused(name: str) -> None:
    content, claim = ORDINARY[name]
    verdict = judged(content, name, claim)
    assert verdict.reason is None
    assert "bomb" not in verdict.flags


@pytest.fixture(scope="module")
async def children() -> AsyncIterator[Children]:
    made = Children(2, PATIENT)
    await made.start()
    yield made
    await made.stop()


async def outcome(children: Children, specimen: Specimen) -> str:
    """What a job makes of a file, in a word."""
    made = await children.render(specimen.make())
    return made.reason.value if isinstance(made, PreviewFailed) else READY


@pytest.mark.slow
@pytest.mark.parametrize("specimen", CORPUS, ids=str)
async def test_a_job_ends_as_expected_whatever_it_is_given(children: Children, specimen: Specimen) -> None:
    """Also where no preview would be asked for: whoever can make the worker try must not win by that either."""
    starts = children.starts
    made = await outcome(children, specimen)
    assert not specimen.preview or made in specimen.preview
    assert children.starts == starts


def _spent(parent: int) -> float:
    """Processor seconds of this process and of all rendering processes that have ended."""
    theirs = psutil.Process(parent).cpu_times()
    return time.process_time() + float(theirs.user + theirs.system + theirs.children_user + theirs.children_system)


async def through_the_worker(deps: Deps, contents: Sequence[tuple[Specimen, bytes]]) -> int:
    """Give each file the way of an upload: its verdict, its place in line, its preview. What can have none is passed off as
    a photo: whoever can make the worker try must not win by that either. How many had a last word.
    """
    told = tables.chassis.outbox
    for specimen, content in contents:
        key = f"blobs/owner/{new_id()}"
        etag = await deps.blobs.write(key, content, content_type="image/jpeg")
        known: Any = {"key": key, "etag": etag, "size_bytes": len(content)}
        received = upload_received(name=specimen.name, claimed=specimen.claim, **known)
        await on_upload_received(arrived(received), deps)
        mime_type = judged(content, specimen.name, specimen.claim).mime_type
        fact = item_committed(**known, mime_type=mime_type if kinds.treatment(mime_type) else "image/jpeg")
        await hear(deps, arrived(fact))
    await asyncio.gather(*(make_previews(deps) for _ in range(3)))
    async with deps.work.engine.begin() as connection:
        ended = await connection.execute(select(func.count(told.c.subject.distinct())).where(told.c.subject.like("preview/%")))
        count = int(ended.scalar_one())
        assert (await connection.execute(select(tables.preview_jobs.c.version_id))).all() == []
        for table in (told, tables.chassis.inbox, tables.verdicts, tables.previews):
            await connection.execute(table.delete())
    for prefix in ("blobs/", "previews/"):
        await deps.blobs.delete([one.key for one in await deps.blobs.listed(prefix)])
    return count


@pytest.mark.proof
@pytest.mark.timeout(1800)
async def test_a_thousand_hostile_files_leave_nothing_behind(database: Database) -> None:
    """The worker's memory, descriptors, threads and processes are as before; the last hundred cost no more than the first."""
    engine, clock, children = create_async_engine(database("coffer_media_worker")), FixedClock(), Children(concurrency=2)
    await children.start()
    work = Work(engine, tables.chassis, source="/media-worker", clock=clock)
    denied = DenyList(work, tables.revocations)
    deps = Deps(work=work, blobs=MemoryBlobs(clock), children=children, label=Labels(), denied=denied)
    try:
        parent = children.parent_pid
        assert parent is not None
        contents = [(specimen, specimen.make()) for specimen in (*CORPUS, *DOCUMENTS)]

        async def once() -> float:
            before = _spent(parent)
            assert await through_the_worker(deps, contents) == len(contents)
            await until(lambda: not jobs_of(parent))
            gc.collect()
            return _spent(parent) - before

        def held() -> list[tuple[int, int, int]]:
            found = (psutil.Process(pid) for pid in (os.getpid(), parent))
            return [(each.memory_info().rss, each.num_fds(), each.num_threads()) for each in found]

        await once()  # caches are filled, modules are loaded
        before = held()
        costs = [await once() for _ in range(-(-1000 // len(contents)))]
        after = held()
        assert (children.parent_pid, children.starts) == (parent, 1)
        for (memory, files, threads), (memory_after, files_after, threads_after) in zip(before, after, strict=True):
            assert memory_after - memory < 32 << 20
            assert files_after <= files
            assert threads_after <= threads
        assert max(costs) < 1.5 * min(costs)
        assert max(costs) / len(contents) < 0.5, "seconds of processor for a file, whatever is in it"
    finally:
        await children.stop()
        await engine.dispose()
