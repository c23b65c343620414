"""Jobs over HTTP: look, list, cancel; for whoever asked for them, and for operators."""

from collections.abc import Sequence
from typing import Annotated, get_args

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from coffer_chassis.access_rules import operator, user
from coffer_chassis.admin import acts
from coffer_chassis.admin.operations import Operations
from coffer_chassis.cursors import Listing, Value
from coffer_chassis.openapi import documented
from coffer_chassis.requests import (
    Cursor,
    Limit,
    TheCursors,
    TheOrigin,
    ThePrincipal,
    known_id,
    page_size,
    refused,
)
from coffer_contracts.files import OperatorActedV1
from coffer_contracts.ids import JobId
from coffer_contracts.problems import CursorInvalid, LimitReached
from coffer_files.domain.jobs import JobState
from coffer_files.handlers import job_operations
from coffer_files.handlers import jobs as commands
from coffer_files.routes.job_answers import (
    JobAnswer,
    JobPage,
    WatchedJobAnswer,
    WatchedJobPage,
    accepted,
    job_answer,
    watched_job_answer,
)
from coffer_files.routes.requests import DEFAULT_LIMIT, READ, WRITE, TheDeps

TheOperations = NamedDependency[Operations]
InPath = Annotated[str, PathParameter(description="The id of a job.")]
KindInPath = Annotated[str, PathParameter(description="What is to be done; the list says what there is.")]
States = Annotated[str, QueryParameter(name="state", description="Only jobs in these states, separated by commas.")]
Kind = Annotated[str | None, QueryParameter(description="Only jobs of this kind.")]


@get(
    "/v1/jobs",
    opt=user(READ) | documented(raises=[CursorInvalid]),
    operation_id="list_jobs",
    tags=["jobs"],
    summary="List jobs",
)
async def get_jobs(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    states: States = "",
) -> Response[JobPage]:
    """Long work that the caller asked for, newest first. A job that ended can be looked at for seven days."""
    wanted = _states(states)
    listing = Listing("jobs", principal.user_id, "", {"state": ",".join(wanted)})
    before = _job_id(cursors.open(cursor, listing)) if cursor else None
    size = page_size(limit)
    found = await commands.list_jobs(deps, asked_by=principal.user_id, limit=size + 1, before=before, states=wanted, kind=None)
    end = cursors.seal([found[size - 1].id], listing) if len(found) > size else None
    return Response(JobPage([job_answer(job) for job in found[:size]], end))


@get("/v1/jobs/{job:str}", opt=user(READ), operation_id="get_job", tags=["jobs"], summary="Look at a job")
async def get_job(job: InPath, principal: ThePrincipal, deps: TheDeps) -> Response[JobAnswer]:
    """How far long work is that the caller asked for, and what came of it."""
    return Response(job_answer(await commands.find_job(deps, principal, JobId(known_id(job)))))


@delete(
    "/v1/jobs/{job:str}",
    opt=user(WRITE),
    status_code=202,
    operation_id="cancel_job",
    tags=["jobs"],
    summary="Cancel a job",
)
async def delete_job(job: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> Response[JobAnswer]:
    """Nothing more is done; what was done stays. A job that has ended stays as it is."""
    return accepted(await commands.cancel_job(deps, principal, origin, JobId(known_id(job))))


@get(
    "/v1/admin/files/jobs",
    opt=operator() | documented(raises=[CursorInvalid]),
    operation_id="list_files_jobs",
    tags=["operators"],
    summary="List everybody's jobs",
)
async def get_all_jobs(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    states: States = "",
    kind: Kind = None,
) -> Response[WatchedJobPage]:
    """Long work of everybody, newest first; nothing of what is in their drives."""
    wanted = _states(states)
    listing = Listing("all-jobs", principal.user_id, "", {"state": ",".join(wanted), "kind": kind or ""})
    before = _job_id(cursors.open(cursor, listing)) if cursor else None
    size = page_size(limit)
    found = await commands.list_jobs(deps, asked_by=None, limit=size + 1, before=before, states=wanted, kind=kind)
    end = cursors.seal([found[size - 1].id], listing) if len(found) > size else None
    return Response(WatchedJobPage([watched_job_answer(job) for job in found[:size]], end))


@get(
    "/v1/admin/files/jobs/{job:str}",
    opt=operator(),
    operation_id="get_files_job",
    tags=["operators"],
    summary="Look at anybody's job",
)
async def get_any_job(job: InPath, deps: TheDeps) -> Response[WatchedJobAnswer]:
    """How far it is, and what went wrong last."""
    return Response(watched_job_answer(await job_operations.find_any_job(deps, JobId(known_id(job)))))


@post(
    "/v1/admin/files/jobs/{kind:str}/run",
    opt=operator() | documented(raises=[LimitReached], events=[OperatorActedV1.type]),
    status_code=202,
    operation_id="run_files_job",
    tags=["operators"],
    summary="Have something done now",
)
async def post_run(
    kind: KindInPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, operations: TheOperations
) -> Response[WatchedJobAnswer]:
    """What the service does by the clock, done now: `purge_old`; or `recount`, what drives count against their rows with the
    differences as result, and `repair_counts`. One of a kind at a time; asking again while it is under way gives the same job.
    404 for a kind that there is not.
    """
    job = await job_operations.run_kind(deps, operations, principal, acts.as_operator(origin), kind)
    headers = {"Location": f"/v1/admin/files/jobs/{job.id}"}
    return Response(watched_job_answer(job), status_code=202, headers=headers)


@delete(
    "/v1/admin/files/jobs/{job:str}",
    opt=operator() | documented(events=[OperatorActedV1.type]),
    status_code=202,
    operation_id="cancel_files_job",
    tags=["operators"],
    summary="Cancel anybody's job",
)
async def delete_any_job(
    job: InPath, origin: TheOrigin, deps: TheDeps, operations: TheOperations
) -> Response[WatchedJobAnswer]:
    """Nothing more is done; what was done stays. A job that has ended stays as it is."""
    found = await job_operations.cancel_any_job(deps, operations, acts.as_operator(origin), JobId(known_id(job)))
    return Response(watched_job_answer(found), status_code=202, headers={"Location": f"/v1/admin/files/jobs/{found.id}"})


def _states(text: str) -> tuple[JobState, ...]:
    known: tuple[JobState, ...] = get_args(JobState)
    words = {word.strip() for word in text.split(",") if word.strip()}
    if odd := words.difference(known):
        raise refused("state", "unknown_state", f"No job is ever {min(odd)!r}; there are {', '.join(known)}.")
    return tuple(state for state in known if state in words)


def _job_id(position: Sequence[Value]) -> str:
    match position:
        case [str() as job_id]:
            return job_id
    raise CursorInvalid


ROUTES = (get_jobs, get_job, delete_job, get_all_jobs, get_any_job, post_run, delete_any_job)
