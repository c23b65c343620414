"""Jobs as answers show them, and the answer to a request that is carried out as one."""

from typing import Any

import msgspec
from litestar import Response

from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.requests import replay_header
from coffer_files.domain.jobs import Job, JobState


class ProgressAnswer(msgspec.Struct, frozen=True):
    """How far it is: `done` of `total` items, as far as it is known how many there are, and the bytes that these have."""

    done: int
    total: int | None
    bytes: int


class JobAnswer(msgspec.Struct, frozen=True):
    """Long work as it stands. `result` says what was done so far, `problem` why it failed: a problem's members. What an ended
    job did stays done, also when it failed or was cancelled.
    """

    id: str
    kind: str
    state: JobState
    progress: ProgressAnswer
    result: dict[str, Any] | None
    problem: dict[str, Any] | None
    created_at: Timestamp
    started_at: Timestamp | None
    ended_at: Timestamp | None


class JobPage(msgspec.Struct, frozen=True):
    """Part of a listing; `next_cursor` is null at the end and nowhere else."""

    items: list[JobAnswer]
    next_cursor: str | None


class WatchedJobAnswer(JobAnswer, frozen=True, kw_only=True):
    """A job as operators see it. `error` says what went wrong last, also while it is tried again at `due_at`."""

    owner_id: str
    asked_by: str
    attempts: int
    error: str | None
    due_at: Timestamp | None


class WatchedJobPage(msgspec.Struct, frozen=True):
    """Part of a listing; `next_cursor` is null at the end and nowhere else."""

    items: list[WatchedJobAnswer]
    next_cursor: str | None


def job_answer(job: Job) -> JobAnswer:
    """A job as whoever asked for it sees it."""
    return JobAnswer(**_known(job))


def watched_job_answer(job: Job) -> WatchedJobAnswer:
    """A job as operators see it: nothing of what is in the drive."""
    return WatchedJobAnswer(
        **_known(job),
        owner_id=job.owner_id,
        asked_by=job.asked_by,
        attempts=job.attempts,
        error=job.error,
        due_at=timestamp(job.due_at) if job.ended_at is None else None,
    )


def accepted(job: Job, *, replayed: bool = False) -> Response[JobAnswer]:
    """202: it will be done, and this is where to look how far it is."""
    headers = {"Location": f"/v1/jobs/{job.id}", **replay_header(replayed)}
    return Response(job_answer(job), status_code=202, headers=headers)


def _known(job: Job) -> dict[str, Any]:
    times = {"created_at": job.created_at, "started_at": job.started_at, "ended_at": job.ended_at}
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "progress": ProgressAnswer(job.done, job.total, job.size_bytes),
        "result": job.result,
        "problem": job.problem,
        **{name: timestamp(moment) if moment else None for name, moment in times.items()},
    }
