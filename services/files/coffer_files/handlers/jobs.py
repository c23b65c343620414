"""Jobs: long work that somebody asks for and that is done in the background, a step at a time.

To have something done as a job:

1. Write a step, `async def my_step(deps: Deps, job: Job) -> Progress`, and put it into `handlers.job_kinds.JOB_KINDS` under
   the name of its kind. A step is one bounded piece of work (a page, not a tree; well below a minute). It begins at
   `job.place`, which is `{}` at first, and returns a `Progress` with the place behind it: `done`, `total`, `size_bytes` for
   whoever watches, `result` for whoever asked, `finished=True` at the end. It may run twice: a process can die behind
   anything it does. A step that changes the store does so in `async with step_unit(deps, job) as unit` and ends that unit
   with `return await reach(unit, job, progress)`: then what it did and the new place are committed together, and nothing is
   kept of a step whose job was cancelled or taken over meanwhile. A step without such a unit just returns its progress.
2. In the request, inside its unit: `job = await start_job(unit, deps, "my_kind", owner_id, principal, arguments)`, and
   answer 202 with `routes.job_answers.accepted(job)`. The job is begun as soon as the unit has committed.

A step that raises a Problem ends the job as failed with that problem, unless it is Temporary. After anything else it raises,
the step is tried again after a growing pause, GIVEN_UP_AFTER times. What steps did before stays; `result` says what that is.
A step that wants to end early as failed but say what it reached first calls `reach`, and raises in the step behind it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from coffer_chassis import metrics, tracing
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files_jobs import JobFinishedV1
from coffer_contracts.ids import ItemId, JobId, UserId
from coffer_contracts.problems import LimitReached, NotFound, Problem
from coffer_files.domain.jobs import MOST_OPEN, Job, JobLost, JobState, Progress
from coffer_files.handlers.deps import Deps
from coffer_files.store import jobs as rows

JOBS = "jobs"
"""The topic of those who ask for jobs, for those who carry them out."""


BEGINNING = Progress()


async def start_job(
    unit: Unit,
    _deps: Deps,
    kind: str,
    owner_id: UserId,
    principal: Principal,
    arguments: dict[str, Any],
    *,
    only_key: str | None = None,
    progress: Progress = BEGINNING,
) -> Job:
    """Have something done once the unit has committed. `owner_id` is the person whose turn it takes, as a rule whose drive it
    is about; `principal` asks for it, may watch and cancel it. `arguments` are JSON and hold no secrets. `progress` is what the
    request itself did already.

    With `only_key` the open job that has the same key is given instead of another one. Raises LimitReached.
    """
    job = Job(
        id=JobId(new_id()),
        kind=kind,
        owner_id=owner_id,
        asked_by=principal.user_id,
        actor_kind=unit.origin.actor_kind,
        correlation_id=unit.origin.correlation_id,
        traceparent=unit.origin.traceparent,
        arguments=arguments,
        only_key=only_key,
        state="queued",
        done=progress.done,
        total=progress.total,
        size_bytes=progress.size_bytes,
        place=progress.place,
        result=progress.result,
        problem=None,
        error=None,
        attempts=0,
        lease=None,
        due_at=unit.now,
        turn_at=None,
        created_at=unit.now,
        started_at=None,
        ended_at=None,
    )
    if await rows.count_open(unit.connection, principal.user_id, limit=MOST_OPEN) >= MOST_OPEN:
        known = await rows.open_job(unit.connection, only_key) if only_key else None
        if known is None:
            raise LimitReached(f"You may have {MOST_OPEN} jobs at a time.", limit=MOST_OPEN)
        return known
    while not await rows.insert_job(unit.connection, job):
        # Only one with the same key can be in the way; it may end between the two statements.
        known = await rows.open_job(unit.connection, only_key or "")
        if known is not None:
            return known
    unit.wake(JOBS)
    return job


async def find_job(deps: Deps, principal: Principal, job_id: JobId) -> Job:
    """A job that the caller asked for. Raises NotFound."""
    async with deps.work.read() as connection:
        job = await rows.job_by_id(connection, job_id)
    if job is None or job.asked_by != principal.user_id:
        raise NotFound
    return job


async def list_jobs(
    deps: Deps, *, asked_by: UserId | None, limit: int, before: str | None, states: tuple[JobState, ...], kind: str | None
) -> list[Job]:
    """A page of jobs, newest first: one person's, or everybody's for operators."""
    async with deps.work.read() as connection:
        return await rows.newest_jobs(connection, limit=limit, before=before, asked_by=asked_by, states=states, kind=kind)


async def cancel_job(deps: Deps, principal: Principal, origin: Origin, job_id: JobId) -> Job:
    """End a job that the caller asked for. What it did stays; of the step that is under way nothing is kept. One that has
    ended stays as it is, so it may run twice. Raises NotFound.
    """
    await find_job(deps, principal, job_id)
    async with deps.work.unit(origin) as unit:
        ended = await rows.cancel(unit.connection, job_id, unit.now)
        if ended is not None:
            tell_end(unit, ended)
    return ended or await find_job(deps, principal, job_id)


@asynccontextmanager
async def step_unit(deps: Deps, job: Job) -> AsyncIterator[Unit]:
    """The unit of a step: facts in it name whoever asked for the job, and belong to the request that did."""
    with tracing.within("carry on job", job.traceparent):
        traceparent = tracing.traceparent() or job.traceparent
        origin = Origin(job.asked_by, job.actor_kind, job.correlation_id, None, traceparent)
        async with deps.work.unit(origin) as unit:
            yield unit


async def reach(unit: Unit, job: Job, progress: Progress) -> Progress:
    """Write down how far the job is, in the unit that did it; the progress, for the step to return. With the last statement
    of the unit, so that whoever cancels the job need not wait. Raises JobLost, which leaves nothing of the unit.
    """
    if progress.finished:
        ended = await rows.succeed(unit.connection, job, progress, unit.now)
        if ended is None:
            raise JobLost(job.id)
        tell_end(unit, ended)
    elif not await rows.save_progress(unit.connection, job, progress, unit.now):
        raise JobLost(job.id)
    return replace(progress, is_saved=True)


async def fail_job(deps: Deps, job: Job, problem: Problem, *, error: str | None = None) -> None:
    """End a job that cannot go on. Raises JobLost."""
    known = {"code": problem.code, "title": problem.title, "status": problem.status, "detail": problem.detail}
    async with step_unit(deps, job) as unit:
        values = {"problem": known | problem.extensions, "error": error or f"{problem.code}: {problem.detail}"}
        ended = await rows.end_job(unit.connection, job, unit.now, "failed", **values)
        if ended is None:
            raise JobLost(job.id)
        tell_end(unit, ended)


def tell_end(unit: Unit, job: Job) -> None:
    """Tell everybody that a job has ended, in the unit that ended it."""
    if job.ended_at is None:
        raise LookupError(f"job {job.id} has not ended")
    made = (job.result or {}).get("item_id")
    problem = job.problem or {}
    fact = JobFinishedV1(
        job_id=job.id,
        kind=job.kind,
        owner_id=job.owner_id,
        asked_by=job.asked_by,
        state=job.state,
        done_count=job.done,
        size_bytes=job.size_bytes,
        reason=problem.get("code"),
        detail=problem.get("detail"),
        made_id=ItemId(made) if made else None,
        created_at=job.created_at,
        ended_at=job.ended_at,
    )
    unit.emit(fact, sequence=1)
    metrics.JOBS_ENDED.labels(job.kind, job.state).inc()
