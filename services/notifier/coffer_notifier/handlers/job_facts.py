"""What follows from the end of a job. Quick: SQL only."""

from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope
from coffer_contracts.files_jobs import JobFinishedV1
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.telling import JOBS, tell


async def on_job_finished(event: Envelope[JobFinishedV1], unit: Unit, _deps: Deps) -> None:
    """Whoever asked for the job is told in their streams, under the names that `GET /v1/jobs` has, and nobody else."""
    fact = event.data
    data = {
        "job_id": fact.job_id,
        "kind": fact.kind,
        "state": fact.state,
        "done": fact.done_count,
        "size": fact.size_bytes,
        "reason": fact.reason,
        "detail": fact.detail,
        "made_id": fact.made_id,
    }
    await tell(unit, fact.asked_by, JOBS, "job", data)
