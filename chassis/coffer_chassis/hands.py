"""What a consumer holds of one queue: bounded, kept hidden from others while it is worked on, deleted in batches."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic

import structlog

from coffer_chassis import metrics
from coffer_chassis.bus import BATCH, Bus, Incoming
from coffer_chassis.outcomes import batched
from coffer_chassis.pauses import sleep_until
from coffer_chassis.topology import LONGEST_VISIBILITY_SECONDS, Lane

DELETE_SECONDS = 0.1
"""How long a finished message may wait for others to be deleted with. It stays hidden for much longer, and the inbox knows
it if it comes back."""

log = structlog.get_logger(__name__)


class Hands:
    """One consumer's. `kept` goes around its loop."""

    def __init__(self, bus: Bus, lane: Lane, slots: int) -> None:
        self._bus = bus
        self._lane = lane
        self._slots = slots
        self._taken: dict[str, float] = {}
        """Receipt -> when it was taken."""
        self._changed = asyncio.Event()
        self._finished: list[str] = []
        self._deleting: asyncio.Task[None] | None = None
        self._is_over = asyncio.Event()

    @property
    def free(self) -> int:
        """How many more messages may be taken."""
        return self._slots - len(self._taken)

    async def room(self, *, empty: bool = False) -> None:
        """Wait until a message may be taken; with `empty`, until none is held."""
        while len(self._taken) if empty else self.free <= 0:
            self._changed.clear()
            await self._changed.wait()

    def take(self, messages: Sequence[Incoming]) -> None:
        """Hold messages that were received."""
        self._taken.update((message.receipt, monotonic()) for message in messages)
        self._tell()

    def let_go(self, messages: Sequence[Incoming]) -> None:
        """Hold them no longer. May be called twice."""
        for message in messages:
            self._taken.pop(message.receipt, None)
        self._tell()

    def _tell(self) -> None:
        metrics.CONSUMER_IN_FLIGHT.labels(self._lane.queue).set(len(self._taken))
        self._changed.set()

    async def give_back(self, messages: Sequence[Incoming]) -> None:
        """Show them to others at once; where that fails, they are after their visibility timeout."""
        await self._hide([message.receipt for message in messages], 0)

    def delete(self, receipts: Sequence[str]) -> None:
        """Delete messages within DELETE_SECONDS, together with others. Never blocks."""
        self._finished += receipts
        if self._finished and self._deleting is None:
            self._deleting = asyncio.create_task(self._delete_soon())

    async def _delete_soon(self) -> None:
        try:
            if len(self._finished) < BATCH:
                await sleep_until(self._is_over, DELETE_SECONDS)
            await self._delete()
        finally:
            self._deleting = None

    async def _delete(self) -> None:
        while self._finished:
            batch, self._finished = self._finished[:BATCH], self._finished[BATCH:]
            try:
                metrics.RECEIPTS_GONE.labels(self._lane.queue).inc(await self._bus.delete(self._lane.queue, batch))
            except Exception as error:  # noqa: BLE001  # they come back, and the inbox knows them
                log.warning("settle_failed", queue=self._lane.queue, error=repr(error))

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep what is held hidden from others; at the end, delete what is finished."""
        heartbeat = asyncio.create_task(self._heartbeat())
        try:
            yield
        finally:
            heartbeat.cancel()
            self._is_over.set()
            await asyncio.wait([task for task in (heartbeat, self._deleting) if task])

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(self._lane.visibility_seconds / 3)
            # SQS counts from the receive: beyond twelve hours it refuses.
            oldest = monotonic() - (LONGEST_VISIBILITY_SECONDS - self._lane.visibility_seconds)
            await self._hide(
                [receipt for receipt, since in self._taken.items() if since > oldest], self._lane.visibility_seconds
            )

    async def _hide(self, receipts: Sequence[str], seconds: int) -> None:
        for batch in batched(receipts, BATCH):
            try:
                gone = await self._bus.set_visibility(self._lane.queue, dict.fromkeys(batch, seconds))
                metrics.RECEIPTS_GONE.labels(self._lane.queue).inc(gone)
            except Exception as error:  # noqa: BLE001  # they come back after their visibility timeout
                log.warning("hiding_failed", queue=self._lane.queue, seconds=seconds, error=repr(error))
