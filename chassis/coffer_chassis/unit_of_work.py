"""The unit of work: one transaction that holds inbox row, business rows and outbox rows together.

`unit.emit` is the only way an event leaves a service, `unit.send_privately` the only way a private command does, and `Work` the
only place where the inbox is checked.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from coffer_chassis import tracing
from coffer_chassis.clock import Clock
from coffer_chassis.ids import new_id
from coffer_chassis.inbox import first_time
from coffer_chassis.origin import Origin
from coffer_chassis.tables import ChassisTables
from coffer_chassis.turns import Turns
from coffer_chassis.wakeups import OUTBOX, URGENT, Wakeups, checked
from coffer_contracts.catalog import envelope_of, older_twins, schema_address
from coffer_contracts.event import Envelope, Event, Meta, PrivateCommand, sequence_text
from coffer_contracts.ids import EventId

EVENT_BYTES = 64 * 1024
"""What CloudEvents intermediaries must forward, and what SNS and SQS bill as one request."""


TURN_SECONDS = 5
"""How long a request waits for its turn at the store before it is told to come back."""


class Duplicate(Exception):
    """The event was handled before; the unit was left without effect."""


class Unit:
    """An open transaction with what code inside it may use. Made by Work only; not safe to share between tasks."""

    def __init__(self, connection: AsyncConnection, *, source: str, origin: Origin, now: datetime) -> None:
        self.connection = connection
        self.origin = origin
        self.now = now
        self._source = source
        self.topics: set[str] = set()
        """Whom to wake after the commit."""
        self._rows: list[dict[str, Any]] = []
        self._private_rows: list[dict[str, Any]] = []
        self._asked: list[tuple[Together, Any]] = []
        self._asked_last: list[tuple[Together, Any]] = []

    def together(self, step: "Together", what: Any, *, last: bool = False) -> None:
        """Have `step` done once before the commit for all units of the transaction that ask for it, with each of those units
        and its `what`: a batch of facts then costs as many statements as one. Not for use inside a step.

        Steps come in the order in which they were first asked for, but `last` ones after all others: for what every fact
        asks for, whose rows would else be locked before those of one step in this batch and after them in another.
        """
        (self._asked_last if last else self._asked).append((step, what))

    def wake(self, topic: str) -> None:
        """Tell `topic` to this and other processes of the service when, and only when, this unit has committed.

        Raises ValueError for a topic that is no word.
        """
        self.topics.add(checked(topic))

    def emit(self, event: Event, *, sequence: int, urgent: bool = False) -> EventId:
        """Publish a fact when, and only when, this unit commits.

        `sequence` is the revision of the event's subject, assigned while its row is locked: it must grow by every fact
        about that subject. Older majors that somebody may still want are published beside it, at the same sequence.
        What is `urgent` waits behind nothing that is not, older facts about its own subject included. It is for what a
        person took from somebody just now, one thing at a time: a crowd of urgent facts would wait behind each other.
        Raises ValueError for an event over EVENT_BYTES and TypeError for a private command: both are programming errors.
        """
        event = self.origin.noted(event)
        event_id = self._put(event, sequence, urgent=urgent)
        for twin in older_twins(event):
            self._put(twin, sequence, newer_id=event_id, urgent=urgent)
        return event_id

    def restate(self, event: Event, *, sequence: int) -> EventId:
        """Say again how a subject stands, at the sequence it has; marked as a replay. Otherwise as `emit`.

        The fact gets an id of its own, so readers handle it. Those whose copy has that sequence already drop it.
        """
        event_id = self._put(event, sequence, replay=True)
        for twin in older_twins(event):
            self._put(twin, sequence, replay=True, newer_id=event_id)
        return event_id

    def send_privately(self, command: PrivateCommand) -> EventId:
        """Send a private command to its one reader when, and only when, this unit commits; at least once, until it expires.

        It waits in an outbox of its own and is gone from there once it was sent: nothing tells it again, not even after the
        loss of the broker, when whoever asked has to ask again. A command is a subject of its own and has no revisions, so
        its sequence is 1. Raises TypeError for anything but a private command and ValueError for one over EVENT_BYTES.
        """
        if not isinstance(command, PrivateCommand):
            raise TypeError(f"{type(command).__name__} is no private command; emit it")
        event_id = EventId(new_id())
        self._private_rows.append(
            {
                "id": event_id,
                "type": command.type,
                "body": self._body(self._envelope(event_id, command, 1)),
                "created_at": self.now,
                "available_at": self.now,
                "expires_at": command.expires_at,
            }
        )
        self.topics.add(OUTBOX)
        tracing.keep()
        return event_id

    def _put(
        self, event: Event, sequence: int, *, replay: bool = False, newer_id: EventId | None = None, urgent: bool = False
    ) -> EventId:
        if isinstance(event, PrivateCommand):
            raise TypeError(f"{type(event).__name__} is a private command; send it privately")
        event_id = EventId(new_id())
        body = self._body(self._envelope(event_id, event, sequence, newer_id))
        self._rows.append(
            {
                "id": event_id,
                "type": event.type,
                "subject": event.subject,
                "sequence": sequence,
                "owner_id": event.owner,
                "body": body,
                "created_at": self.now,
                "available_at": self.now,
                "replay": replay,
                "urgent": urgent,
            }
        )
        self.topics |= {OUTBOX, URGENT} if urgent else {OUTBOX}
        tracing.keep()  # a span that emitted something is worth exporting
        return event_id

    def _envelope(self, event_id: EventId, event: Event, sequence: int, newer_id: EventId | None = None) -> Envelope[Event]:
        return envelope_of(type(event))(
            id=event_id,
            source=self._source,
            type=event.type,
            subject=event.subject,
            time=self.now,
            dataschema=schema_address(type(event)),
            partitionkey=event.owner or event.subject,
            sequence=sequence_text(sequence),
            ownerid=event.owner,
            actorid=self.origin.actor_id,
            actorkind=self.origin.actor_kind,
            correlationid=self.origin.correlation_id,
            causationid=self.origin.causation_id,
            traceparent=self.origin.traceparent,
            newerid=newer_id,
            data=event,
        )

    def _body(self, envelope: Envelope[Event]) -> str:
        body = envelope.to_json()
        if len(body) > EVENT_BYTES:
            raise ValueError(f"{envelope.type} has {len(body)} bytes; an event may have {EVENT_BYTES}")
        return body

    def _take_asked(self) -> tuple[list[tuple["Together", Any]], list[tuple["Together", Any]]]:
        asked, self._asked = (self._asked, self._asked_last), []
        self._asked_last = []
        return asked

    def _take_rows(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        rows, self._rows = self._rows, []
        private, self._private_rows = self._private_rows, []
        return rows, private

    async def flush(self, tables: ChassisTables) -> int:
        """Write what was emitted into the outboxes; the number of rows. Called by whoever commits, before that."""
        return await write_down(self.connection, tables, [self])


Together = Callable[[AsyncConnection, Sequence[tuple[Unit, Any]]], Awaitable[None]]
"""A step that is done once for many units of one transaction: see `Unit.together`."""


async def write_down(connection: AsyncConnection, tables: ChassisTables, units: Iterable[Unit]) -> int:
    """Do what units on one transaction have asked to be done together, and write what they have emitted into the outboxes;
    how many rows. To be called before the commit.
    """
    units = list(units)
    taken_asked = [(unit, unit._take_asked()) for unit in units]  # noqa: SLF001  # the other half of one thing
    for turn in (0, 1):
        steps: dict[Together, list[tuple[Unit, Any]]] = {}
        for unit, wanted in taken_asked:
            for step, what in wanted[turn]:
                steps.setdefault(step, []).append((unit, what))
        for step, asked in steps.items():
            await step(connection, asked)
    count = 0
    taken = [unit._take_rows() for unit in units]  # noqa: SLF001  # the other half of one thing
    for place, table in enumerate((tables.outbox, tables.private_outbox)):
        if rows := [row for one in taken for row in one[place]]:
            # Rows as parameters: as values they would make a statement that is compiled anew every time.
            await connection.execute(insert(table), rows)
            count += len(rows)
    return count


class Work:
    """Opens units of work on one service's store."""

    def __init__(
        self,
        engine: AsyncEngine,
        tables: ChassisTables,
        *,
        source: str,
        clock: Clock,
        wakeups: Wakeups | None = None,
        turns: int = 1000,
    ) -> None:
        """`source` is the service as CloudEvents source, e.g. `/files`; without `wakeups` a commit wakes nobody.

        `turns` is how many units and reads may be open at once: fewer than the pool has connections, so that loops find
        one under any load. Turns go round among callers; a pool alone hands a free connection to whoever comes by, and some
        waited fifty times as long as others.
        """
        self.engine = engine
        self.tables = tables
        self.clock = clock
        self.wakeups = wakeups
        self._source = source
        self._turns = Turns(turns)
        self._holders: set[asyncio.Task[Any] | None] = set()
        self._reader = engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def unit(self, origin: Origin | None = None, *, cause: Meta | None = None, consumer: str = "") -> AsyncIterator[Unit]:
        """One transaction: committed at the end, rolled back by any exception.

        With `cause` the inbox is checked first: raises Duplicate if `consumer` handled that event before, so a slow
        handler may run again without a second effect. Without a cause an `origin` is required. Raises ValueError for a
        cause without a consumer, whose inbox row would shadow that of others, and TimeoutError when no turn came within
        TURN_SECONDS. Raises RuntimeError for a unit or a read inside another one, which would wait for itself under load.
        """
        if cause is not None and not consumer:
            raise ValueError("a unit with a cause needs the consumer that handles it")
        async with self._turn(), self.engine.begin() as connection:
            unit = self.unit_on(connection, origin, cause=cause)
            if cause is not None and not await first_time(connection, self.tables, consumer, cause, unit.now):
                raise Duplicate(cause.id)
            yield unit
            await unit.flush(self.tables)
        self.wake(unit.topics)

    def wake(self, topics: Iterable[str]) -> None:
        """Tell the topics of units that have committed."""
        if self.wakeups is not None:
            for topic in topics:
                self.wakeups.tell(topic)

    def unit_on(self, connection: AsyncConnection, origin: Origin | None = None, *, cause: Meta | None = None) -> Unit:
        """A unit on a transaction that someone else commits: the consumer's batches. The caller flushes it, and
        after the commit wakes its topics.
        """
        if origin is None:
            if cause is None:
                raise ValueError("a unit needs an origin or a cause")
            origin = Origin.of(cause)
        return Unit(connection, source=self._source, origin=origin, now=self.clock.now())

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for queries that need no transaction: every statement stands alone, no round trip for BEGIN."""
        async with self._turn(), self._reader.connect() as connection:
            yield connection

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        task = asyncio.current_task()
        if task in self._holders:
            raise RuntimeError("a unit or a read inside another one waits for itself when the pool is busy")
        async with self._turns.taken(within_seconds=TURN_SECONDS):
            self._holders.add(task)
            try:
                yield
            finally:
                self._holders.discard(task)
