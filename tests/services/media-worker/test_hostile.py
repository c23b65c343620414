"""The hostile corpus meets its verdicts, in little time; ordinary files are never refused; and no job harms the worker."""

import gc
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coffer_media_worker import domain
from coffer_media_worker.children import Children
from coffer_media_worker.domain import EDGE_BYTES, PreviewFailed, Verdict
from factories import documents, pdfs
from factories.children import jobs_of, until
from factories.hostile import READY, Specimen, corpus
from factories.ordinary import ordinary

CORPUS = corpus()
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


@pytest.mark.parametrize("specimen", CORPUS, ids=str)
def test_every_hostile_file_meets_its_verdict_in_little_time(specimen: Specimen) -> None:
    content = specimen.make()
    started = time.process_time()
    verdict = judged(content, specimen.name, specimen.claim)
    assert time.process_time() - started < 0.5
    assert verdict.reason == specimen.reason
    if specimen.reason is None:
        assert set(verdict.flags) == set(specimen.flags)
    if specimen.mime_type is not None:
        assert verdict.mime_type == specimen.mime_type


@pytest.mark.parametrize("specimen", [one for one in CORPUS if one.reason], ids=str)
def test_what_is_refused_is_refused_by_its_ends_alone(specimen: Specimen) -> None:
    content = specimen.make()
    verdict = domain.judge(content[:EDGE_BYTES], content[-EDGE_BYTES:], len(content), specimen.name, specimen.claim)
    assert verdict.reason == specimen.reason


ORDINARY = ordinary()


@pytest.mark.parametrize("name", ORDINARY)
def test_no_ordinary_file_is_refused(name: str) -> None:
    content, claim = ORDINARY[name]
    verdict = judged(content, name, claim)
    assert verdict.reason is None
    assert "bomb" not in verdict.flags


@pytest.fixture(scope="module")
async def children() -> AsyncIterator[Children]:
    made = Children(concurrency=2)
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


DOCUMENTS = [
    *(("pdf", make) for make, _ in pdfs.HOSTILE.values()),
    *(("office", make) for make, _ in documents.HOSTILE.values()),
]
"""Tasks, and files that are hostile to them."""


def _resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@pytest.mark.proof
@pytest.mark.timeout(1800)
async def test_a_thousand_hostile_files_leave_nothing_behind() -> None:
    children = Children(concurrency=2)
    await children.start()
    try:
        parent = children.parent_pid
        assert parent is not None
        rounds = -(-1000 // (len(CORPUS) + len(DOCUMENTS)))

        async def once() -> None:
            for specimen in CORPUS:
                content = specimen.make()
                judged(content, specimen.name, specimen.claim)
                await children.render(content)
            for task, make in DOCUMENTS:
                await children.render(make(), task=task)

        await once()  # caches are filled, modules are loaded
        gc.collect()
        before = [(_resident(pid), _descriptors(pid)) for pid in (os.getpid(), parent)]
        for _ in range(rounds):
            await once()
        await until(lambda: not jobs_of(parent))
        gc.collect()
        after = [(_resident(pid), _descriptors(pid)) for pid in (os.getpid(), parent)]
        assert (children.parent_pid, children.starts) == (parent, 1)
        for (memory, files), (memory_after, files_after) in zip(before, after, strict=True):
            assert memory_after - memory < 32 << 20
            assert files_after <= files
    finally:
        await children.stop()
