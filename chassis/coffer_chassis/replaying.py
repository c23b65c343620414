"""Runs replays: takes a slice of one that is due, sends it, writes down how far it is. Beside the relay, in any processes.

A replay is leased for one slice, by one process, without a transaction being open while it sends: so it can be cancelled at
any moment, goes no faster with many processes than with one, and goes on after a crash where the last slice began. What that
slice had sent already is then sent twice, and readers drop it by its id.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, case, func, select, tuple_, update

from coffer_chassis import dead_letters
from coffer_chassis.bus import Bus, Outgoing, QueueMissing, Refused, refuse_unsendable
from coffer_chassis.ids import new_id
from coffer_chassis.logs import scrubbed
from coffer_chassis.outbox import batches, outgoing
from coffer_chassis.replays import Replay, replay_of
from coffer_chassis.rounds import Rounds
from coffer_chassis.topology import URGENT
from coffer_chassis.unit_of_work import Work

SLICE = 100
SLICE_SECONDS = 0.5
"""How much of a replay's rate one slice takes, up to SLICE: what may still go out after it was cancelled."""
LEASE_SECONDS = 60
RETRY_SECONDS = 5
POLL_SECONDS = 5.0
"""How often to look without being woken."""
BACK_OFF_SECONDS = (0.2, 10.0)
ERROR_LENGTH = 500

log = structlog.get_logger(__name__)


@dataclass
class _Slice:
    """What became of one slice."""

    sent: int = 0
    skipped: int = 0
    reached: tuple[datetime, str] | None = None
    ended: bool = False
    error: str | None = None


async def replay_round(work: Work, bus: Bus, topic: str) -> int:
    """Send the next slice of one replay that is due, if there is one; how many messages went out or never can.

    Raises what the store fails with; what the broker fails with is written into the replay, which is tried again later.
    """
    taken = await _lease(work)
    if taken is None:
        return 0
    row, began, lease = taken
    replay, done = replay_of(row), _Slice()
    reached = (row.reached_at, row.reached) if row.reached is not None else None
    count = max(1, min(SLICE, round(replay.rate_per_second * SLICE_SECONDS)))
    try:
        if replay.kind == "events":
            await _send_events(work, bus, topic, replay, reached, count, done)
        else:
            await _send_letters(work, bus, replay, reached, count, done)
    except Exception as error:  # noqa: BLE001  # whatever the broker fails with: the replay says so, and waits
        log.warning("replay_failed", replay=replay.id, error=repr(error))
        done.error, done.ended = scrubbed(repr(error))[:ERROR_LENGTH], False
    moved = done.sent + done.skipped
    pause = RETRY_SECONDS if done.error and not moved else moved / replay.rate_per_second
    await _give_back(work, replay, lease, done, began + timedelta(seconds=pause))
    return moved


async def _lease(work: Work) -> tuple[Row[Any], datetime, str] | None:
    """A replay that is due, from when its next pause counts, and what shows that it is ours."""
    table, now, lease = work.tables.replays, work.clock.now(), new_id()
    due = (
        select(table)
        .where(table.c.state == "running", table.c.due_at <= now)
        .order_by(table.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    async with work.engine.begin() as connection:
        row = (await connection.execute(due)).one_or_none()
        if row is None:
            return None
        held = update(table).where(table.c.id == row.id)
        await connection.execute(held.values(lease=lease, due_at=now + timedelta(seconds=LEASE_SECONDS)))
    # From when it was due, so that the time a slice takes does not slow it down; but nothing is made up for later.
    return row, max(row.due_at, now - timedelta(seconds=SLICE_SECONDS)), lease


async def _give_back(work: Work, replay: Replay, lease: str, done: _Slice, due_at: datetime) -> None:
    table, now = work.tables.replays, work.clock.now()
    is_running = table.c.state == "running"
    values: dict[str, Any] = {
        "sent": table.c.sent + done.sent,
        "skipped": table.c.skipped + done.skipped,
        "due_at": due_at,
        "lease": None,
    }
    if done.error is not None:
        values["last_error"] = done.error
    elif done.sent:
        # What was in the way is over, unless it kept something for good.
        values["last_error"] = case((table.c.skipped > 0, table.c.last_error), else_=None)
    if done.reached is not None:
        values |= {"reached_at": done.reached[0], "reached": done.reached[1]}
    if done.ended:
        values |= {
            "state": case((is_running, "done"), else_=table.c.state),
            "ended_at": case((is_running, now), else_=table.c.ended_at),
        }
    async with work.engine.begin() as connection:
        # Somebody else has it if the lease ran out: then what was sent here is sent again, and counted there.
        await connection.execute(update(table).where(table.c.id == replay.id, table.c.lease == lease).values(values))
    if done.ended:
        log.info("replay_ended", replay=replay.id, kind=replay.kind)


async def _send_events(
    work: Work, bus: Bus, topic: str, replay: Replay, reached: tuple[datetime, str] | None, count: int, done: _Slice
) -> None:
    wanted, outbox = replay.events, work.tables.outbox
    query = select(outbox).where(*wanted.conditions(work.tables))
    if reached is not None:
        place = tuple_(reached[0], int(reached[1]), types=[outbox.c.sent_at.type, outbox.c.position.type])
        query = query.where(tuple_(outbox.c.sent_at, outbox.c.position) > place)
    async with work.read() as connection:
        rows = (await connection.execute(query.order_by(outbox.c.sent_at, outbox.c.position).limit(count))).all()
    sendable: list[Outgoing] = []
    skipped = 0
    for row in rows:
        message = _marked(outgoing(row), wanted.consumer)
        try:
            refuse_unsendable(message)
            sendable.append(message)
        except Refused as error:
            log.warning("event_refused", replay=replay.id, id=message.id, error=str(error))
            skipped += 1
    for batch in batches(sendable):
        if failed := await bus.publish(topic, batch):
            raise ConnectionError(f"the broker did not take {len(failed)} of {len(batch)} events")
    # All or nothing: the place is one, and what was sent of a slice that failed is sent again.
    done.sent, done.skipped, done.ended = len(sendable), skipped, len(rows) < count
    if rows:
        done.reached = (rows[-1].sent_at, str(rows[-1].position))


def _marked(message: Outgoing, consumer: str | None) -> Outgoing:
    """As a replay; one for a single consumer says so in place of the tenant, because attributes are few."""
    attributes = {**message.attributes, "replay": "true"}
    attributes.pop(URGENT, None)
    if consumer is not None:
        attributes.pop("tenant", None)
        attributes["replayfor"] = consumer
    return replace(message, attributes=attributes)


async def _send_letters(
    work: Work, bus: Bus, replay: Replay, reached: tuple[datetime, str] | None, count: int, done: _Slice
) -> None:
    letters = work.tables.dead_letters
    query = select(letters.c.dead_at, letters.c.id).where(
        dead_letters.is_waiting(work.tables), *replay.letters.conditions(work.tables)
    )
    if reached is not None:
        place = tuple_(*reached, types=[letters.c.dead_at.type, letters.c.id.type])
        query = query.where(tuple_(letters.c.dead_at, letters.c.id) > place)
    async with work.read() as connection:
        rows = (await connection.execute(query.order_by(letters.c.dead_at, letters.c.id).limit(count))).all()
    for row in rows:
        try:
            done.sent += await dead_letters.redrive(work, bus, row.id, by=replay.created_by)
        except (Refused, QueueMissing) as error:
            # It waits on as a letter; others need not wait for it.
            log.warning("letter_refused", replay=replay.id, letter=row.id, error=str(error))
            done.skipped += 1
            done.error = str(error)[:ERROR_LENGTH]
        done.reached = (row.dead_at, row.id)
    done.ended = len(rows) < count


async def next_due(work: Work) -> datetime | None:
    """When a replay is due next; None while none runs."""
    table = work.tables.replays
    query = select(func.min(table.c.due_at)).where(table.c.state == "running")
    async with work.read() as connection:
        moment: datetime | None = (await connection.execute(query)).scalar_one()
    return moment


def replayer(work: Work, bus: Bus, *, topic: str) -> Rounds:
    """A loop that runs the replays of one service as they become due."""

    async def look(_stopping: asyncio.Event) -> float:
        due = await next_due(work)
        if due is not None and due <= work.clock.now() and await replay_round(work, bus, topic):
            return 0
        due = await next_due(work) if due is not None else None
        return POLL_SECONDS if due is None else min(POLL_SECONDS, max(0.01, (due - work.clock.now()).total_seconds()))

    return Rounds(look, failed="replays_failed", back_off_seconds=BACK_OFF_SECONDS)
