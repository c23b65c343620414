"""The one consumer loop: takes messages from a queue, runs handlers, and settles what becomes of each message.

At least once in, exactly once in effect: the inbox row commits with the handler's rows, and a message is deleted only
after that. A stop or crash at any instruction loses nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog

from coffer_chassis import metrics
from coffer_chassis.batches import Batches, Outcomes, Read, context_of
from coffer_chassis.bus import BATCH, Bus, Incoming
from coffer_chassis.fuse import Fuse
from coffer_chassis.handling import HandlerTable, row_name
from coffer_chassis.hands import Hands
from coffer_chassis.line import Line
from coffer_chassis.message_spans import processing
from coffer_chassis.outcomes import DONE, DUPLICATE, IGNORED, Outcome, of_error, settle
from coffer_chassis.pace import Pace
from coffer_chassis.pauses import back_off, sleep_until
from coffer_chassis.shrinking_pool import URGENT
from coffer_chassis.storage import ObjectStored, read_notification
from coffer_chassis.topology import Lane
from coffer_chassis.unit_of_work import Duplicate, Work
from coffer_contracts.catalog import parse
from coffer_contracts.event import PrivateCommand

RECEIVE_BACK_OFF_SECONDS = (0.2, 10.0)
REPLAY_FOR = "replayfor"
"""The attribute of a replayed message that only the queue it names is to handle."""

TOGETHER = 20
"""Messages that share a transaction at most: more would hold their rows for long."""
WORKERS = 2
CROWD_SECONDS = 0.05
"""How long a batch may run before what came after it is begun beside it."""

log = structlog.get_logger(__name__)


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
        self.fuse = Fuse()
        self._table = table
        self._from_bucket = ObjectStored.type in table
        self._bus = bus
        self._work = work
        self._deps = deps
        self._wait_seconds = wait_seconds
        self._linger_seconds = linger_seconds
        self._hands = Hands(bus, lane, slots)
        self._batches = Batches(lane.queue, table, work, deps, self._judge)
        self._line = Line()
        self._workers: dict[asyncio.Task[None], bool] = {}
        """Who works off the line -> whether their batch takes longer than CROWD_SECONDS."""
        self._pace = Pace()
        self._store_is_away = False

    async def run(self, stopping: asyncio.Event) -> None:
        """Receive and handle until `stopping` is set; then finish what is in hand and return."""
        metrics.CONSUMER_STOPPED.labels(self.lane.queue).set(0)
        URGENT.set(self.lane.urgent)
        # The group's children must not raise: that would cancel an open poll, and with it lose what the poll was to bring.
        async with self._hands.kept(), asyncio.TaskGroup() as tasks:
            await self._receive(tasks, stopping)

    async def _receive(self, tasks: asyncio.TaskGroup, stopping: asyncio.Event) -> None:
        failures = 0
        while await self._may_take(stopping):
            limit = 1 if self.fuse.is_blown else min(BATCH, self._hands.free)
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
                await self._hands.give_back(messages)
                return
            self._hands.take(messages)
            self._pace.note(len(messages))
            tasks.create_task(self._begin(messages, tasks))
            # A batch at least half full means that more is waiting.
            if 2 * len(messages) < limit:
                await sleep_until(stopping, self._linger_seconds or self._pace.pause_seconds)

    async def _may_take(self, stopping: asyncio.Event) -> bool:
        """Wait until there is room and no reason to take nothing; False when told to stop."""
        failures = 0
        while True:
            await self._hands.room(empty=self.fuse.is_blown)
            if stopping.is_set():
                return False
            if self.fuse.wait_seconds:
                await sleep_until(stopping, self.fuse.wait_seconds)
            elif self._store_is_away:
                # By asking the store and not by trying messages: each try would count against one.
                self._store_is_away = not await self._batches.store_answers()
                failures += 1
                await sleep_until(stopping, back_off(failures, RECEIVE_BACK_OFF_SECONDS) if self._store_is_away else 0)
            else:
                return True

    async def _begin(self, messages: Sequence[Incoming], tasks: asyncio.TaskGroup) -> None:
        try:
            for read in await self._readable(messages):
                rows = [self._table.get(event.type) for event in read.events]
                if any(row and row.slow for row in rows):
                    tasks.create_task(self._run_slow(read))
                else:
                    self._line.add(read)
            self._staff(tasks)
        except Exception as error:
            # No handler's fault: theirs are judged one by one. What was not settled comes back.
            log.exception("batch_failed", queue=self.lane.queue, error=repr(error))
            self._hands.let_go(messages)

    async def _readable(self, messages: Sequence[Incoming]) -> list[Read]:
        """Those that hold facts for this queue; the others are settled."""
        now = self._work.clock.now()
        found: list[Read] = []
        others: Outcomes = []
        for message in messages:
            metrics.CONSUMER_LAG_SECONDS.labels(self.lane.queue).observe(max(0.0, (now - message.sent_at).total_seconds()))
            if message.attributes.get(REPLAY_FOR, self.lane.queue) != self.lane.queue:
                others.append((Read(message, ()), IGNORED))
                continue
            try:
                events = read_notification(message.body) if self._from_bucket else [parse(message.body)]
            except Exception as error:  # judged
                others.append((Read(message, ()), of_error(error, message, "")))
            else:
                if any(isinstance(event.data, PrivateCommand) and event.data.expires_at <= now for event in events):
                    # Too late for whoever asked; nobody is to act on it any more.
                    log.info("private_command_expired", queue=self.lane.queue, id=events[0].id, type=events[0].type)
                    others.append((Read(message, events), IGNORED))
                else:
                    found.append(Read(message, events))
        if others:
            await self._settle(others)
        return found

    def _staff(self, tasks: asyncio.TaskGroup) -> None:
        """Have somebody work off what waits: one batch after the other, so that they fill, but never behind one that takes
        long.
        """
        if self._line and len(self._workers) < WORKERS and all(self._workers.values()):
            self._workers[tasks.create_task(self._run_quick(tasks))] = False

    def _relieve(self, worker: asyncio.Task[None], tasks: asyncio.TaskGroup) -> None:
        self._workers[worker] = True
        self._staff(tasks)

    async def _run_quick(self, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        me: Any = asyncio.current_task()
        try:
            while batch := self._line.take(TOGETHER):
                self._workers[me] = False
                crowd = loop.call_later(CROWD_SECONDS, self._relieve, me, tasks)
                try:
                    outcomes, topics = await self._batches.apply(batch)
                    self._work.wake(topics)
                    await self._settle(outcomes)
                except Exception as error:
                    log.exception("batch_failed", queue=self.lane.queue, error=repr(error))
                finally:
                    crowd.cancel()
                    self._line.done(batch)
                    self._hands.let_go([read.message for read in batch])
        finally:
            del self._workers[me]
            self._staff(tasks)  # a handler that was cancelled takes its worker along

    async def _run_slow(self, read: Read) -> None:
        outcome = IGNORED
        try:
            for event in read.events:
                row = self._table.get(event.type)
                if row is None:
                    continue
                try:
                    said = structlog.contextvars.bound_contextvars(**context_of(event))
                    with processing(self.lane.queue, event, read.message), said:
                        await row.run(event, self._deps)
                    outcome = DONE
                except Duplicate:
                    outcome = DUPLICATE if outcome is IGNORED else outcome
        except Exception as error:  # judged
            outcome = self._judge(error, read)
        except BaseException:
            self._hands.let_go([read.message])
            raise
        await self._settle([(read, outcome)])

    def _judge(self, error: Exception, read: Read) -> Outcome:
        rows = (self._table.get(event.type) for event in read.events)
        handler = next((row_name(row) for row in rows if row), "")
        with structlog.contextvars.bound_contextvars(**(context_of(read.events[0]) if read.events else {})):
            return of_error(error, read.message, handler)

    async def _settle(self, outcomes: Outcomes) -> None:
        for read, outcome in outcomes:
            wire_type = read.events[0].type if read.events else "unreadable"
            metrics.CONSUMER_HANDLED.labels(self.lane.queue, wire_type, outcome.name).inc()
            self._store_is_away = self._store_is_away or outcome.is_outage
            if outcome.is_evidence and self.fuse.note(fault=outcome.is_fault):
                self._tell_of_fuse(outcome)
        try:
            self._hands.delete(await settle(self._bus, self.lane, [(read.message, outcome) for read, outcome in outcomes]))
        except Exception as error:
            # The messages come back after their visibility timeout, and the inbox knows them.
            log.warning("settle_failed", queue=self.lane.queue, error=repr(error))
        finally:
            self._hands.let_go([read.message for read, _ in outcomes])

    def _tell_of_fuse(self, outcome: Outcome) -> None:
        metrics.CONSUMER_STOPPED.labels(self.lane.queue).set(self.fuse.is_blown)
        if self.fuse.is_blown:
            why = {"error_class": outcome.error_class, "handler": outcome.handler}
            log.error("consumer_stopped", queue=self.lane.queue, for_seconds=round(self.fuse.wait_seconds), **why)
        else:
            log.info("consumer_resumed", queue=self.lane.queue)
