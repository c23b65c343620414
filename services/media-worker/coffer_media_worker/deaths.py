"""How a rendering child ended, and what that says of its file. Pure: a table and one rule."""

import os
import signal
from dataclasses import dataclass

from coffer_media_worker import frames
from coffer_media_worker.domain import JobLimits, PreviewFailed, PreviewFailure


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a child ended, as its parent saw it."""

    status: int | None
    killed: str | None = None
    cpu_seconds: float = 0.0
    peak_bytes: int = 0


_SIGNALS = {
    signal.SIGXCPU: PreviewFailure.TIMEOUT,
    signal.SIGALRM: PreviewFailure.TIMEOUT,
    signal.SIGSEGV: PreviewFailure.CRASHED,
    signal.SIGSYS: PreviewFailure.CRASHED,
}


def explain_end(end: JobEnd, limits: JobLimits) -> PreviewFailed:
    """Why a child that left no reply died: too slow, too big, or broken (`detail` names the signal)."""
    code = os.waitstatus_to_exitcode(end.status or 0)
    if code >= 0:
        return PreviewFailed(PreviewFailure.MEMORY if code == frames.EXIT_MEMORY else PreviewFailure.CRASHED, f"exit {code}")
    number = signal.Signals(-code)
    detail = f"{number.name} after {end.cpu_seconds:.1f} s of CPU at {end.peak_bytes >> 20} MiB"
    if end.killed == "wall" or (number is signal.SIGKILL and end.cpu_seconds >= limits.cpu_seconds):
        return PreviewFailed(PreviewFailure.TIMEOUT, detail)
    if number in {signal.SIGKILL, signal.SIGABRT} and end.peak_bytes * 2 >= limits.memory_bytes:
        return PreviewFailed(PreviewFailure.MEMORY, detail)
    return PreviewFailed(_SIGNALS.get(number, PreviewFailure.CRASHED), detail)
