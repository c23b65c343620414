"""Comparisons of the bucket with the store, for operators."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from coffer_chassis.access_rules import operator
from coffer_chassis.admin import acts
from coffer_chassis.admin.operations import Operations
from coffer_chassis.answers import Timestamp, timestamp
from coffer_chassis.cursors import Listing, Value
from coffer_chassis.openapi import documented
from coffer_chassis.requests import Cursor, Limit, TheCursors, TheOrigin, ThePrincipal, known_id, page_size
from coffer_contracts.files import OperatorActedV1
from coffer_contracts.problems import CursorInvalid, StateConflict
from coffer_files.domain.reconciling import MOST_HOURS, PREFIXES, Run, Wish
from coffer_files.handlers import reconciling as commands
from coffer_files.routes.requests import DEFAULT_LIMIT, TheDeps

Prefix = Literal["blobs/", "incoming/", "quarantine/", "previews/"]

TheOperations = NamedDependency[Operations]
InPath = Annotated[str, PathParameter(description="The id of a comparison.")]


class ReconcileBody(BaseModel):
    """What is to be compared."""

    model_config = ConfigDict(extra="forbid")

    repair: StrictBool = Field(
        False, description="Have orphans deleted, and previews made anew whose pictures are gone. Nothing else is ever changed."
    )
    grace_hours: float | None = Field(
        None, description="Objects younger than this are left alone; a setting says what is usual.", ge=0, le=MOST_HOURS
    )
    prefixes: list[Prefix] = Field(
        default_factory=list, description="Only these; all when there are none.", max_length=len(PREFIXES)
    )


class CountsAnswer(msgspec.Struct, frozen=True):
    """What was seen. An object is `sound`, `mismatched`, or no file refers to it: then it is `under_way`, `doomed`, in
    quarantine, `young` or an orphan. `foreign` orphans have keys that Coffer never makes; they are never deleted. Of
    `lost_previews` stored objects preview pictures are gone; `asked_again` counts versions whose preview is being made anew.
    """

    objects: int
    object_bytes: int
    rows: int
    sound: int
    under_way: int
    doomed: int
    quarantined: int
    young: int
    orphans: int
    orphan_bytes: int
    foreign: int
    repaired: int
    repaired_bytes: int
    missing: int
    missing_bytes: int
    mismatched: int
    mismatched_bytes: int
    lost_previews: int
    asked_again: int


class OrphanAnswer(msgspec.Struct, frozen=True):
    """An object that nothing refers to."""

    key: str
    size_bytes: int
    modified_at: str


class WrongAnswer(msgspec.Struct, frozen=True):
    """Content of files whose object is missing, or is not the one that was checked: then with what was found instead."""

    key: str
    owner_id: str
    item_ids: list[str]
    size_bytes: int
    etag: str
    found_size_bytes: int | None = None
    found_etag: str | None = None


class RunAnswer(msgspec.Struct, frozen=True):
    """A comparison as it stands. `error` says what went wrong last, also while it is tried again."""

    id: str
    state: Literal["waiting", "running", "finished", "failed"]
    prefixes: list[str]
    repair: bool
    grace_seconds: int
    actor_kind: str
    actor_id: str | None
    requested_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    failed_at: Timestamp | None
    error: str | None
    at_prefix: str | None
    counts: CountsAnswer


class ReportAnswer(RunAnswer, frozen=True):
    """A comparison with the first of what it found, by kind."""

    orphans: list[OrphanAnswer] = []
    missing: list[WrongAnswer] = []
    mismatched: list[WrongAnswer] = []


class RunPage(msgspec.Struct, frozen=True):
    """Part of a listing; `next_cursor` is null at the end and nowhere else."""

    items: list[RunAnswer]
    next_cursor: str | None


@post(
    "/v1/admin/files/reconcile",
    opt=operator() | documented(raises=[StateConflict], events=[OperatorActedV1.type]),
    status_code=202,
    operation_id="reconcile_bucket",
    tags=["operators"],
    summary="Compare the bucket with the store",
)
async def post_reconcile(
    data: JSONBody[ReconcileBody], origin: TheOrigin, deps: TheDeps, operations: TheOperations
) -> Response[RunAnswer]:
    """One at a time, in the background. Asking for the same again while it is under way gives the same comparison."""
    hours = deps.settings.reconcile_grace_hours if data.grace_hours is None else data.grace_hours
    prefixes = tuple(prefix for prefix in PREFIXES if prefix in (data.prefixes or PREFIXES))
    wish = Wish(prefixes, data.repair, int(hours * 3600))
    asked = await commands.request_run(deps, operations, acts.as_operator(origin), wish)
    headers = {"Location": f"/v1/admin/files/reconciliations/{asked.run.id}"}
    return Response(RunAnswer(**_known(asked.run)), status_code=202, headers=headers)


@get(
    "/v1/admin/files/reconciliations",
    opt=operator() | documented(raises=[CursorInvalid]),
    operation_id="list_reconciliations",
    tags=["operators"],
    summary="List comparisons",
)
async def get_reconciliations(
    principal: ThePrincipal, deps: TheDeps, cursors: TheCursors, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response[RunPage]:
    """Comparisons of the bucket with the store, newest first."""
    listing = Listing("reconciliations", principal.user_id, "", {})
    before = _run_id(cursors.open(cursor, listing)) if cursor else None
    size = page_size(limit)
    found = await commands.list_runs(deps, limit=size + 1, before=before)
    end = cursors.seal([found[size - 1].id], listing) if len(found) > size else None
    return Response(RunPage([RunAnswer(**_known(run)) for run in found[:size]], end))


@get(
    "/v1/admin/files/reconciliations/{reconciliation:str}",
    opt=operator(),
    operation_id="get_reconciliation",
    tags=["operators"],
    summary="Look at a comparison",
)
async def get_reconciliation(reconciliation: InPath, deps: TheDeps) -> Response[ReportAnswer]:
    """What was compared and what was found: counts, and the first findings of each kind with the files concerned."""
    run = await commands.find_run(deps, known_id(reconciliation))
    report = ReportAnswer(
        **_known(run),
        orphans=[OrphanAnswer(**sample) for sample in run.samples.get("orphans", [])],
        missing=[WrongAnswer(**sample) for sample in run.samples.get("missing", [])],
        mismatched=[WrongAnswer(**sample) for sample in run.samples.get("mismatched", [])],
    )
    return Response(report)


def _known(run: Run) -> dict[str, Any]:
    times = {"requested_at": run.requested_at, "started_at": run.started_at}
    times |= {"finished_at": run.finished_at, "failed_at": run.failed_at}
    return {
        "id": run.id,
        "state": run.state,
        "prefixes": list(run.prefixes),
        "repair": run.repair,
        "grace_seconds": run.grace_seconds,
        "actor_kind": run.actor_kind,
        "actor_id": run.actor_id,
        **{name: timestamp(moment) if moment else None for name, moment in times.items()},
        "error": run.error,
        "at_prefix": run.place.prefix if run.state == "running" else None,
        "counts": CountsAnswer(**asdict(run.counts)),
    }


def _run_id(position: Sequence[Value]) -> str:
    match position:
        case [str() as run_id]:
            return run_id
    raise CursorInvalid


ROUTES = (post_reconcile, get_reconciliations, get_reconciliation)
