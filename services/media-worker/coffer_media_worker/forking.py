"""The warm parent: forks a job for every message on its control socket, keeps the wall clock, tells how each ended.

It runs one thread and never decodes: what it allocates would count against each job's memory limit.
"""

import contextlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from coffer_media_worker.domain import JobLimits

Job = Callable[[int, int, JobLimits], NoReturn]
"""What a child does: its socket's descriptor, its parent's id and its limits."""


@dataclass(slots=True)
class _Running:
    job: int
    deadline: float
    killed: str | None = None


class WarmParent:
    """Forks one child per request and outlives them all; ends when the worker closes the control socket."""

    def __init__(self, control: socket.socket, job: Job, missing: Sequence[str], prepare: Callable[[str], None]) -> None:
        self._control = control
        self._job = job
        self._missing = missing
        self._prepare = prepare
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
        self._tell({"ready": os.getpid(), "missing": self._missing})
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
            self._prepare(order["task"])
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
            self._job(channel_fd, parent, limits)
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
