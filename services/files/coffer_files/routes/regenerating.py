"""Many previews made anew, for operators."""

from typing import Literal

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from pydantic import Field

from coffer_chassis.access_rules import operator
from coffer_chassis.admin import acts
from coffer_chassis.admin.operations import Operations
from coffer_chassis.answers import Body
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin, ThePrincipal
from coffer_contracts.files import MediaKind, OperatorActedV1
from coffer_contracts.problems import LimitReached
from coffer_files.handlers.regenerating import request_regeneration
from coffer_files.routes.job_answers import WatchedJobAnswer, watched_job_answer
from coffer_files.routes.requests import TheDeps
from coffer_files.store.preview_requests import Which

MOST = 1_000_000
TheOperations = NamedDependency[Operations]


class RegenerationBody(Body):
    """Which previews, of all drives and versions; what is left out does not matter."""

    status: Literal["failed", "ready", "none"] = Field(
        "failed", description="How they stand now. `none` are files of which no preview was ever tried.", examples=["failed"]
    )
    kind: MediaKind | None = Field(None, description="Only of files of this kind.", examples=["document"])
    reason: str | None = Field(
        None, description="Only those that failed for this reason.", max_length=100, examples=["unsupported"]
    )
    most: int = Field(10_000, description="How many at most.", ge=1, le=MOST, examples=[10_000])


@post(
    "/v1/admin/files/previews/regenerate",
    opt=operator() | documented(raises=[LimitReached], events=[OperatorActedV1.type]),
    status_code=202,
    operation_id="regenerate_previews",
    tags=["operators"],
    summary="Have many previews made anew",
)
async def post_regenerate(
    data: JSONBody[RegenerationBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps, operations: TheOperations
) -> Response[WatchedJobAnswer]:
    """As a job, a page at a time: those that failed as `unsupported` after a decoder was installed, say. While a thousand
    previews are waited for it waits, too. The same wish while one is carried out gives the same job.
    """
    which = Which(data.status, data.kind, data.reason)
    job = await request_regeneration(deps, operations, principal, acts.as_operator(origin), which, data.most)
    headers = {"Location": f"/v1/admin/files/jobs/{job.id}"}
    return Response(watched_job_answer(job), status_code=202, headers=headers)


ROUTES = (post_regenerate,)
