"""The relay: carries committed outbox rows to the service's topic. Several may run at once, in any processes.

Rows are claimed by `FOR UPDATE SKIP LOCKED`, never by a high-water mark, because a late commit appears below it. They
are published first and marked after: a crash in between publishes them again, under the same id. What is urgent has a relay
of its own, so that it waits for nothing else, and nothing else waits for it.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis import metrics, shrinking_pool
from coffer_chassis.bus import BATCH, BATCH_BYTES, Bus, Outgoing, Refused, refuse_unsendable
from coffer_chassis.forgetting import forget_some
from coffer_chassis.message_spans import sending
from coffer_chassis.pace import Pace
from coffer_chassis.pauses import back_off, sleep_until
from coffer_chassis.tables import ChassisTables
from coffer_chassis.topology import URGENT
from coffer_chassis.trace_headers import traceparent_in_json
from coffer_chassis.unit_of_work import Work

KEEP_DAYS = 7
"""How long sent rows stay, for republishing."""

ROUND = 100
IN_FLIGHT = 4
POLL_SECONDS = 1.0
LAST_SECONDS = 3.0
"""How long a relay that was told to stop goes on with what waits; other relays, or the next start, send the rest."""
BACK_OFF_SECONDS = (0.1, 10.0)
REFUSED_FOR = timedelta(hours=1)

log = structlog.get_logger(__name__)


def batches(messages: Iterable[Outgoing]) -> Iterator[list[Outgoing]]:
    """Cut messages into batches that one PublishBatch takes: at most ten, at most BATCH_BYTES."""
    batch: list[Outgoing] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == BATCH or size + message.size_bytes > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += message.size_bytes
    if batch:
        yield batch


def outgoing(row: Row[Any]) -> Outgoing:
    """An outbox row as a message: few attributes, because raw delivery drops messages that have many."""
    attributes = {"type": row.type, "id": row.id}
    if row.owner_id:
        attributes["tenant"] = row.owner_id
    if (traceparent := traceparent_in_json(row.body)) is not None:
        attributes["traceparent"] = traceparent
    if row.replay:
        attributes["replay"] = "true"
    elif row.urgent:
        attributes[URGENT] = "true"
    return Outgoing(row.id, row.body, attributes)


@dataclass
class _Round:
    """What became of the rows of one round."""

    sent: list[str] = field(default_factory=list)
    later: dict[str, timedelta] = field(default_factory=dict)
    """Event id -> how long to wait, for rows that the broker did not take or never will."""
    error: BaseException | None = None
    """What a whole batch failed with; its rows are due again at once."""


class Relay:
    """Publishes one service's outbox: what is urgent, or all the rest. `run` until told to stop; `poke` after a commit."""

    def __init__(self, work: Work, bus: Bus, *, topic: str, service: str, urgent: bool = False) -> None:
        self._urgent = urgent
        self._work = work
        self._bus = bus
        self._topic = topic
        self._service = service
        self._poked = asyncio.Event()
        self.gate = asyncio.Semaphore(IN_FLIGHT)
        """What each batch goes through. Several relays may have one in common."""

    def poke(self) -> None:
        """There is something to send. Cheap, never blocks, may be called from the event loop only."""
        self._poked.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Publish until `stopping` is set, then for LAST_SECONDS at most. Backs off while store or broker fail."""
        shrinking_pool.URGENT.set(self._urgent)
        failures = 0
        pace = Pace()
        stop = asyncio.create_task(stopping.wait())
        stop.add_done_callback(lambda _: self.poke())
        try:
            while not stopping.is_set():
                try:
                    pace.note(await self.drain(stopping.is_set))
                    failures = 0
                except Exception as error:
                    failures += 1
                    metrics.RELAY_FAILURES.labels(self._service).inc()
                    log.warning("relay_failed", service=self._service, error=repr(error), failures=failures)
                    # Not ended by a poke: commits go on while the broker is away.
                    await sleep_until(stopping, back_off(failures, BACK_OFF_SECONDS))
                else:
                    await self._nap()
                    await sleep_until(stopping, pace.pause_seconds)
        finally:
            stop.cancel()
        end = monotonic() + LAST_SECONDS
        try:
            await self.drain(lambda: monotonic() > end)
        except Exception as error:
            log.warning("relay_left_rows", service=self._service, error=repr(error))

    async def _nap(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._poked.wait(), POLL_SECONDS)
        self._poked.clear()

    async def drain(self, is_enough: Callable[[], bool] = lambda: False) -> int:
        """Publish until nothing is due or, asked after every round, it is enough; how many rows were sent. Raises what the
        store or broker failed with.
        """
        total = 0
        while True:
            taken, sent = await self._round()
            total += sent
            if taken < ROUND or is_enough():
                return total

    async def _round(self) -> tuple[int, int]:
        outbox, clock = self._work.tables.outbox, self._work.clock
        is_mine = outbox.c.urgent if self._urgent else ~outbox.c.urgent
        async with self._work.engine.begin() as connection:
            due = (
                select(outbox)
                .where(outbox.c.sent_at.is_(None), is_mine, outbox.c.available_at <= clock.now())
                .order_by(outbox.c.position)
                .limit(ROUND)
                .with_for_update(skip_locked=True)
            )
            rows = (await connection.execute(due)).all()
            if not rows:
                return 0, 0
            done = await self._publish(rows)
            # After publishing, never before it: the broker epoch trusts that nothing was sent after `sent_at`.
            now = clock.now()
            if done.sent:
                sent = update(outbox).where(outbox.c.id.in_(done.sent))
                await connection.execute(sent.values(sent_at=now, attempts=outbox.c.attempts + 1))
            for event_id, wait in done.later.items():
                again = update(outbox).where(outbox.c.id == event_id)
                await connection.execute(again.values(available_at=now + wait, attempts=outbox.c.attempts + 1))
        sent_ids = set(done.sent)
        self._count([row for row in rows if row.id in sent_ids], now)
        if done.error is not None:
            raise done.error
        return len(rows), len(done.sent)

    def _count(self, sent: Sequence[Row[Any]], now: datetime) -> None:
        for row in sent:
            metrics.RELAY_PUBLISHED.labels(row.type).inc()
            if not self._is_replay(row):
                metrics.RELAY_LAG_SECONDS.labels(self._service).observe(max(0.0, (now - row.created_at).total_seconds()))

    def _message(self, row: Row[Any]) -> Outgoing:
        return outgoing(row)

    def _is_replay(self, row: Row[Any]) -> bool:
        return bool(row.replay)

    async def _publish(self, rows: Sequence[Row[Any]]) -> _Round:
        attempts = {row.id: row.attempts for row in rows}
        done = _Round()

        async def send(batch: Sequence[Outgoing]) -> None:
            async with self.gate:
                with sending(self._topic, batch) as sent:
                    failed = await self._bus.publish(self._topic, batch)
                    if failed:
                        sent.error = "partial_failure"
            done.sent += [message.id for message in batch if message.id not in failed]
            done.later |= {event_id: timedelta(seconds=min(300, 2 ** min(attempts[event_id], 9))) for event_id in failed}

        sendable: list[Outgoing] = []
        for message in map(self._message, rows):
            try:
                refuse_unsendable(message)
                sendable.append(message)
            except Refused as error:
                # It stays in the outbox, where it can be seen, and holds up nobody else.
                log.warning("event_refused", service=self._service, id=message.id, error=str(error))
                done.later[message.id] = REFUSED_FOR
        results = await asyncio.gather(*map(send, batches(sendable)), return_exceptions=True)
        done.error = next((result for result in results if isinstance(result, BaseException)), None)
        return done


async def republish(
    connection: AsyncConnection,
    tables: ChassisTables,
    *,
    since: datetime | None,
    until: datetime | None = None,
    types: Sequence[str] = (),
    subject: str | None = None,
) -> int:
    """Mark sent rows unsent, as a replay; how many. Readers have seen most of them and drop those by id.

    `since` None means all that is kept. May run any number of times.
    """
    outbox = tables.outbox
    statement = update(outbox).where(outbox.c.sent_at.is_not(None)).values(sent_at=None, replay=True, attempts=0)
    if since is not None:
        statement = statement.where(outbox.c.sent_at >= since)
    if until is not None:
        statement = statement.where(outbox.c.sent_at < until)
    if types:
        statement = statement.where(outbox.c.type.in_(types))
    if subject is not None:
        statement = statement.where(outbox.c.subject == subject)
    return (await connection.execute(statement)).rowcount


async def forget_sent_before(connection: AsyncConnection, tables: ChassisTables, moment: datetime) -> int:
    """Delete a slice of the rows that were sent before `moment`; how many. Safe to run twice."""
    return await forget_some(connection, tables.outbox, tables.outbox.c.sent_at < moment)


async def backlog(connection: AsyncConnection, tables: ChassisTables) -> tuple[int, datetime | None]:
    """How many rows wait to be sent, and since when the oldest does."""
    outbox = tables.outbox
    query = select(func.count(), func.min(outbox.c.created_at)).where(outbox.c.sent_at.is_(None))
    waiting, oldest = (await connection.execute(query)).one()
    return waiting, oldest


async def progress(connection: AsyncConnection, tables: ChassisTables, *, more_than: int) -> tuple[bool, datetime | None]:
    """Whether more rows than that wait to be sent, without counting them all, and when one was sent last."""
    outbox = tables.outbox
    one_more = select(outbox.c.id).where(outbox.c.sent_at.is_(None)).offset(more_than).limit(1)
    is_long, newest = (
        await connection.execute(select(one_more.exists(), select(func.max(outbox.c.sent_at)).scalar_subquery()))
    ).one()
    return is_long, newest
