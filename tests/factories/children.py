"""Rendering children as tests start and watch them."""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from coffer_media_worker.children import Children
from coffer_media_worker.domain import JOB_LIMITS

MISBEHAVING = (sys.executable, "-I", str(Path(__file__).parents[1] / "services" / "media-worker" / "misbehaving_child.py"))
PATIENT = replace(JOB_LIMITS, wall_seconds=100.0)
"""For where the wall clock is not what is tested: the machine may have other things to do."""
IMPATIENT = replace(PATIENT, memory_bytes=256 << 20, cpu_seconds=1)


def alive(pid: int) -> bool:
    """Whether a process runs, not only its remains."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until(true: Callable[[], object], within_seconds: float = 60.0) -> None:
    """Wait until something is true; fails if that takes too long."""
    deadline = time.monotonic() + within_seconds
    while not true():
        assert time.monotonic() < deadline, "did not come true in time"
        await asyncio.sleep(0.005)


def jobs_of(parent: int | None) -> list[int]:
    """The processes of the jobs that run."""
    assert parent is not None
    try:
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


async def one_job_of(children: Children) -> int:
    """The process of a job, once there is one."""
    await until(lambda: jobs_of(children.parent_pid))
    return jobs_of(children.parent_pid)[0]
