"""Jobs: asked for, taken in turns of their owners, held by a lease, and how far each has come."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, func, literal_column, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.forgetting import forget_some
from coffer_chassis.ids import new_id
from coffer_contracts.ids import JobId, UserId
from coffer_files.domain.jobs import LEASE, Job, JobState, Progress
from coffer_files.store.tables import jobs as table

_FIELDS = tuple(field.name for field in fields(Job))
_open = table.c.state.in_((literal_column("'queued'"), literal_column("'running'")))


def _read(row: Row[Any]) -> Job:
    return Job(**{name: getattr(row, name) for name in _FIELDS})


def _progress(progress: Progress) -> dict[str, Any]:
    return {
        "done": progress.done,
        "total": progress.total,
        "size_bytes": progress.size_bytes,
        "place": progress.place,
        "result": progress.result,
    }


async def insert_job(connection: AsyncConnection, job: Job) -> bool:
    """Write a new job; False if one with the same `only_key` is open. Waits for somebody who is just doing the same."""
    row = insert(table).values({name: getattr(job, name) for name in _FIELDS})
    return bool((await connection.execute(row.on_conflict_do_nothing())).rowcount)


async def open_job(connection: AsyncConnection, only_key: str) -> Job | None:
    """The one open job with these words."""
    row = (await connection.execute(select(table).where(_open, table.c.only_key == only_key))).one_or_none()
    return _read(row) if row else None


async def count_open(connection: AsyncConnection, asked_by: UserId, *, limit: int) -> int:
    """How many jobs of a person have not ended; no more than `limit` are counted."""
    some = select(table.c.id).where(_open, table.c.asked_by == asked_by).limit(limit).subquery()
    return int((await connection.execute(select(func.count()).select_from(some))).scalar_one())


async def job_by_id(connection: AsyncConnection, job_id: JobId, *, locked: bool = False) -> Job | None:
    """One job."""
    query = select(table).where(table.c.id == job_id)
    row = (await connection.execute(query.with_for_update() if locked else query)).one_or_none()
    return _read(row) if row else None


async def newest_jobs(
    connection: AsyncConnection,
    *,
    limit: int,
    before: str | None = None,
    asked_by: UserId | None = None,
    states: tuple[JobState, ...] = (),
    kind: str | None = None,
) -> list[Job]:
    """A page of jobs, newest first."""
    query: Select[Any] = select(table).order_by(table.c.id.desc()).limit(limit)
    if asked_by is not None:
        query = query.where(table.c.asked_by == asked_by)
    if before is not None:
        query = query.where(table.c.id < before)
    if states:
        query = query.where(table.c.state.in_(states))
    if kind is not None:
        query = query.where(table.c.kind == kind)
    return [_read(row) for row in await connection.execute(query)]


def _next_turn(now: datetime, kinds: Sequence[str]) -> Select[Any]:
    """Whose owner has waited longest for a turn; of one owner the oldest. Ended jobs count, so that many short ones take no
    more turns than a long one.
    """
    other = table.alias("other")
    last_turn = select(func.max(other.c.turn_at)).where(other.c.owner_id == table.c.owner_id).scalar_subquery()
    due = select(table.c.id).where(_open, table.c.due_at <= now, table.c.kind.in_(kinds))
    return due.order_by(last_turn.asc().nulls_first(), table.c.id).limit(1).with_for_update(skip_locked=True)


async def take_job(connection: AsyncConnection, now: datetime, kinds: Sequence[str]) -> Job | None:
    """A job of one of the kinds whose next step is due, for this caller: a fresh one, one that goes on, or one that was left
    in the middle.
    """
    statement = update(table).where(table.c.id.in_(_next_turn(now, kinds)))
    taken = statement.values(
        state="running",
        lease=new_id(),
        due_at=now + LEASE,
        turn_at=now,
        attempts=table.c.attempts + 1,
        started_at=func.coalesce(table.c.started_at, now),
    )
    row = (await connection.execute(taken.returning(table))).one_or_none()
    return _read(row) if row else None


async def save_progress(connection: AsyncConnection, job: Job, progress: Progress, now: datetime) -> bool:
    """Write down how far a job has come; the lease goes on. False if it is no longer this caller's."""
    return await _change(connection, job, **_progress(progress), due_at=now + LEASE, attempts=0, error=None)


async def renew_lease(connection: AsyncConnection, job: Job, now: datetime) -> bool:
    """A step takes long; False if the job is no longer this caller's."""
    return await _change(connection, job, due_at=now + LEASE)


async def give_back(connection: AsyncConnection, job: Job, due_at: datetime, **values: Any) -> bool:
    """Whoever comes next goes on with it from `due_at`. False if it is no longer this caller's."""
    return await _change(connection, job, **values, lease=None, due_at=due_at)


async def end_job(connection: AsyncConnection, job: Job, now: datetime, state: JobState, **values: Any) -> Job | None:
    """It has come to its end; None if it is no longer this caller's."""
    statement = update(table).where(_mine(job)).values(**values, state=state, ended_at=now, lease=None)
    row = (await connection.execute(statement.returning(table))).one_or_none()
    return _read(row) if row else None


async def succeed(connection: AsyncConnection, job: Job, progress: Progress, now: datetime) -> Job | None:
    """Its last step is done; None if it is no longer this caller's."""
    return await end_job(connection, job, now, "succeeded", **_progress(progress), attempts=0, error=None)


async def cancel(connection: AsyncConnection, job_id: JobId, now: datetime) -> Job | None:
    """End a job, whoever works on it; None if it has ended."""
    statement = update(table).where(table.c.id == job_id, _open).values(state="cancelled", ended_at=now, lease=None)
    row = (await connection.execute(statement.returning(table))).one_or_none()
    return _read(row) if row else None


def _mine(job: Job) -> Any:
    return and_(table.c.id == job.id, table.c.lease == (job.lease or null()), table.c.state == "running")


async def _change(connection: AsyncConnection, job: Job, **values: Any) -> bool:
    return bool((await connection.execute(update(table).where(_mine(job)).values(**values))).rowcount)


async def next_due(connection: AsyncConnection, kinds: Sequence[str]) -> datetime | None:
    """When a step of a job of these kinds is due next; None while none is open."""
    query = select(func.min(table.c.due_at)).where(_open, table.c.kind.in_(kinds))
    moment: datetime | None = (await connection.execute(query)).scalar_one()
    return moment


async def count_by_state(connection: AsyncConnection) -> tuple[dict[str, int], datetime | None]:
    """How many jobs are open, by state, and when the oldest of them was asked for."""
    query = select(table.c.state, func.count(), func.min(table.c.created_at)).where(_open).group_by(table.c.state)
    rows = (await connection.execute(query)).all()
    return {row[0]: row[1] for row in rows}, min((row[2] for row in rows), default=None)


async def forget_ended(connection: AsyncConnection, now: datetime, kept: timedelta) -> int:
    """Delete a slice of the jobs that ended long ago; how many. Safe to run twice."""
    return await forget_some(connection, table, table.c.ended_at < now - kept)
