"""What operators do with jobs: look at anybody's, cancel them, have upkeep done now."""

from coffer_chassis.admin import acts
from coffer_chassis.admin.operations import Operations
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.ids import JobId
from coffer_contracts.problems import NotFound
from coffer_files.domain.jobs import Job
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.job_kinds import OPERATOR_KINDS
from coffer_files.handlers.jobs import start_job, tell_end
from coffer_files.store import jobs as rows

REQUESTED = "job.requested"
CANCELLED = "job.cancelled"


async def find_any_job(deps: Deps, job_id: JobId) -> Job:
    """One job, whoever asked for it. Raises NotFound."""
    async with deps.work.read() as connection:
        job = await rows.job_by_id(connection, job_id)
    if job is None:
        raise NotFound
    return job


async def run_kind(deps: Deps, operations: Operations, principal: Principal, origin: Origin, kind: str) -> Job:
    """Have upkeep of one kind done now. Raises NotFound for a kind that operators cannot ask for, LimitReached."""
    if kind not in OPERATOR_KINDS:
        raise NotFound
    async with deps.work.unit(origin) as unit:
        job = await start_job(unit, deps, kind, principal.user_id, principal, {}, only_key=kind)
        acts.record(operations, unit, REQUESTED, target=f"job/{job.id}", count=0, kind=kind)
    return job


async def cancel_any_job(deps: Deps, operations: Operations, origin: Origin, job_id: JobId) -> Job:
    """End a job, whoever asked for it. One that has ended stays as it is, so it may run twice. Raises NotFound."""
    await find_any_job(deps, job_id)
    async with deps.work.unit(origin) as unit:
        ended = await rows.cancel(unit.connection, job_id, unit.now)
        if ended is not None:
            tell_end(unit, ended)
            acts.record(operations, unit, CANCELLED, target=f"job/{job_id}", count=ended.done, kind=ended.kind)
    return ended or await find_any_job(deps, job_id)
