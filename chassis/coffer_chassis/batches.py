"""Quick handlers on a batch of messages: one transaction for all of them, and each message judged alone when that fails.

At first nothing stands between the messages: a savepoint would be two round trips each, and hardly any batch has a bad
message. When one fails, the transaction never was, and everything is done again with a savepoint for each; and when that
is not enough, because the commit failed or the connection went, with a transaction for each.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.bus import Incoming
from coffer_chassis.handling import HandlerTable
from coffer_chassis.inbox import first_time, first_times
from coffer_chassis.message_spans import processing
from coffer_chassis.outages import is_crossed
from coffer_chassis.outcomes import DONE, DUPLICATE, IGNORED, Outcome
from coffer_chassis.trace_headers import parent_in
from coffer_chassis.unit_of_work import Unit, Work, write_down
from coffer_contracts.event import Envelope, Event

log = structlog.get_logger(__name__)

Judge = Callable[[Exception, "Read"], Outcome]


@dataclass(frozen=True)
class Read:
    """A received message with the facts in it."""

    message: Incoming
    events: Sequence[Envelope[Event]]

    @property
    def order(self) -> tuple[str, str, str, str]:
        """Same order in every batch, so that two batches cannot wait for each other's rows."""
        first = self.events[0] if self.events else None
        return (first.partitionkey, first.subject, first.sequence, first.id) if first else ("", "", "", "")


Outcomes = list[tuple[Read, Outcome]]


class TooSlow(Exception):
    """A message or its handler asked for more than the store does in the time that a statement may take."""


@dataclass(frozen=True)
class Batches:
    """What one queue's messages are applied with."""

    queue: str
    table: HandlerTable
    work: Work
    deps: Any
    judge: Judge

    async def apply(self, batch: Iterable[Read]) -> tuple[Outcomes, set[str]]:
        """Handle messages with one effect each, however often they come; what became of each, and whom to wake now that
        it is committed. Raises nothing but what is no Exception.
        """
        reads = sorted(batch, key=lambda read: read.order)
        try:
            async with self.work.engine.begin() as connection:
                return await self._at_once(connection, reads)
        except Exception as raised:  # noqa: BLE001  # judged, one by one if there are several
            error = await self._told(raised)
            alone = self.judge(error, reads[0])
            # Nothing of the batch happened. While the store is away, nothing of any of them would.
            if len(reads) == 1 or (alone.is_outage and not is_crossed(error) and not await self.store_answers()):
                return [(read, alone if read is reads[0] else self.judge(error, read)) for read in reads], set()
        if not isinstance(error, TooSlow):  # it takes the connection along, and with that every savepoint
            try:
                async with self.work.engine.begin() as connection:
                    return await self._one_by_one(connection, reads)
            except Exception as error:  # noqa: BLE001  # judged
                # The commit or the connection failed: again nothing of the batch happened.
                if not await self.store_answers():
                    return [(read, self.judge(error, read)) for read in reads], set()
        return await self._apart(reads)

    async def _apart(self, reads: Sequence[Read]) -> tuple[Outcomes, set[str]]:
        outcomes: Outcomes = []
        topics: set[str] = set()
        for read in reads:
            became, woken = await self.apply([read])
            outcomes += became
            topics |= woken
        return outcomes, topics

    async def _at_once(self, connection: AsyncConnection, reads: Sequence[Read]) -> tuple[Outcomes, set[str]]:
        now = self.work.clock.now()
        known = [event for read in reads for event in read.events if event.type in self.table]
        fresh = await first_times(connection, self.work.tables, self.queue, known, now) if known else set()
        outcomes: Outcomes = []
        units: list[Unit] = []
        for read in reads:
            outcome = IGNORED
            for event in read.events:
                if event.type not in self.table:
                    continue
                key = (event.source, event.id)
                if key not in fresh:
                    outcome = DUPLICATE if outcome is IGNORED else outcome
                    continue
                fresh.discard(key)  # a second copy in the same batch is a duplicate
                units.append(await self._handle(connection, event, read.message))
                outcome = DONE
            outcomes.append((read, outcome))
        await write_down(connection, self.work.tables, units)
        return outcomes, {topic for unit in units for topic in unit.topics}

    async def _one_by_one(self, connection: AsyncConnection, reads: Sequence[Read]) -> tuple[Outcomes, set[str]]:
        outcomes: Outcomes = []
        topics: set[str] = set()
        for read in reads:
            try:
                async with connection.begin_nested():
                    outcome, units = await self._alone(connection, read)
                    await write_down(connection, self.work.tables, units)
                topics |= {topic for unit in units for topic in unit.topics}
            except Exception as error:  # judged
                if connection.invalidated:
                    raise  # what was done before is gone with the connection, and what follows would fail for another reason
                outcome = self.judge(await self._told(error), read)
            outcomes.append((read, outcome))
        return outcomes, topics

    async def _told(self, error: Exception) -> Exception:
        """What is to be judged: time that ran out is the store's fault only while it answers nobody."""
        if isinstance(error, TimeoutError) and await self.store_answers():
            return TooSlow("a statement took longer than any may, and the store answers others")
        return error

    async def store_answers(self) -> bool:
        """Whether the store does its work at this moment. Takes no turn: requests may hold them all."""
        try:
            async with self.work.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except Exception as error:  # noqa: BLE001  # in whatever way it is away
            log.warning("store_is_away", queue=self.queue, error=repr(error))
            return False
        return True

    async def _alone(self, connection: AsyncConnection, read: Read) -> tuple[Outcome, list[Unit]]:
        outcome = IGNORED
        units: list[Unit] = []
        for event in read.events:
            if event.type not in self.table:
                continue
            if not await first_time(connection, self.work.tables, self.queue, event, self.work.clock.now()):
                outcome = DUPLICATE if outcome is IGNORED else outcome
                continue
            units.append(await self._handle(connection, event, read.message))
            outcome = DONE
        return outcome, units

    async def _handle(self, connection: AsyncConnection, event: Envelope[Event], message: Incoming) -> Unit:
        with processing(self.queue, event, message), structlog.contextvars.bound_contextvars(**context_of(event)):
            unit = self.work.unit_on(connection, cause=event)
            await self.table[event.type].run(event, unit, self.deps)
        return unit


def context_of(event: Envelope[Event]) -> dict[str, str]:
    """What log lines say of the event that is being handled."""
    said = {"event_id": event.id, "event_type": event.type, "correlation_id": event.correlationid}
    if (parent := parent_in(event.traceparent)) is not None:
        said["trace_id"] = parent.trace_id
    return said
