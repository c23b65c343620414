"""Turns at something scarce, given fairly: who asks for many waits behind themselves, not in front of everybody else."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

CALLER: ContextVar[str | None] = ContextVar("caller", default=None)
"""On whose behalf this task works: set for each request by the gate. None for all that is on nobody's."""


KEPT_FREE = 2
"""Turns that no single caller may take: theirs may all wait for one row that they themselves keep busy."""


class Turns:
    """So many turns at once. Callers get them one after the other, each caller's in the order they were asked for.

    To be used on one event loop.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._most = max(1, count - KEPT_FREE)
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str | None, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def taken(self, *, within_seconds: float) -> AsyncIterator[None]:
        """Hold a turn. Raises TimeoutError when none came."""
        caller = CALLER.get()
        await self._take(caller, within_seconds)
        try:
            yield
        finally:
            self._give_back(caller)

    async def _take(self, caller: str | None, within_seconds: float) -> None:
        # Nobody is passed by: whoever waits found none free, or holds as many as one may.
        if self._may(caller):
            self._grant(caller)
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(mine)
        try:
            async with asyncio.timeout(within_seconds):
                await mine
        except BaseException:
            if mine.done() and not mine.cancelled():
                self._give_back(caller)  # it came in the same moment
            mine.cancel()
            raise

    def _may(self, caller: str | None) -> bool:
        return self._free > 0 and (caller is None or self._held[caller] < self._most)

    def _grant(self, caller: str | None) -> None:
        self._free -= 1
        if caller is not None:
            self._held[caller] += 1

    def _give_back(self, caller: str | None) -> None:
        self._free += 1
        if caller is not None:
            self._held[caller] -= 1
            if not self._held[caller]:
                del self._held[caller]
        for other in [other for other in self._waiting if self._may(other)]:
            if self._free <= 0:
                return
            self._serve(other)

    def _serve(self, caller: str | None) -> None:
        line = self._waiting.pop(caller)
        while line and line[0].done():
            line.popleft()
        if line:
            self._grant(caller)
            line.popleft().set_result(None)
        if line:
            self._waiting[caller] = line  # behind the others
