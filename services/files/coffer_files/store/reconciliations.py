"""Runs of the comparison between bucket and store: one at a time, held by a lease, with how far each has come."""

from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.ids import new_id
from coffer_files.domain.reconciling import Counts, Place, Run
from coffer_files.store.tables import reconciliations as table

LEASE = timedelta(minutes=5)
"""How long nothing may be heard of a run before another process takes it up."""

_open = table.c.finished_at.is_(None) & table.c.failed_at.is_(None)


def _read(row: Row[Any]) -> Run:
    values = {name: getattr(row, name) for name in (field.name for field in fields(Run))}
    values["prefixes"] = tuple(row.prefixes)
    values["place"] = Place(row.place["prefix"], unquote(row.place["after"]))
    values["counts"] = Counts(**{field.name: row.counts.get(field.name, 0) for field in fields(Counts)})
    return Run(**values)


def _progress(run: Run) -> dict[str, Any]:
    # Quoted: a key in the bucket may hold what JSON in PostgreSQL cannot.
    place = {"prefix": run.place.prefix, "after": quote(run.place.after)}
    return {"place": place, "counts": asdict(run.counts), "samples": run.samples}


async def insert_run(connection: AsyncConnection, run: Run) -> bool:
    """Write a new run; False if another one is open. Waits for somebody who is just doing the same."""
    values = {field.name: getattr(run, field.name) for field in fields(Run)}
    row = insert(table).values({**values, "prefixes": list(run.prefixes), **_progress(run)})
    return bool((await connection.execute(row.on_conflict_do_nothing())).rowcount)


async def open_run(connection: AsyncConnection) -> Run | None:
    """The run that waits or is under way, locked until the transaction ends."""
    row = (await connection.execute(select(table).where(_open).with_for_update())).one_or_none()
    return _read(row) if row else None


async def run_by_id(connection: AsyncConnection, run_id: str) -> Run | None:
    """One run."""
    row = (await connection.execute(select(table).where(table.c.id == run_id))).one_or_none()
    return _read(row) if row else None


async def newest_runs(connection: AsyncConnection, *, limit: int, before: str | None = None) -> list[Run]:
    """A page of runs, newest first."""
    query = select(table).order_by(table.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(table.c.id < before)
    return [_read(row) for row in await connection.execute(query)]


async def last_requested_at(connection: AsyncConnection, prefixes: tuple[str, ...]) -> datetime | None:
    """When somebody, or the clock, last asked for a run over exactly these prefixes."""
    whole = table.c.prefixes == list(prefixes)
    query = select(table.c.requested_at).where(whole).order_by(table.c.requested_at.desc()).limit(1)
    return (await connection.execute(query)).scalar_one_or_none()


async def last_finished(connection: AsyncConnection, prefixes: tuple[str, ...]) -> Run | None:
    """The last run over exactly these prefixes that came to its end."""
    whole = table.c.finished_at.is_not(None) & (table.c.prefixes == list(prefixes))
    row = (await connection.execute(select(table).where(whole).order_by(table.c.id.desc()).limit(1))).one_or_none()
    return _read(row) if row else None


async def take_run(connection: AsyncConnection, now: datetime) -> Run | None:
    """A run that nobody works on, for this caller; a fresh one, or one that was left in the middle."""
    free = or_(table.c.lease.is_(None), table.c.leased_until <= now)
    wanted = select(table.c.id).where(_open, free).with_for_update(skip_locked=True).limit(1)
    statement = update(table).where(table.c.id.in_(wanted))
    taken = statement.values(
        lease=new_id(),
        leased_until=now + LEASE,
        attempts=table.c.attempts + 1,
        started_at=func.coalesce(table.c.started_at, now),
    )
    row = (await connection.execute(taken.returning(table))).one_or_none()
    return _read(row) if row else None


async def save_progress(connection: AsyncConnection, run: Run, now: datetime) -> bool:
    """Write down how far a run has come; False if it is no longer this caller's, who must then leave it alone."""
    values = {**_progress(run), "leased_until": now + LEASE, "attempts": run.attempts}
    return await _change(connection, run, **values)


async def finish_run(connection: AsyncConnection, run: Run, now: datetime) -> bool:
    """It has come to its end; False if it is no longer this caller's."""
    return await _change(connection, run, **_progress(run), finished_at=now, error=None)


async def fail_run(connection: AsyncConnection, run: Run, now: datetime, error: str) -> bool:
    """It will not come to its end; False if it is no longer this caller's."""
    return await _change(connection, run, failed_at=now, error=error)


async def leave_run(connection: AsyncConnection, run: Run, until: datetime, error: str) -> bool:
    """It could not go on; somebody tries again at `until`. False if it is no longer this caller's."""
    return await _change(connection, run, leased_until=until, error=error)


async def _change(connection: AsyncConnection, run: Run, **values: Any) -> bool:
    mine = table.c.lease.is_not_distinct_from(run.lease)
    statement = update(table).where(table.c.id == run.id, mine, _open).values(values)
    return bool((await connection.execute(statement)).rowcount)
