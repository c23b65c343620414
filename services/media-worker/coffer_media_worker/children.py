"""Previews made in children: the worker's side of the warm parent. Knows processes, not pictures; imports no decoder.

The parent is started at `start()` and again whenever it is found dead. A file's own doing (a crash, a timeout, too much
memory) is an outcome; a fault of ours is `ChildrenLost`, and the message should come again.
"""

import asyncio
import contextlib
import copy
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from coffer_media_worker import frames
from coffer_media_worker.deaths import explain_end
from coffer_media_worker.domain import JOB_LIMITS, JobLimits, PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from coffer_media_worker.sources import Source, Whole
from coffer_media_worker.warm import ChildrenLost, Warm

COMMAND = (sys.executable, "-I", "-m", "coffer_media_worker.child")
READY_SECONDS = 20.0
GRACE_SECONDS = 5.0
LINGER_SECONDS = 0.5


Early = Callable[[Rendered], Awaitable[None]]
"""Is told what is finished while the rest is still being made."""


class _Parts:
    """What of one job's outcome is here, and whoever is being told of it; one part is told after the other."""

    def __init__(self, early: Early | None) -> None:
        self.made: list[Rendered] = []
        self._early = early
        self._telling: asyncio.Task[None] | None = None

    def add(self, part: Rendered, limits: JobLimits) -> None:
        """Keep a part and tell it. Raises BadFrameError where there are more than any job makes."""
        self.made.append(part)
        if len(self.made) > limits.pictures:
            raise frames.BadFrameError("more parts than pictures")
        if self._early is not None:
            self._telling = asyncio.create_task(self._tell(self._early, part, self._telling))

    @staticmethod
    async def _tell(early: Early, part: Rendered, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await before
        await early(part)

    async def told(self) -> None:
        """Wait until every part is told; raises what telling raised."""
        if self._telling is not None:
            await self._telling

    def forget(self) -> None:
        """Tell nothing more."""
        if self._telling is not None:
            self._telling.cancel()


class _Parents:
    """The one warm parent at a time, started when it is needed."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._starting = asyncio.Lock()
        self._stopped = False
        self.warm: Warm | None = None
        self.starts = 0

    async def stop(self) -> None:
        self._stopped = True
        if self.warm is not None:
            self.warm.lose()
        async with self._starting:
            warm, self.warm = self.warm, None
            if warm is not None:
                await warm.bury()

    async def one(self, *, again: bool = False) -> Warm:
        """The parent; with `again` also after a stop. Raises ChildrenLost."""
        if again:
            self._stopped = False
        async with self._starting:
            if self._stopped:
                raise ChildrenLost("stopped")
            if self.warm is not None and self.warm.alive:
                return self.warm
            if self.warm is not None:
                await self.warm.bury()
            try:
                self.warm = warm = Warm(self._command)
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


class Children:
    """A pool of short-lived children, one per picture, `concurrency` at once (default: one per core)."""

    def __init__(
        self, concurrency: int | None = None, limits: JobLimits = JOB_LIMITS, command: Sequence[str] = COMMAND
    ) -> None:
        self._limits = limits
        self._slots = asyncio.Semaphore(concurrency or len(os.sched_getaffinity(0)))
        self._parents = _Parents(command)

    def beside(self, concurrency: int) -> "Children":
        """Another pool that forks from the same parent but waits for nobody here."""
        other = copy.copy(self)
        other._slots = asyncio.Semaphore(concurrency)  # noqa: SLF001  # same class
        return other

    @property
    def missing_barriers(self) -> tuple[str, ...]:
        """What does not stand between jobs and the machine, because the kernel does not offer it (`child.BARRIERS`)."""
        return self._parents.warm.missing if self._parents.warm is not None else ()

    @property
    def parent_pid(self) -> int | None:
        """The warm parent's process id while it is believed alive."""
        warm = self._parents.warm
        return warm.process.pid if warm is not None and warm.alive else None

    @property
    def starts(self) -> int:
        """How often a parent was started."""
        return self._parents.starts

    async def start(self) -> None:
        """Have the warm parent ready; raises `ChildrenLost` when it does not come up. May run twice."""
        await self._parents.one(again=True)

    async def stop(self) -> None:
        """End the parent and all jobs, which raise `ChildrenLost`, within two seconds. May run twice."""
        await self._parents.stop()

    async def render(
        self,
        source: Source | bytes,
        boxes: Sequence[int] = (400,),
        format: str = "WEBP",  # noqa: A002 PIL's word
        *,
        task: str = "pictures",
        square: bool = False,
        early: Early | None = None,
        locate: bool = False,
        page: int | None = None,
    ) -> PreviewOutcome:
        """What a task makes of a file, its pictures fitting into `boxes`, or why there is nothing; with `square` the middle of
        a picture, filling the box; `page` for the task that draws any page.
        """
        if isinstance(source, bytes) and len(source) > self._limits.source_bytes:
            return PreviewFailed(PreviewFailure.TOO_LARGE, f"{len(source)} bytes")
        whole = Whole(source) if isinstance(source, bytes) else source
        asked = {"boxes": list(boxes), "format": format, "square": square, "locate": locate, "page": page}
        return await self.run(whole, task, early, **asked)

    async def run(self, source: Source, task: str, early: Early | None = None, **request: object) -> PreviewOutcome:
        """What comes of a task (`tasks.TASKS`) in a fresh child. It may read `limits.source_bytes` of the source. `early` is
        awaited with each part of the outcome while the child works on the next; a child that dies after a part leaves that.

        Raises `ChildrenLost` when the fault is ours: run it again; whatever reading the source raises. May be cancelled at any
        point; the child dies.
        """
        await self._slots.acquire()
        try:
            warm = await self._parents.one()
            number, channel, ended = warm.begin(task, self._limits)
        except BaseException:
            self._slots.release()
            raise
        parts = _Parts(early)
        until = asyncio.get_running_loop().time() + self._limits.wall_seconds
        # The slot is taken until the child is gone, not until its caller is: cancelling must not let more in.
        ended.add_done_callback(lambda _: self._slots.release())
        with channel:
            try:
                async with asyncio.timeout(self._limits.wall_seconds + GRACE_SECONDS):
                    asked = {"task": task, "size": source.size_bytes, **request}
                    outcome = await self._exchange(channel, asked, source, parts, until)
                    if outcome is not None:  # all is said; a child that stays is up to no good
                        asyncio.get_running_loop().call_later(LINGER_SECONDS, warm.kill_job, number)
                    end = await asyncio.shield(ended)
            except TimeoutError as error:
                warm.process.kill()
                warm.lose()
                raise ChildrenLost("the warm parent does not answer") from error
            except BaseException:
                parts.forget()
                raise
            finally:
                warm.kill_job(number)
        if outcome is None and end is None:
            parts.forget()
            raise ChildrenLost("the warm parent died, or could not fork")
        await parts.told()
        if isinstance(outcome, PreviewFailed):
            return outcome
        if outcome is not None:
            parts.made.append(outcome)
        return Rendered.joined(parts.made) if parts.made or end is None else explain_end(end, self._limits)

    async def _exchange(
        self, channel: socket.socket, request: dict[str, Any], source: Source, parts: "_Parts", until: float
    ) -> PreviewOutcome | None:
        """Send the request, answer what is asked, read the reply; None when the child dies before it has said all. Raises
        ChildrenLost where bytes of the source are still being waited for when the job's time is over.
        """
        left = self._limits.source_bytes - len(source.known)
        questions = 0
        room, pictures = self._limits.reply_bytes, self._limits.pictures  # for all parts together
        await self._send(channel, request, source.known)
        try:
            while True:
                prefix = await self._receive(channel, frames.PREFIX.size)
                header_bytes, body_bytes = frames.lengths(
                    prefix,
                    header_bytes=self._limits.header_bytes,
                    body_bytes=room,
                )
                header = await self._receive(channel, header_bytes)
                asked = frames.read_question(header, source.size_bytes) if body_bytes == 0 else None
                if asked is None:
                    outcome = frames.read_reply(header, await self._receive(channel, body_bytes), self._limits)
                    room -= body_bytes
                    pictures -= frames.check_boxes(outcome, request.get("boxes", ()), pictures)
                    if not isinstance(outcome, Rendered) or not outcome.more:
                        return outcome
                    parts.add(outcome, self._limits)
                    continue
                first, last = asked
                left -= last - first + 1
                questions += 1
                refused = left < 0 or questions > self._limits.questions
                content = b"" if refused else await self._fetched(source, first, last, until)
                told = {"refused": "it would read more than it may"} if refused else {}
                await self._send(channel, told, content)
        except frames.BadFrameError as error:
            return PreviewFailed(PreviewFailure.CRASHED, str(error))
        except EOFError:
            return None

    @staticmethod
    async def _fetched(source: Source, first: int, last: int, until: float) -> bytes:
        """Bytes of the source. That they do not come is no fault of the file's, and none of the warm parent's."""
        try:
            async with asyncio.timeout_at(until):
                return await source.read_range(first, last)
        except TimeoutError as error:
            raise ChildrenLost("the file was not read in time") from error

    @staticmethod
    async def _send(channel: socket.socket, header: dict[str, Any], body: bytes) -> None:
        """A child may answer, or die, before it has read everything."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            await loop.sock_sendall(channel, frames.pack(header, body))
            await loop.sock_sendall(channel, body)

    @staticmethod
    async def _receive(channel: socket.socket, length: int) -> bytes:
        loop = asyncio.get_running_loop()
        content = bytearray()
        while len(content) < length:
            try:
                piece = await loop.sock_recv(channel, length - len(content))
            except ConnectionError as error:
                raise EOFError from error
            if not piece:
                raise EOFError
            content += piece
        return bytes(content)
