"""A loop that looks for work of one kind, again and again, sooner when somebody says that there is some."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from coffer_chassis.pauses import back_off, sleep_until

Look = Callable[[asyncio.Event], Awaitable[float]]
"""One round: works off what there is, sooner ended by the event, and says for how many seconds there is nothing to do."""

log = structlog.get_logger(__name__)


class Rounds:
    """`run` until told to stop; `poke` when there is something to do. `failed` is what the log calls a round that failed."""

    def __init__(self, look: Look, *, failed: str, back_off_seconds: tuple[float, float]) -> None:
        self._look = look
        self._failed = failed
        self._back_off_seconds = back_off_seconds
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """Look at once. Cheap, never blocks, may be called from the event loop only."""
        self._poked.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Look until `stopping` is set; the round under way ends first. Survives failures by backing off."""
        failures = 0
        stop = asyncio.create_task(stopping.wait())
        stop.add_done_callback(lambda _: self.poke())
        try:
            while not stopping.is_set():
                self._poked.clear()
                try:
                    wait = await self._look(stopping)
                except Exception as error:  # noqa: BLE001  # the loop outlives whatever happens in one round
                    failures += 1
                    log.warning(self._failed, error=repr(error), failures=failures)
                    await sleep_until(stopping, back_off(failures, self._back_off_seconds))
                    continue
                failures = 0
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._poked.wait(), wait)
        finally:
            stop.cancel()
