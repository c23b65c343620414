"""The pool of rendering children, with real processes: what a file can do to it, and what it can do to a file."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import psutil
import pytest
import uvloop
from PIL import Image

from coffer_media_worker.child import NICENESS
from coffer_media_worker.children import Children
from coffer_media_worker.deaths import JobEnd, explain_end
from coffer_media_worker.domain import JOB_LIMITS, JobLimits, PreviewFailed, PreviewFailure, Rendered
from coffer_media_worker.frames import BadFrameError, read_reply
from coffer_media_worker.warm import ChildrenLost
from factories import heic, images
from factories.children import IMPATIENT, MISBEHAVING, PATIENT, alive, jobs_of, one_job_of, until

pytestmark = pytest.mark.slow  # starts and kills real children

Make = Callable[..., Awaitable[Children]]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made: list[Children] = []

    async def start(limits: JobLimits = IMPATIENT, *, misbehaving: bool = True, concurrency: int = 2) -> Children:
        command = {"command": MISBEHAVING} if misbehaving else {}
        children = Children(concurrency, limits, **command)
        made.append(children)
        await children.start()
        return children

    yield start
    for children in made:
        await children.stop()


async def failure(children: Children, source: bytes) -> PreviewFailure:
    outcome = await children.render(source)
    assert isinstance(outcome, PreviewFailed)
    return outcome.reason


async def test_renders_in_a_child_what_it_would_render_itself(make: Make) -> None:
    children = await make(PATIENT, misbehaving=False)
    made = await children.render(images.twelve_megapixels())
    assert isinstance(made, Rendered)
    assert (made.smallest.width, made.smallest.height, made.source_width, made.source_height) == (400, 300, 4000, 3000)
    assert made.smallest.content[8:12] == made.placeholder[8:12] == b"WEBP"
    as_jpeg = await children.render(images.png(64, 48, "RGBA"), boxes=(32,), format="JPEG")
    assert isinstance(as_jpeg, Rendered)
    assert (as_jpeg.smallest.mime_type, as_jpeg.smallest.width) == ("image/jpeg", 32)
    assert children.starts == 1


@pytest.mark.parametrize(
    ("make_content", "reason"),
    [
        (lambda: images.cut(images.jpeg()), PreviewFailure.CORRUPT),
        (images.png_bomb, PreviewFailure.BOMB),
        (images.many_scans, PreviewFailure.BOMB),
        (lambda: images.noise(10_000), PreviewFailure.UNSUPPORTED),
        (images.program, PreviewFailure.UNSUPPORTED),
        (bytes, PreviewFailure.UNSUPPORTED),
    ],
    ids=["cut", "png bomb", "scans", "noise", "program", "empty"],
)
async def test_reports_why_a_file_has_no_preview(make: Make, make_content: Callable[[], bytes], reason: PreviewFailure) -> None:
    assert await failure(await make(misbehaving=False), make_content()) is reason


async def test_a_picture_too_large_for_the_memory_limit_fails_for_memory(make: Make) -> None:
    children = await make(replace(PATIENT, memory_bytes=128 << 20), misbehaving=False)
    large = images.saved(Image.new("RGB", (7000, 7000)), "PNG")
    assert await failure(children, large) is PreviewFailure.MEMORY
    assert isinstance(await children.render(images.jpeg(64, 64)), Rendered)


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        (b"grow", PreviewFailure.MEMORY),
        (b"segfault", PreviewFailure.CRASHED),
        (b"abort", PreviewFailure.CRASHED),
        (b"exit", PreviewFailure.CRASHED),
        (b"raise", PreviewFailure.CRASHED),
        (b"half", PreviewFailure.CRASHED),
        (b"garbage", PreviewFailure.CRASHED),
        (b"flood", PreviewFailure.CRASHED),
        (b"lie", PreviewFailure.CRASHED),
        (b"pour", PreviewFailure.CRASHED),
        (b"unwanted", PreviewFailure.CRASHED),
    ],
)
async def test_a_child_taken_over_by_its_file_costs_only_itself(make: Make, deed: bytes, reason: PreviewFailure) -> None:
    children = await make(replace(IMPATIENT, cpu_seconds=10))
    neighbour = asyncio.create_task(children.render(b"surroundings"))
    assert await failure(children, deed) is reason
    assert isinstance(await neighbour, PreviewFailed)
    assert children.starts == 1
    await until(lambda: not jobs_of(children.parent_pid))


async def test_an_endless_loop_ends_by_the_cpu_limit(make: Make) -> None:
    outcome = await (await make()).render(b"loop")
    assert isinstance(outcome, PreviewFailed)
    assert (outcome.reason, outcome.detail.split()[0]) == (PreviewFailure.TIMEOUT, "SIGXCPU")


async def test_a_sleeping_child_ends_by_the_wall_clock(make: Make) -> None:
    children = await make(replace(JOB_LIMITS, wall_seconds=0.2))
    started = time.monotonic()
    assert await failure(children, b"sleep") is PreviewFailure.TIMEOUT
    assert time.monotonic() - started < 30.0, "it would sleep for a minute"


async def test_a_pool_beside_another_waits_for_none_of_its_jobs(make: Make) -> None:
    children = await make(concurrency=1)
    sleeping = asyncio.create_task(children.render(b"sleep"))
    await until(lambda: jobs_of(children.parent_pid))
    beside = children.beside(1)
    assert isinstance(await beside.render(b"surroundings"), PreviewFailed)
    assert (beside.parent_pid, beside.starts) == (children.parent_pid, 1)
    assert not sleeping.done()
    sleeping.cancel()
    await until(lambda: not jobs_of(children.parent_pid))


async def test_rendering_processes_yield_to_everything_else(make: Make) -> None:
    children = await make()
    assert children.parent_pid is not None
    own, theirs = (os.getpriority(os.PRIO_PROCESS, pid) for pid in (0, children.parent_pid))
    assert theirs == min(19, own + NICENESS)


async def test_a_child_that_stays_after_its_reply_is_put_down(make: Make) -> None:
    children = await make(PATIENT)
    assert isinstance(await children.render(b"linger " + images.jpeg(64, 64)), Rendered)
    await until(lambda: not jobs_of(children.parent_pid))


async def test_a_child_killed_from_outside_has_crashed(make: Make) -> None:
    children = await make()
    job = asyncio.create_task(children.render(b"sleep"))
    os.kill(await one_job_of(children), signal.SIGKILL)
    outcome = await job
    assert isinstance(outcome, PreviewFailed)
    assert (outcome.reason, outcome.detail.split()[0]) == (PreviewFailure.CRASHED, "SIGKILL")


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (JobEnd(signal.SIGKILL, killed="wall"), PreviewFailure.TIMEOUT),
        (JobEnd(signal.SIGKILL, cpu_seconds=11), PreviewFailure.TIMEOUT),
        (JobEnd(signal.SIGXCPU), PreviewFailure.TIMEOUT),
        (JobEnd(signal.SIGKILL, peak_bytes=700 << 20), PreviewFailure.MEMORY),
        (JobEnd(signal.SIGABRT, peak_bytes=700 << 20), PreviewFailure.MEMORY),
        (JobEnd(71 << 8), PreviewFailure.MEMORY),
        (JobEnd(signal.SIGABRT), PreviewFailure.CRASHED),
        (JobEnd(signal.SIGSYS), PreviewFailure.CRASHED),
        (JobEnd(signal.SIGBUS), PreviewFailure.CRASHED),
        (JobEnd(0), PreviewFailure.CRASHED),
    ],
)
def test_explains_every_way_to_die(end: JobEnd, reason: PreviewFailure) -> None:
    assert explain_end(end, JOB_LIMITS).reason is reason


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"5",
        b"[]",
        b'"failed"',
        b"{}",
        b'{"failed": "nothing known"}',
        b'{"failed": "no_answer"}',
        *(
            b'{"pictures": [["%s", %s]], "source": [%s], "placeholder": %s, "facts": %s}' % broken
            for broken in (
                (b"image/webp", b"1, 1, 400, 1, 12, 1", b"1, 1", b"0", b"{}"),
                (b"image/webp", b"Infinity, 1, 400, 1, 12", b"1, 1", b"0", b"{}"),
                (b"image/webp", b"1, 1, 400, 1, 12", b"1, 70000", b"0", b"{}"),
                (b"image/webp", b"1, 1, 400, 1, -1", b"1, 1", b"0", b"{}"),
                (b"image/webp", b"1, 1, 400, 1, 12", b"1, 1", b"0", b"{}"),
                (b"text/html", b"1, 1, 400, 1, 12", b"1, 1", b"0", b"{}"),
                (b"image/webp", b"1, 1, 400, 1, 12", b"1, 1", b"-5", b"{}"),
            )
        ),
        b'{"pictures": [], "source": [null, null], "placeholder": 12, "facts": {}}',
        b'{"pictures": [], "source": [null, null], "placeholder": 99, "facts": {}}',
        b'{"pictures": [], "source": [null, null], "placeholder": 0, "facts": "none"}',
        b'{"pictures": [], "source": [true, "9"], "placeholder": 0, "facts": {}}',
        b"[" * 4000,
    ],
)
def test_believes_no_reply_that_does_not_hold_together(header: bytes) -> None:
    with pytest.raises(BadFrameError):
        read_reply(header, b"RIFF\x04\0\0\0WEBP", JOB_LIMITS)


async def test_a_job_sees_no_secrets_no_files_and_no_way_up(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COFFER_SECRET", "sesame")
    children = await make()
    warm_bytes = psutil.Process(children.parent_pid).memory_info().vms
    outcome = await children.render(b"surroundings")
    assert isinstance(outcome, PreviewFailed)
    seen = json.loads(outcome.detail)
    assert set(seen["environment"]) <= {"GLIBC_TUNABLES", "LC_ALL", "LD_LIBRARY_PATH"}
    assert seen["files"] == []
    assert (seen["cpu"], seen["core"]) == (1, 0)
    assert 0 <= seen["memory"] - IMPATIENT.memory_bytes - warm_bytes < 16 << 20, "beside what the decoders take"


@pytest.mark.parametrize("kind", [*images.KINDS, "heic"])
async def test_a_job_imports_nothing(make: Make, kind: str) -> None:
    content = heic.turned(1) if kind == "heic" else images.of_kind(kind, 64, 64)
    outcome = await (await make()).render(b"imports " + content)
    assert outcome == PreviewFailed(PreviewFailure.UNSUPPORTED, "[]")


async def test_a_source_over_the_budget_is_refused_without_a_child(make: Make) -> None:
    children = await make(replace(PATIENT, source_bytes=1000))
    assert await failure(children, bytes(1001)) is PreviewFailure.TOO_LARGE


async def test_the_largest_source_reaches_the_child(make: Make) -> None:
    content = images.jpeg(64, 64) + bytes((64 << 20) - 10_000)
    assert isinstance(await (await make(PATIENT, misbehaving=False)).render(content), Rendered)


async def test_no_more_children_than_allowed_run_at_once(make: Make) -> None:
    children = await make(concurrency=2)
    jobs = [asyncio.create_task(children.render(b"sleep")) for _ in range(6)]
    for job, expected in zip(jobs, (2, 2, 2, 2, 2, 1), strict=True):
        await until(lambda: len(jobs_of(children.parent_pid)) >= expected)  # noqa: B023 awaited within the turn
        await children.beside(1).render(b"surroundings")  # the parent forks in turn: any further one would be there by now
        running = jobs_of(children.parent_pid)
        assert len(running) == expected
        os.kill(running[0], signal.SIGKILL)
        assert isinstance(await job, PreviewFailed)


async def test_a_killed_parent_loses_the_job_in_flight_and_comes_back(make: Make) -> None:
    children = await make()
    job = asyncio.create_task(children.render(b"sleep"))
    child, parent = await one_job_of(children), children.parent_pid
    assert parent is not None
    os.kill(parent, signal.SIGKILL)
    with pytest.raises(ChildrenLost):
        await job
    await until(lambda: not alive(child))
    assert await failure(children, b"segfault") is PreviewFailure.CRASHED
    assert children.starts == 2
    assert not alive(parent)


async def test_a_parent_killed_while_idle_is_replaced_unnoticed(make: Make) -> None:
    children = await make(misbehaving=False)
    for _ in range(2):
        parent = children.parent_pid
        assert parent is not None
        os.kill(parent, signal.SIGKILL)
        await until(lambda: children.parent_pid is None)
        assert isinstance(await children.render(images.jpeg(64, 64)), Rendered)
    assert children.starts == 3


async def test_a_parent_that_does_not_answer_is_replaced(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    children = await make(PATIENT, misbehaving=False)
    parent = children.parent_pid
    assert parent is not None
    os.kill(parent, signal.SIGSTOP)
    with monkeypatch.context() as patched:
        patched.setattr("coffer_media_worker.children.GRACE_SECONDS", 0.1)
        patched.setattr(children, "_limits", replace(JOB_LIMITS, wall_seconds=0.2))
        with pytest.raises(ChildrenLost):
            await children.render(images.jpeg(64, 64))
    assert isinstance(await children.render(images.jpeg(64, 64)), Rendered)
    assert not alive(parent)


class Away:
    """A file whose bucket does not answer, or gives up after a while."""

    size_bytes = 1 << 20
    known = b""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    async def read_range(self, first: int, last: int) -> bytes:
        if self.error is not None:
            raise self.error
        await asyncio.Event().wait()
        raise AssertionError("nothing comes")


@pytest.mark.parametrize("error", [None, TimeoutError("the bucket")], ids=["silent", "gives up"])
async def test_a_bucket_that_does_not_answer_costs_no_other_job_its_parent(
    make: Make, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    children = await make(PATIENT, misbehaving=False)
    parent = children.parent_pid
    with monkeypatch.context() as patched:
        patched.setattr(children, "_limits", replace(JOB_LIMITS, wall_seconds=3.0))
        with pytest.raises(ChildrenLost):
            await children.render(Away(error))
    assert children.parent_pid == parent
    assert isinstance(await children.render(images.jpeg(64, 64)), Rendered)
    assert children.starts == 1
    await until(lambda: not jobs_of(children.parent_pid))


@pytest.mark.parametrize("command", [(sys.executable, "-c", "raise SystemExit(1)"), ("/nonexistent",)])
async def test_a_parent_that_cannot_start_is_a_fault_of_ours(command: tuple[str, ...]) -> None:
    children = Children(1, JOB_LIMITS, command)
    for _ in range(2):
        with pytest.raises(ChildrenLost):
            await children.render(b"")
    await children.stop()


async def test_a_cancelled_job_dies_and_frees_its_place(make: Make) -> None:
    children = await make(PATIENT, concurrency=1)
    for _ in range(3):
        job = asyncio.create_task(children.render(b"sleep"))
        child = await one_job_of(children)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        await until(lambda: not alive(child))  # noqa: B023 awaited within the turn
    assert await failure(children, b"segfault") is PreviewFailure.CRASHED
    assert children.starts == 1


async def test_cancelling_at_any_moment_leaves_a_working_pool(make: Make) -> None:
    children = await make(misbehaving=False, concurrency=2)
    source = images.jpeg(320, 240)
    for delay in range(24):
        jobs = [asyncio.create_task(children.render(source)) for _ in range(3)]
        await asyncio.wait(jobs, timeout=delay / 1000)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
    made = await asyncio.gather(*(children.render(source) for _ in range(4)))
    assert all(isinstance(outcome, Rendered) for outcome in made)
    assert children.starts == 1


async def test_stopping_ends_running_jobs_and_waiting_ones_at_once(make: Make) -> None:
    children = await make(PATIENT, concurrency=1)
    jobs = [asyncio.create_task(children.render(b"sleep")) for _ in range(3)]
    child, parent = await one_job_of(children), children.parent_pid
    assert parent is not None
    started = time.monotonic()
    await children.stop()
    assert time.monotonic() - started < 30.0
    ended = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(error) for error in ended] == [ChildrenLost] * 3
    await until(lambda: not alive(child))
    assert not alive(parent)
    await children.stop()
    with pytest.raises(ChildrenLost):
        await children.render(b"sleep")


async def test_stopping_does_not_wait_for_a_parent_that_hangs(make: Make) -> None:
    children = await make()
    parent = children.parent_pid
    assert parent is not None
    os.kill(parent, signal.SIGSTOP)
    started = time.monotonic()
    await children.stop()
    assert time.monotonic() - started < 30.0
    assert not alive(parent)


async def test_a_stopped_pool_starts_again(make: Make) -> None:
    children = await make(misbehaving=False)
    await children.stop()
    await children.start()
    await children.start()
    assert isinstance(await children.render(images.jpeg(64, 64)), Rendered)
    assert children.starts == 2


async def test_signals_to_the_parent_do_not_end_it(make: Make) -> None:
    children = await make(misbehaving=False)
    assert children.parent_pid is not None
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(children.parent_pid, number)
    assert isinstance(await children.render(images.jpeg(64, 64)), Rendered)
    assert children.starts == 1


WORKER = """
import asyncio, sys
from coffer_media_worker.children import Children
async def main():
    children = Children(1, command=sys.argv[1:])
    await children.start()
    print(children.parent_pid, flush=True)
    await children.render(b"sleep")
asyncio.run(main())
"""


async def test_everything_dies_with_a_killed_worker() -> None:
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, *MISBEHAVING, stdout=asyncio.subprocess.PIPE)
    assert worker.stdout is not None
    parent = int(await worker.stdout.readline())
    await until(lambda: jobs_of(parent))
    child = jobs_of(parent)[0]
    worker.kill()
    await until(lambda: not alive(parent) and not alive(child))
    await worker.wait()


def test_works_on_uvloop_too() -> None:
    async def story() -> None:
        children = Children(2, IMPATIENT, MISBEHAVING)
        try:
            await children.start()
            assert await failure(children, b"segfault") is PreviewFailure.CRASHED
            job = asyncio.create_task(children.render(b"sleep"))
            await one_job_of(children)
            job.cancel()
            await asyncio.wait([job])
            parent = children.parent_pid
            assert parent is not None
            os.kill(parent, signal.SIGKILL)
            await until(lambda: children.parent_pid is None)
            assert await failure(children, b"surroundings") is PreviewFailure.UNSUPPORTED
        finally:
            await children.stop()

    uvloop.run(story())


def test_the_worker_itself_loads_no_decoder() -> None:
    script = "import sys, coffer_media_worker.children; print('PIL' in sys.modules, 'magic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
