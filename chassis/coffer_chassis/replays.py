"""Replays: what is sent again because somebody asked for it, in the background and at a rate they chose.

A row each, so that it survives whoever runs it and can be looked at and cancelled from anywhere. Two kinds: `events`, which
were published before and go to the topic again, marked as a replay; and `dead_letters`, which go to their own queues. Asking,
looking and cancelling stand here; sending is the business of `replaying`.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis import dead_letters
from coffer_chassis.forgetting import forget_some
from coffer_chassis.ids import new_id
from coffer_chassis.tables import ChassisTables
from coffer_chassis.unit_of_work import Unit

REPLAYS = "replays"
"""The topic of wake-ups for those who run them."""

KEEP_DAYS = 90
"""How long a replay that has ended stays on record."""

SLOWEST_PER_SECOND = 0.1
FASTEST_PER_SECOND = 1000.0
RATE_PER_SECOND = 100.0

Kind = Literal["events", "dead_letters"]
State = Literal["running", "done", "cancelled"]

CONSUMER = re.compile("[A-Za-z0-9_-]{1,80}")
"""A queue of any service: nobody but its own knows whether there is one of that name."""


@dataclass(frozen=True, slots=True)
class Events:
    """Which published events, and for whom: None and empty mean any. `since` and `until` are about when they were sent."""

    since: datetime | None = None
    until: datetime | None = None
    types: tuple[str, ...] = ()
    subject: str | None = None
    consumer: str | None = None
    """A queue: all others drop what is sent, unread."""

    def conditions(self, tables: ChassisTables) -> list[ColumnElement[bool]]:
        """The same in SQL. What was not sent yet is never part of it: it comes anyway."""
        rows = tables.outbox.c
        found: list[ColumnElement[bool]] = [rows.sent_at.is_not(None)]
        if self.since is not None:
            found.append(rows.sent_at >= self.since)
        if self.until is not None:
            found.append(rows.sent_at < self.until)
        if self.types:
            found.append(rows.type.in_(self.types))
        if self.subject is not None:
            found.append(rows.subject == self.subject)
        return found


@dataclass(frozen=True, slots=True)
class Replay:
    """One as it stands. `sent` counts what went out, `skipped` what never can; a crash may have sent some twice."""

    id: str
    kind: Kind
    wanted: Mapping[str, Any]
    """The fields of Events or of `dead_letters.Wanted` that were given, times as text."""
    rate_per_second: float
    state: State
    total: int
    sent: int
    skipped: int
    last_error: str | None
    created_at: datetime
    created_by: str | None
    ended_at: datetime | None

    @property
    def missing(self) -> int:
        """How many of a finished one were not there any more: forgotten by the outbox, or settled by somebody else."""
        return max(0, self.total - self.sent - self.skipped) if self.state == "done" else 0

    @property
    def events(self) -> Events:
        """What is wanted, of one for events."""
        known: dict[str, Any] = {**self.wanted, "types": tuple(self.wanted.get("types", ()))}
        for name in known.keys() & {"since", "until"}:
            known[name] = datetime.fromisoformat(known[name])
        return Events(**known)

    @property
    def letters(self) -> dead_letters.Wanted:
        """What is wanted, of one for dead letters: never one that died after it was asked for."""
        known: dict[str, Any] = {**self.wanted, "until": self.created_at}
        if "ids" in known:
            known["ids"] = tuple(known["ids"])
        return dead_letters.Wanted(**known)


async def count_events(connection: AsyncConnection, tables: ChassisTables, wanted: Events) -> int:
    """How many events would be sent again."""
    query = select(func.count()).select_from(tables.outbox).where(*wanted.conditions(tables))
    count: int = (await connection.execute(query)).scalar_one()
    return count


async def start(
    unit: Unit,
    tables: ChassisTables,
    wanted: Events | dead_letters.Wanted,
    *,
    rate_per_second: float = RATE_PER_SECOND,
    by: str | None = None,
) -> Replay:
    """Ask for a replay; it begins when the unit has committed and a relay of the service looks. One about nothing is done
    at once. Raises ValueError for a rate or a consumer that there cannot be.
    """
    if not SLOWEST_PER_SECOND <= rate_per_second <= FASTEST_PER_SECOND:
        raise ValueError(f"the rate is {SLOWEST_PER_SECOND:g} to {FASTEST_PER_SECOND:g} a second, not {rate_per_second:g}")
    kind: Kind
    if isinstance(wanted, Events):
        if wanted.consumer is not None and not CONSUMER.fullmatch(wanted.consumer):
            raise ValueError(f"no queue can be called {wanted.consumer!r}")
        # What is sent while it runs is no part of it: it would never end.
        wanted = Events(wanted.since, min(wanted.until or unit.now, unit.now), wanted.types, wanted.subject, wanted.consumer)
        kind, total = "events", await count_events(unit.connection, tables, wanted)
    else:
        kind, total = "dead_letters", await dead_letters.count_waiting(unit.connection, tables, wanted)
    row = {
        "id": new_id(),
        "kind": kind,
        "wanted": _written(wanted),
        "rate_per_second": rate_per_second,
        "state": "running" if total else "done",
        "total": total,
        "due_at": unit.now,
        "created_at": unit.now,
        "created_by": by,
        "ended_at": None if total else unit.now,
    }
    made = (await unit.connection.execute(tables.replays.insert().values(row).returning(tables.replays))).one()
    unit.wake(REPLAYS)
    return replay_of(made)


async def find(connection: AsyncConnection, tables: ChassisTables, replay_id: str) -> Replay | None:
    """One by its id; None if there is none."""
    if not dead_letters.is_id(replay_id):
        return None
    row = (await connection.execute(select(tables.replays).where(tables.replays.c.id == replay_id))).one_or_none()
    return replay_of(row) if row else None


async def page(
    connection: AsyncConnection, tables: ChassisTables, after: tuple[datetime, str] | None, limit: int
) -> list[Replay]:
    """All of them, newest first, beginning after a time of asking and an id."""
    table = tables.replays
    query = select(table).order_by(table.c.created_at.desc(), table.c.id.desc()).limit(limit)
    if after is not None:
        place = tuple_(*after, types=[table.c.created_at.type, table.c.id.type])
        query = query.where(tuple_(table.c.created_at, table.c.id) < place)
    return [replay_of(row) for row in await connection.execute(query)]


async def cancel(connection: AsyncConnection, tables: ChassisTables, replay_id: str, now: datetime) -> bool:
    """Let it send nothing more but what is on its way at this moment; False unless it was running."""
    if not dead_letters.is_id(replay_id):
        return False
    table = tables.replays
    statement = update(table).where(table.c.id == replay_id, table.c.state == "running")
    return bool((await connection.execute(statement.values(state="cancelled", ended_at=now))).rowcount)


async def count_running(connection: AsyncConnection, tables: ChassisTables) -> int:
    """How many run at this moment."""
    query = select(func.count()).select_from(tables.replays).where(tables.replays.c.state == "running")
    count: int = (await connection.execute(query)).scalar_one()
    return count


async def forget_ended_before(connection: AsyncConnection, tables: ChassisTables, moment: datetime) -> int:
    """Delete a slice of those that ended before `moment`; how many. Safe to run twice."""
    return await forget_some(connection, tables.replays, tables.replays.c.ended_at < moment)


def replay_of(row: Row[Any]) -> Replay:
    """A row as a value."""
    return Replay(**{field.name: getattr(row, field.name) for field in fields(Replay)})


def _written(wanted: Events | dead_letters.Wanted) -> dict[str, Any]:
    known = {name: value for name, value in asdict(wanted).items() if value is not None and value != ()}
    if isinstance(wanted, dead_letters.Wanted) and wanted.ids is not None:
        known["ids"] = list(wanted.ids)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in known.items()}
