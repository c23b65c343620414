"""How ministack's queues wait for messages: until there is one, instead of looking again and again."""

import asyncio
import contextlib
import threading
from types import ModuleType
from typing import Any

LONGEST_PAUSE_SECONDS = 0.01


class ShortPauses:
    """Stands in for the module `asyncio` inside ministack's queues, which look for messages only every 100 ms."""

    def __init__(self) -> None:
        self.ended = False
        """Set when the server stops: an open long poll would hold it up, on Python 3.12 and later for its whole wait."""
        self.rings = False
        """Whether `ring` is called for every message. Looking every 10 ms instead keeps a twentieth of a processor busy."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Future[None]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float, result: Any = None) -> Any:
        """As `asyncio.sleep`, but until the next ring, or 10 ms if nobody rings; raises ConnectionAbortedError once ended."""
        if self.ended:
            raise ConnectionAbortedError("the local cloud is stopping")
        self._loop = asyncio.get_running_loop()
        rung = self._loop.create_future()
        self._waiting.add(rung)
        try:
            await asyncio.wait({rung}, timeout=seconds if self.rings else min(seconds, LONGEST_PAUSE_SECONDS))
        finally:
            self._waiting.discard(rung)
        return result

    def ring(self) -> None:
        """Have everybody look now. From any thread: what S3 reports comes from others."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # closed: nobody looks any more
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for rung in self._waiting:
            if not rung.done():
                rung.set_result(None)


def shorten_polls(queues: ModuleType) -> ShortPauses | None:
    """Have long polls end with the message they wait for; leaves a module that no longer has the known shape alone and gives
    None. What appears with time, after a delay or a visibility, is found within ministack's own 100 ms.
    """
    if getattr(queues, "asyncio", None) is not asyncio:
        return None
    pauses = ShortPauses()
    queues.asyncio = pauses  # type: ignore[attr-defined]  # a foreign module's global
    wake = getattr(queues, "esm_wake", None)
    if isinstance(wake, threading.Event):  # set for every message, after it was put into its queue
        said = wake.set

        def said_and_rung() -> None:
            said()
            pauses.ring()

        wake.set = said_and_rung  # type: ignore[method-assign]  # one object, known to all of ministack
        pauses.rings = True
    return pauses
