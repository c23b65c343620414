"""What a job that was taken over by its file may still do: next to nothing. Real children, real kernel."""

import asyncio
import os
import platform
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from coffer_media_worker import jail
from coffer_media_worker.children import Children
from coffer_media_worker.domain import JOB_LIMITS, PreviewFailed, PreviewFailure
from factories.children import IMPATIENT, MISBEHAVING, one_job_of, until

pytestmark = [
    pytest.mark.slow,  # starts real children
    pytest.mark.skipif(
        not jail.filters_here() or jail.landlock_abi() == 0, reason=f"no landlock or no filter here: {platform.platform()}"
    ),
]

KILLED = "SIGSYS"


@pytest.fixture
async def children() -> AsyncIterator[Children]:
    pool = Children(2, IMPATIENT, MISBEHAVING)
    await pool.start()
    yield pool
    await pool.stop()


async def attempt(children: Children, what: str) -> str:
    outcome = await children.render(b"attempt " + what.encode())
    assert isinstance(outcome, PreviewFailed)
    if outcome.reason is PreviewFailure.CRASHED:
        return outcome.detail.split()[0]
    assert outcome.reason is PreviewFailure.UNSUPPORTED
    return outcome.detail


@pytest.mark.parametrize(
    ("what", "met"),
    [
        ("open", "EPERM"),
        ("open own memory", "EPERM"),
        ("open library", "OSError"),
        ("write", "EPERM"),
        ("list", "EPERM"),
        ("look", "EPERM"),
        ("import", "ModuleNotFoundError"),
        ("remove", "EPERM"),
        ("change directory", "EPERM"),
        ("fork", "EPERM"),
        ("kill", "EPERM"),
        ("kill everybody", "EPERM"),
        ("more memory", "ValueError"),
        ("become root", "EPERM"),
        ("memory file", "EPERM"),
        ("pair of sockets", "EPERM"),
        ("pipe", "EPERM"),
        ("socket", KILLED),
        ("program", KILLED),
        ("trace", KILLED),
        ("namespace", KILLED),
        ("ring", KILLED),
        ("too much", "MemoryError"),
        ("thread", ""),
    ],
)
async def test_an_attempt_meets_its_barrier(children: Children, what: str, met: str) -> None:
    assert await attempt(children, what) == met


def test_paths_are_closed_even_without_the_filter_of_system_calls() -> None:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            jail.prctl(jail.PR_SET_NO_NEW_PRIVS, 1)
            jail.forbid_paths()
            try:
                Path("/etc/passwd").read_bytes()
            except PermissionError:
                code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


async def test_a_job_is_filtered_and_gains_no_privileges_as_its_kernel_tells(children: Children) -> None:
    job = asyncio.create_task(children.render(b"sleep"))
    pid = await one_job_of(children)

    def status() -> str:
        return Path(f"/proc/{pid}/status").read_text("ascii")

    await until(lambda: "Seccomp:\t2" in status())
    assert "NoNewPrivs:\t1" in status()
    assert children.missing_barriers == ()
    job.cancel()
    await asyncio.wait([job])


async def test_a_job_reads_no_more_than_its_budget(children: Children) -> None:
    class Endless:
        size_bytes = 1 << 30
        known = b"greedy "
        asked = 0

        async def read_range(self, first: int, last: int) -> bytes:
            self.asked += last - first + 1
            return bytes(last - first + 1)

    source, pool = Endless(), Children(1, replace(JOB_LIMITS, source_bytes=20 << 20), MISBEHAVING)
    outcome = await pool.run(source, "anything")
    assert isinstance(outcome, PreviewFailed)
    assert outcome.reason is PreviewFailure.TOO_LARGE
    assert source.asked <= 20 << 20
    await pool.stop()


async def test_what_reading_raises_reaches_the_caller_and_the_job_ends(children: Children) -> None:
    class Gone:
        size_bytes = 1 << 30
        known = b"greedy "

        async def read_range(self, first: int, last: int) -> bytes:
            raise ConnectionError("the bucket is away")

    with pytest.raises(ConnectionError):
        await children.run(Gone(), "anything")
    assert await attempt(children, "thread") == ""
