"""The warm parent as the worker sees it: its process, its control socket, and the jobs it has not yet reported."""

import asyncio
import itertools
import json
import os
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from coffer_media_worker.deaths import JobEnd
from coffer_media_worker.domain import JobLimits

STOP_SECONDS = 1.0

_MIB = 1024 * 1024
FEWER_PAGES = {"hugetlb": 1, "mmap_threshold": 32 * _MIB, "trim_threshold": 64 * _MIB, "top_pad": 8 * _MIB}
"""A child is new and pays for every page that it touches. So large blocks have huge pages, and what was given back is used
again instead of being fetched from the kernel anew: 1,300 faults for a photograph of 12 MP instead of 2,300. See GNU libc's
manual, section Memory Allocation Tunables; others ignore it.
"""


class ChildrenLost(Exception):
    """The warm parent is gone or does not answer; nothing is known about the file, so ask again later."""


def _environment() -> dict[str, str]:
    """Nothing of the worker's, which holds keys and addresses; only what the loader of a relocated Python may need."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {
        "GLIBC_TUNABLES": ":".join(f"glibc.malloc.{name}={value}" for name, value in FEWER_PAGES.items()),
        "LC_ALL": "C.UTF-8",
        **kept,
    }


class Warm:
    """One warm parent as the worker sees it: its process, its control socket, the jobs it has not yet reported."""

    def __init__(self, command: Sequence[str]) -> None:
        # Not in a thread: PR_SET_PDEATHSIG follows the thread that started the process, not the worker as a whole.
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self.process = subprocess.Popen(  # noqa: S603 our own interpreter and module
                    [*command, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        ours.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._control = ours
        self._jobs: dict[int, asyncio.Future[JobEnd | None]] = {}
        self._numbers = itertools.count(1)
        self.ready: asyncio.Future[bool] = self._loop.create_future()
        self.missing: tuple[str, ...] = ()
        self.alive = True
        self._loop.add_reader(ours.fileno(), self._hear)

    def _hear(self) -> None:
        while self.alive:
            try:
                message = self._control.recv(4096)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                self.lose()
                return
            told = json.loads(message)
            if "ready" in told:
                self.missing = tuple(told["missing"])
                self._settle(self.ready, True)
            else:
                self._end(told)

    def _end(self, told: dict[str, Any]) -> None:
        job = self._jobs.pop(told["job"], None)
        if job is None:
            return
        if told["status"] is None:
            self._settle(job, None)
        else:
            self._settle(job, JobEnd(told["status"], told["killed"], told["cpu_seconds"], told["peak_bytes"]))

    @staticmethod
    def _settle(future: asyncio.Future[Any], value: object) -> None:
        if not future.done():
            future.set_result(value)

    def begin(self, task: str, limits: JobLimits) -> tuple[int, socket.socket, asyncio.Future[JobEnd | None]]:
        """A number, our end of a new job's socket, and the future that tells how the job ended (None: lost)."""
        ours, theirs = socket.socketpair()
        number = next(self._numbers)
        with theirs:
            try:
                order = json.dumps({"job": number, "task": task, "limits": asdict(limits)}).encode()
                socket.send_fds(self._control, [order], [theirs.fileno()])
            except OSError as error:
                ours.close()
                self.lose()
                raise ChildrenLost(str(error)) from error
        ours.setblocking(False)
        ended = self._jobs[number] = self._loop.create_future()
        return number, ours, ended

    def kill_job(self, number: int) -> None:
        """Have a job killed that nobody waits for any more; nothing happens if it has ended."""
        if self.alive and number in self._jobs:
            try:
                self._control.send(json.dumps({"kill": number}).encode())
            except OSError:
                self.lose()

    def lose(self) -> None:
        """Give the parent up: whatever was in flight is lost, and so are its children."""
        if not self.alive:
            return
        self.alive = False
        self._loop.remove_reader(self._control.fileno())
        self._control.close()  # the parent, should it still live, ends by this
        self._settle(self.ready, False)
        for job in self._jobs.values():
            self._settle(job, None)
        self._jobs.clear()

    async def bury(self) -> None:
        """Wait for the process to end, at most `STOP_SECONDS`, then kill it; leaves no zombie."""
        self.lose()
        deadline = self._loop.time() + STOP_SECONDS
        while self.process.poll() is None:
            if self._loop.time() > deadline:
                self.process.kill()
                self.process.wait()
                return
            await asyncio.sleep(0.005)
