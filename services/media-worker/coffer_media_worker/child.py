"""The warm parent and its forked jobs: `python -m coffer_media_worker.child FD`, started by `children`.

The parent imports every decoder, holds no secrets, runs one thread and never decodes: what it allocates would count
against each job's memory limit. For every message on its control socket it forks a child that talks to the worker over
a socket of its own; the parent enforces the wall clock and reports how each child ended. No asyncio, no Coffer
services, no environment here.
"""

import contextlib
import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from coffer_media_worker import frames
from coffer_media_worker.domain import JobLimits, PreviewFailed, PreviewFailure, PreviewOutcome

Work = Callable[[dict[str, Any], bytes], PreviewOutcome]

CHANNEL_FD = 3
PARENT_FILES = 256
EXIT_BROKEN = 72

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _drop_inherited_files(_limits: JobLimits) -> None:
    os.closerange(CHANNEL_FD + 1, PARENT_FILES)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    os.close(null)


def _die_with_the_parent(_limits: JobLimits) -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _gain_no_privileges(_limits: JobLimits) -> None:
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _limit_resources(limits: JobLimits) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits.open_files, limits.open_files))
    # The soft limit is told as SIGXCPU, the hard one kills whoever caught that.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))


BARRIERS: tuple[Callable[[JobLimits], None], ...] = (
    _die_with_the_parent,
    _drop_inherited_files,
    _gain_no_privileges,
    _limit_resources,
)
"""What stands between a job and the machine, in this order, all before the first byte of the file is read.

Filters of paths and system calls (landlock, seccomp) belong at the end: they may forbid what the others need.
"""


def _read_exactly(channel: socket.socket, length: int) -> bytes:
    content = channel.recv(length, socket.MSG_WAITALL) if length else b""
    if len(content) < length:
        raise EOFError("the worker went away")
    return content


def _one_job(channel: socket.socket, limits: JobLimits, work: Work) -> None:
    """Read one request, answer it; an outcome is always sent unless the child dies."""
    prefix = _read_exactly(channel, frames.PREFIX.size)
    header_bytes, source_bytes = frames.lengths(prefix, header_bytes=limits.header_bytes, body_bytes=limits.source_bytes)
    request = json.loads(_read_exactly(channel, header_bytes))
    try:
        outcome = work(request, _read_exactly(channel, source_bytes))
    except MemoryError as error:
        outcome = PreviewFailed(PreviewFailure.MEMORY, str(error))
    except Exception as error:  # noqa: BLE001 whatever it was, the reply names it; a silent exit would not
        outcome = PreviewFailed(PreviewFailure.CRASHED, f"{type(error).__name__}: {error}")
    frame, body = frames.reply_frame(outcome)
    channel.sendall(frame + body)


def _child(channel_fd: int, parent: int, limits: JobLimits, work: Work) -> NoReturn:
    """Everything a forked job does, from confinement to exit."""
    code = EXIT_BROKEN
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(channel_fd, CHANNEL_FD)
        for barrier in BARRIERS:
            barrier(limits)
        if os.getppid() == parent:
            _one_job(socket.socket(fileno=CHANNEL_FD), limits, work)
            code = 0
    except MemoryError:
        code = frames.EXIT_MEMORY
    finally:
        os._exit(code)


@dataclass(slots=True)
class _Running:
    job: int
    deadline: float
    killed: str | None = None


class WarmParent:
    """Forks one child per request and outlives them all; ends when the worker closes the control socket."""

    def __init__(self, control: socket.socket, work: Work) -> None:
        self._control = control
        self._work = work
        self._running: dict[int, _Running] = {}

    def serve(self) -> None:
        """Answer until the worker goes away, then kill what still runs."""
        wake, woken = os.pipe()
        for end in (wake, woken):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        waiting = select.poll()
        waiting.register(self._control, select.POLLIN)
        waiting.register(wake, select.POLLIN)
        self._tell({"ready": os.getpid()})
        while True:
            ready = {fd for fd, _ in waiting.poll(self._patience())}
            if wake in ready:
                os.read(wake, 4096)
            self._reap()
            self._kill_overdue()
            if self._control.fileno() in ready and not self._obey():
                break
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)

    def _patience(self) -> float | None:
        """Milliseconds until the next deadline; None while no job could pass one."""
        due = [running.deadline for running in self._running.values() if running.killed is None]
        return max(0.0, min(due) - time.monotonic()) * 1000 + 1 if due else None

    def _tell(self, message: dict[str, object]) -> None:
        with contextlib.suppress(OSError):  # the worker has gone; the next read says so
            self._control.send(json.dumps(message).encode())

    def _obey(self) -> bool:
        """Take one message of the worker's; False when it has gone."""
        try:
            message, descriptors, _, _ = socket.recv_fds(self._control, 4096, 1)
        except ConnectionError:
            return False
        if not message:
            return False
        order = json.loads(message)
        if "kill" in order:
            self._kill(order["kill"])
        else:
            self._fork(order["job"], JobLimits(**order["limits"]), descriptors[0])
        return True

    def _fork(self, job: int, limits: JobLimits, channel_fd: int) -> None:
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            os.close(channel_fd)
            self._tell({"job": job, "status": None, "error": str(error)})
            return
        if pid == 0:
            _child(channel_fd, parent, limits, self._work)
        os.close(channel_fd)
        self._running[pid] = _Running(job, time.monotonic() + limits.wall_seconds)

    def _kill(self, job: int) -> None:
        for pid, running in self._running.items():
            if running.job == job:
                os.kill(pid, signal.SIGKILL)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for pid, running in self._running.items():
            if running.killed is None and running.deadline <= now:
                running.killed = "wall"
                os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        while self._running:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            ended = self._running.pop(pid)
            self._tell(
                {
                    "job": ended.job,
                    "status": status,
                    "killed": ended.killed,
                    "cpu_seconds": usage.ru_utime + usage.ru_stime,
                    "peak_bytes": usage.ru_maxrss * 1024,
                }
            )


def render_work(request: dict[str, Any], source: bytes) -> PreviewOutcome:
    """The one job there is: a picture made smaller, whole or as the square in its middle."""
    from coffer_media_worker import imaging, refusals  # noqa: PLC0415 this module itself is light; the worker may import it

    try:
        return imaging.render(source, int(request["box"]), str(request["format"]), square=bool(request.get("square")))
    except refusals.ImagingError as error:
        return PreviewFailed(error.reason, str(error))


def main(work: Work = render_work) -> None:
    """Become the warm parent of the worker that holds the other end of descriptor `argv[1]`."""
    from coffer_media_worker import imaging  # noqa: PLC0415 as above; every decoder must be in before the first fork

    imaging.warm_up()
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # a terminal's or supervisor's signal goes to the worker, which ends us
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (PARENT_FILES, PARENT_FILES))
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    gc.collect()
    gc.freeze()  # the collector must not touch, and so copy, what children share with us
    gc.disable()
    WarmParent(socket.socket(fileno=int(sys.argv[1])), work).serve()


if __name__ == "__main__":
    main()
