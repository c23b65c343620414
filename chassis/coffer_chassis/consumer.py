"""The one consumer loop: takes messages from a queue, runs handlers, and settles what becomes of each message.

At least once in, exactly once in effect: the inbox row commits with the handler's rows, and a message is deleted only
after that. A stop or crash at any instruction loses nothing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis import metrics
from coffer_chassis.bus import BATCH, Bus, Incoming
from coffer_chassis.handling import HandlerTable, row_name
from coffer_chassis.inbox import first_time
from coffer_chassis.outcomes import DONE, DUPLICATE, IGNORED, Outcome, of_error, settle
from coffer_chassis.pauses import back_off, sleep_until
from coffer_chassis.storage import ObjectStored, read_notification
from coffer_chassis.topology import Lane
from coffer_chassis.unit_of_work import Duplicate, Work
from coffer_contracts.catalog import parse
from coffer_contracts.event import Envelope, Event

RECEIVE_BACK_OFF_SECONDS = (0.2, 10.0)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Read:
    """A received message with the facts in it."""

    message: Incoming
    events: Sequence[Envelope[Event]]

    @property
    def order(self) -> tuple[str, str, str, str]:
        """Same order in every batch, so that two batches cannot wait for each other's rows."""
        first = self.events[0] if self.events else None
        return (first.partitionkey, first.subject, first.sequence, first.id) if first else ("", "", "", "")


class Consumer:
    """Works off one queue. `run` until told to stop; open polls are awaited, never cancelled."""

    def __init__(
        self,
        lane: Lane,
        table: HandlerTable,
        *,
        bus: Bus,
        work: Work,
        deps: Any,
        slots: int = 40,
        wait_seconds: int = 20,
        linger_seconds: float = 0,
    ) -> None:
        """`slots` bounds the messages in hand; none is asked for while all are taken."""
        self.lane = lane
        self._table = table
        self._from_bucket = ObjectStored.type in table
        self._bus = bus
        self._work = work
        self._deps = deps
        self._slots = slots
        self._wait_seconds = wait_seconds
        self._linger_seconds = linger_seconds
        self._in_hand: set[str] = set()
        self._room = asyncio.Event()
        self._room.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Receive and handle until `stopping` is set; then finish what is in hand and return."""
        heartbeat = asyncio.create_task(self._heartbeat())
        try:
            # Its children must not raise: that would cancel an open poll, and with it lose what the poll was to bring.
            async with asyncio.TaskGroup() as tasks:
                await self._receive(tasks, stopping)
        finally:
            heartbeat.cancel()
            await asyncio.wait({heartbeat})

    async def _receive(self, tasks: asyncio.TaskGroup, stopping: asyncio.Event) -> None:
        failures = 0
        while True:
            await self._room.wait()
            if stopping.is_set():
                return
            limit = min(BATCH, self._slots - len(self._in_hand))
            try:
                messages = await self._bus.receive(self.lane.queue, limit=limit, wait_seconds=self._wait_seconds)
                failures = 0
            except Exception as error:
                failures += 1
                log.warning("receive_failed", queue=self.lane.queue, error=repr(error), failures=failures)
                await sleep_until(stopping, back_off(failures, RECEIVE_BACK_OFF_SECONDS))
                continue
            if not messages:
                continue
            if stopping.is_set():
                await self._give_back(messages)
                return
            self._hold(messages)
            tasks.create_task(self._work_off(messages))
            # A batch at least half full means that more is waiting.
            if self._linger_seconds and 2 * len(messages) < limit:
                await sleep_until(stopping, self._linger_seconds)

    async def _work_off(self, messages: Sequence[Incoming]) -> None:
        try:
            quick, slow = await self._sorted(messages)
            async with asyncio.TaskGroup() as tasks:
                if quick:
                    tasks.create_task(self._run_quick(sorted(quick, key=lambda read: read.order)))
                for read in slow:
                    tasks.create_task(self._run_slow(read))
        except Exception as error:
            # No handler's fault: theirs are judged one by one. What was not settled comes back.
            log.exception("batch_failed", queue=self.lane.queue, error=repr(error))
        finally:
            self._release(messages)

    async def _sorted(self, messages: Sequence[Incoming]) -> tuple[list[_Read], list[_Read]]:
        """Messages for quick handlers, and for slow ones; those that cannot be read are settled."""
        now = self._work.clock.now()
        quick: list[_Read] = []
        slow: list[_Read] = []
        for message in messages:
            metrics.CONSUMER_LAG_SECONDS.labels(self.lane.queue).observe(max(0.0, (now - message.sent_at).total_seconds()))
            try:
                read = _Read(message, read_notification(message.body) if self._from_bucket else [parse(message.body)])
            except Exception as error:
                await self._settle([(_Read(message, ()), of_error(error, message, ""))])
                continue
            rows = [self._table.get(event.type) for event in read.events]
            (slow if any(row and row.slow for row in rows) else quick).append(read)
        return quick, slow

    async def _run_quick(self, batch: Sequence[_Read]) -> None:
        """One transaction for the batch, a savepoint for each message: one bad message fails alone."""
        outcomes: list[tuple[_Read, Outcome]] = []
        topics: set[str] = set()
        try:
            async with self._work.engine.begin() as connection:
                if len(batch) == 1:  # nobody to protect from it, so a savepoint would be two idle round trips
                    outcome, topics = await self._apply(connection, batch[0])
                    outcomes.append((batch[0], outcome))
                else:
                    for read in batch:
                        try:
                            async with connection.begin_nested():
                                outcome, told = await self._apply(connection, read)
                            topics |= told
                        except Exception as error:
                            outcome = self._judge(error, read)
                        outcomes.append((read, outcome))
        except Exception as error:
            # The only message, the commit, or the connection failed: nothing of the batch happened.
            outcomes = [(read, self._judge(error, read)) for read in batch]
            topics = set()
        self._work.wake(topics)
        await self._settle(outcomes)

    async def _apply(self, connection: AsyncConnection, read: _Read) -> tuple[Outcome, set[str]]:
        """Handle one message in a transaction of others; what became of it and whom to wake after the commit."""
        outcome = IGNORED
        topics: set[str] = set()
        for event in read.events:
            row = self._table.get(event.type)
            if row is None:
                continue
            unit = self._work.unit_on(connection, cause=event)
            if not await first_time(connection, self._work.tables, self.lane.queue, event, unit.now):
                outcome = DUPLICATE if outcome is IGNORED else outcome
                continue
            with structlog.contextvars.bound_contextvars(**_context(event)):
                await row.run(event, unit, self._deps)
            await unit.flush(self._work.tables)
            topics |= unit.topics
            outcome = DONE
        return outcome, topics

    async def _run_slow(self, read: _Read) -> None:
        outcome = IGNORED
        try:
            for event in read.events:
                row = self._table.get(event.type)
                if row is None:
                    continue
                try:
                    with structlog.contextvars.bound_contextvars(**_context(event)):
                        await row.run(event, self._deps)
                    outcome = DONE
                except Duplicate:
                    outcome = DUPLICATE if outcome is IGNORED else outcome
        except Exception as error:
            outcome = self._judge(error, read)
        await self._settle([(read, outcome)])

    def _judge(self, error: Exception, read: _Read) -> Outcome:
        rows = (self._table.get(event.type) for event in read.events)
        return of_error(error, read.message, next((row_name(row) for row in rows if row), ""))

    async def _settle(self, outcomes: Sequence[tuple[_Read, Outcome]]) -> None:
        for read, outcome in outcomes:
            wire_type = read.events[0].type if read.events else "unreadable"
            metrics.CONSUMER_HANDLED.labels(self.lane.queue, wire_type, outcome.name).inc()
        try:
            await settle(self._bus, self.lane, [(read.message, outcome) for read, outcome in outcomes])
        except Exception as error:
            # The messages come back after their visibility timeout, and the inbox knows them.
            log.warning("settle_failed", queue=self.lane.queue, error=repr(error))
        finally:
            self._release([read.message for read, _ in outcomes])

    def _hold(self, messages: Sequence[Incoming]) -> None:
        self._in_hand.update(message.receipt for message in messages)
        metrics.CONSUMER_IN_FLIGHT.labels(self.lane.queue).set(len(self._in_hand))
        if len(self._in_hand) >= self._slots:
            self._room.clear()

    def _release(self, messages: Sequence[Incoming]) -> None:
        self._in_hand.difference_update(message.receipt for message in messages)
        metrics.CONSUMER_IN_FLIGHT.labels(self.lane.queue).set(len(self._in_hand))
        if len(self._in_hand) < self._slots:
            self._room.set()

    async def _give_back(self, messages: Sequence[Incoming]) -> None:
        try:
            await self._bus.set_visibility(self.lane.queue, [message.receipt for message in messages], 0)
        except Exception as error:
            log.warning("give_back_failed", queue=self.lane.queue, error=repr(error))

    async def _heartbeat(self) -> None:
        """Keep what is in hand hidden from others while it is worked on."""
        while True:
            await asyncio.sleep(self.lane.visibility_seconds / 3)
            receipts = list(self._in_hand)
            for start in range(0, len(receipts), BATCH):
                try:
                    gone = await self._bus.set_visibility(
                        self.lane.queue, receipts[start : start + BATCH], self.lane.visibility_seconds
                    )
                    metrics.RECEIPTS_GONE.labels(self.lane.queue).inc(gone)
                except Exception as error:
                    log.warning("heartbeat_failed", queue=self.lane.queue, error=repr(error))


def _context(event: Envelope[Event]) -> dict[str, str]:
    return {"event_id": event.id, "event_type": event.type, "correlation_id": event.correlationid}
