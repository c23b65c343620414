"""Previews made in children: the worker's side of the warm parent. Knows processes, not pictures; imports no decoder.

The parent is started at `start()` and again whenever it is found dead. A file's own doing (a crash, a timeout, too much
memory) is an outcome; a fault of ours is `ChildrenLost`, and the message should come again.
"""

import asyncio
import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from coffer_media_worker import frames
from coffer_media_worker.deaths import JobEnd, explain_end
from coffer_media_worker.domain import JOB_LIMITS, JobLimits, PreviewFailed, PreviewFailure, PreviewOutcome

COMMAND = (sys.executable, "-I", "-m", "coffer_media_worker.child")
READY_SECONDS = 20.0
STOP_SECONDS = 1.0
GRACE_SECONDS = 5.0
LINGER_SECONDS = 0.5


class ChildrenLost(Exception):
    """The warm parent is gone or does not answer; nothing is known about the file, so ask again later."""


def _environment() -> dict[str, str]:
    """Nothing of the worker's, which holds keys and addresses; only what the loader of a relocated Python may need."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    # Huge pages for large blocks: a fresh child pays for every page it touches (WebP 12 MP: 198 ms without, 140 with).
    return {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "LC_ALL": "C.UTF-8", **kept}


class _Warm:
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

    def begin(self, limits: JobLimits) -> tuple[int, socket.socket, asyncio.Future[JobEnd | None]]:
        """A number, our end of a new job's socket, and the future that tells how the job ended (None: lost)."""
        ours, theirs = socket.socketpair()
        number = next(self._numbers)
        with theirs:
            try:
                order = json.dumps({"job": number, "limits": asdict(limits)}).encode()
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


class Children:
    """A pool of short-lived children, one per picture, `concurrency` at once (default: one per core)."""

    def __init__(
        self, concurrency: int | None = None, limits: JobLimits = JOB_LIMITS, command: Sequence[str] = COMMAND
    ) -> None:
        self._limits = limits
        self._command = command
        self._slots = asyncio.Semaphore(concurrency or len(os.sched_getaffinity(0)))
        self._starting = asyncio.Lock()
        self._warm: _Warm | None = None
        self._stopped = False
        self.starts = 0

    @property
    def parent_pid(self) -> int | None:
        """The warm parent's process id while it is believed alive."""
        return self._warm.process.pid if self._warm is not None and self._warm.alive else None

    async def start(self) -> None:
        """Have the warm parent ready; raises `ChildrenLost` when it does not come up. May run twice."""
        self._stopped = False
        await self._parent()

    async def stop(self) -> None:
        """End the parent and all jobs, which raise `ChildrenLost`, within two seconds. May run twice."""
        self._stopped = True
        if self._warm is not None:
            self._warm.lose()
        async with self._starting:
            warm, self._warm = self._warm, None
            if warm is not None:
                await warm.bury()

    async def _parent(self) -> _Warm:
        async with self._starting:
            if self._stopped:
                raise ChildrenLost("stopped")
            if self._warm is not None and self._warm.alive:
                return self._warm
            if self._warm is not None:
                await self._warm.bury()
            try:
                self._warm = warm = _Warm(self._command)
            except OSError as error:
                raise ChildrenLost(f"the warm parent does not start: {error}") from error
            self.starts += 1
            try:
                async with asyncio.timeout(READY_SECONDS):
                    ready = await asyncio.shield(warm.ready)
            except BaseException as error:
                warm.process.kill()
                warm.lose()
                if isinstance(error, TimeoutError):
                    raise ChildrenLost("the warm parent does not come up") from error
                raise
            if not ready:
                raise ChildrenLost("the warm parent ended while starting")
            return warm

    async def render(
        self,
        source: bytes,
        box: int = 400,
        format: str = "WEBP",  # noqa: A002 PIL's word
        *,
        square: bool = False,
    ) -> PreviewOutcome:
        """A preview of `source` in a fresh child, or why there is none; with `square` the middle of it, filling the box.

        Raises `ChildrenLost` when the fault is ours: run it again. May be cancelled at any point; the child dies.
        """
        if len(source) > self._limits.source_bytes:
            return PreviewFailed(PreviewFailure.TOO_LARGE, f"{len(source)} bytes")
        await self._slots.acquire()
        try:
            warm = await self._parent()
            number, channel, ended = warm.begin(self._limits)
        except BaseException:
            self._slots.release()
            raise
        # The slot is taken until the child is gone, not until its caller is: cancelling must not let more in.
        ended.add_done_callback(lambda _: self._slots.release())
        with channel:
            try:
                async with asyncio.timeout(self._limits.wall_seconds + GRACE_SECONDS):
                    outcome = await self._exchange(channel, {"box": box, "format": format, "square": square}, source)
                    if outcome is not None:  # all is said; a child that stays is up to no good
                        asyncio.get_running_loop().call_later(LINGER_SECONDS, warm.kill_job, number)
                    end = await asyncio.shield(ended)
            except TimeoutError as error:
                warm.process.kill()
                warm.lose()
                raise ChildrenLost("the warm parent does not answer") from error
            finally:
                warm.kill_job(number)
        if outcome is not None:
            return outcome
        if end is None:
            raise ChildrenLost("the warm parent died, or could not fork")
        return explain_end(end, self._limits)

    async def _exchange(self, channel: socket.socket, request: dict[str, Any], source: bytes) -> PreviewOutcome | None:
        """Send the request, read the reply; None when the child dies before it has said all."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):  # a child may answer, or die, before it has read everything
            await loop.sock_sendall(channel, frames.pack(request, source))
            await loop.sock_sendall(channel, source)
        try:
            prefix = await self._receive(channel, frames.PREFIX.size)
            header_bytes, body_bytes = frames.lengths(
                prefix,
                header_bytes=self._limits.header_bytes,
                body_bytes=self._limits.output_bytes + frames.PLACEHOLDER_BYTES,
            )
            header = await self._receive(channel, header_bytes)
            return frames.read_reply(header, await self._receive(channel, body_bytes), self._limits)
        except frames.BadFrameError as error:
            return PreviewFailed(PreviewFailure.CRASHED, str(error))
        except (ConnectionError, EOFError):
            return None

    @staticmethod
    async def _receive(channel: socket.socket, length: int) -> bytes:
        loop = asyncio.get_running_loop()
        content = bytearray()
        while len(content) < length:
            piece = await loop.sock_recv(channel, length - len(content))
            if not piece:
                raise EOFError
            content += piece
        return bytes(content)
