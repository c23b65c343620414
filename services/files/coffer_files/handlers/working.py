"""Carries jobs out: takes one whose turn it is, does steps of it for a while, gives it back. In any processes at once.

A job is held by a lease that is renewed while a step runs, so a job whose process died is taken up by another one within
LEASE, at the place that was written down last. Whoever lost the lease meanwhile cannot write anything down any more.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from time import monotonic

import structlog

from coffer_chassis import metrics
from coffer_chassis.forgetting import SLICE
from coffer_chassis.rounds import Rounds
from coffer_contracts.problems import Internal, Problem, Temporary
from coffer_files.domain.jobs import GIVEN_UP_AFTER, LEASE, Job, JobLost, Progress, pause_after
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.job_kinds import JOB_KINDS
from coffer_files.handlers.jobs import fail_job, reach, step_unit
from coffer_files.store import jobs as rows

WORKERS = 2
"""Jobs that one process works on at the same time."""

TURN_SECONDS = 1.0
"""How long one job is worked on before others have their turn; the step that is under way ends first."""

POLL_SECONDS = 5.0
"""How often to look without being woken."""

KEPT = timedelta(days=7)
"""How long an ended job can still be looked at."""

BACK_OFF_SECONDS = (0.2, 10.0)
ERROR_LENGTH = 500
GIVEN_UP = "Coffer tried several times and gave up."

log = structlog.get_logger(__name__)


async def run_jobs(deps: Deps, *, stopping: asyncio.Event | None = None) -> int:
    """Work on what is due until nothing is, or `stopping` is set; how many turns that took. May run at once in many
    processes.
    """
    turns = 0
    while (stopping is None or not stopping.is_set()) and await _one_turn(deps, stopping):
        turns += 1
    return turns


async def _one_turn(deps: Deps, stopping: asyncio.Event | None) -> bool:
    """Work on the job whose turn it is; whether there was one."""
    async with deps.work.engine.begin() as connection:
        job = await rows.take_job(connection, deps.work.clock.now(), tuple(JOB_KINDS))
    if job is None:
        return False
    with suppress(JobLost):
        await _carry_on(deps, job, stopping)
    return True


async def _carry_on(deps: Deps, job: Job, stopping: asyncio.Event | None) -> None:
    """Do steps until the turn is over. Raises JobLost."""
    until = monotonic() + TURN_SECONDS
    while True:
        if job.attempts > GIVEN_UP_AFTER:
            # Whoever fails says so itself; these died, or were slower than the lease is long.
            await fail_job(deps, job, Internal(GIVEN_UP), error=job.error or "Whoever worked on it was stopped each time.")
            return
        try:
            progress = await _held(deps, job)
            if not progress.is_saved:
                async with step_unit(deps, job) as unit:
                    progress = await reach(unit, job, progress)
        except JobLost:
            raise
        except Exception as error:  # noqa: BLE001  # written down at the job; somebody tries again
            await _failed(deps, job, error)
            return
        if progress.finished:
            return
        if progress.pause or monotonic() > until or (stopping is not None and stopping.is_set()):
            async with deps.work.engine.begin() as connection:
                await rows.give_back(connection, job, deps.work.clock.now() + progress.pause)
            return
        async with deps.work.read() as connection:
            found = await rows.job_by_id(connection, job.id)
        if found is None or found.lease != job.lease:
            raise JobLost(job.id)
        job = found


async def _held(deps: Deps, job: Job) -> Progress:
    """Do the next step, renewing the lease meanwhile. Raises JobLost, and whatever the step raises."""
    step = asyncio.ensure_future(JOB_KINDS[job.kind](deps, job))
    try:
        while True:
            await asyncio.wait({step}, timeout=LEASE.total_seconds() / 3)
            if step.done():
                return step.result()
            async with deps.work.engine.begin() as connection:
                if not await rows.renew_lease(connection, job, deps.work.clock.now()):
                    raise JobLost(job.id)
    finally:
        if not step.done():
            step.cancel()
            await asyncio.wait({step})


async def _failed(deps: Deps, job: Job, error: Exception) -> None:
    if isinstance(error, Problem) and not isinstance(error, Temporary):
        log.info("job_refused", job=job.id, kind=job.kind, code=error.code)
        await fail_job(deps, job, error)
        return
    said = repr(error)[:ERROR_LENGTH]
    log.warning("job_step_failed", job=job.id, kind=job.kind, attempts=job.attempts, error=said)
    if job.attempts >= GIVEN_UP_AFTER:
        problem = error if isinstance(error, Problem) else Internal(GIVEN_UP)
        await fail_job(deps, job, problem, error=said)
        return
    async with deps.work.engine.begin() as connection:
        await rows.give_back(connection, job, deps.work.clock.now() + pause_after(job.attempts), error=said)


async def measure_jobs(deps: Deps) -> None:
    """Show as metrics what waits and runs, and for how long at most."""
    async with deps.work.read() as connection:
        counts, oldest = await rows.count_by_state(connection)
    for state in ("queued", "running"):
        metrics.JOBS_OPEN.labels(state).set(counts.get(state, 0))
    age = (deps.work.clock.now() - oldest).total_seconds() if oldest else 0
    metrics.JOBS_OLDEST_SECONDS.set(max(0, age))


async def forget_jobs(deps: Deps) -> int:
    """Delete jobs that ended KEPT ago; how many. May run twice and at once."""
    count = 0
    while True:
        async with deps.work.engine.begin() as connection:
            gone = await rows.forget_ended(connection, deps.work.clock.now(), KEPT)
        count += gone
        if gone < SLICE:
            return count


def worker(deps: Deps) -> Rounds:
    """A loop that carries jobs out."""

    async def look(stopping: asyncio.Event) -> float:
        await run_jobs(deps, stopping=stopping)
        return await _until_due(deps)

    return Rounds(look, failed="jobs_failed", back_off_seconds=BACK_OFF_SECONDS)


async def _until_due(deps: Deps) -> float:
    """Seconds until a pause or a lease is over, up to POLL_SECONDS."""
    async with deps.work.read() as connection:
        due = await rows.next_due(connection, tuple(JOB_KINDS))
    return POLL_SECONDS if due is None else min(POLL_SECONDS, max(0.05, (due - deps.work.clock.now()).total_seconds()))
