"""Copying over HTTP."""

from typing import Literal

from litestar import Response, post
from litestar.params import JSONBody
from pydantic import Field

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body
from coffer_chassis.openapi import documented
from coffer_chassis.requests import IdempotencyKey, TheOrigin, ThePrincipal, claim_of, replay_header
from coffer_contracts.problems import (
    Cycle,
    IdempotencyInProgress,
    IdempotencyKeyReuse,
    KindConflict,
    LimitReached,
    Locked,
    NameConflict,
    NameInvalid,
    QuotaExceeded,
    StateConflict,
)
from coffer_files.domain.jobs import Job
from coffer_files.handlers.copying import Wish, copy_item
from coffer_files.handlers.naming import etag_as_seen
from coffer_files.routes.answers import ItemAnswer, seen_answer
from coffer_files.routes.items import NAME_LIMIT
from coffer_files.routes.job_answers import JobAnswer, accepted
from coffer_files.routes.requests import WRITE, InPath, ItemRef, TheDeps, item_ref


class CopyBody(Body):
    """Where a copy goes."""

    parent_id: ItemRef = Field(description="The folder that it is made in, in any drive that the caller may write to.")
    name: str | None = Field(None, max_length=NAME_LIMIT, description="What it is called; default: like its source.")
    conflict: Literal["fail", "replace", "rename"] = Field(
        "fail",
        description="What to do when a name is taken. `replace` makes a new version of a file and goes into a folder.",
    )


@post(
    "/v1/items/{item:str}/copy",
    opt=user(WRITE)
    | documented(
        raises=[
            Locked,
            NameInvalid,
            NameConflict,
            KindConflict,
            Cycle,
            QuotaExceeded,
            StateConflict,
            LimitReached,
            IdempotencyKeyReuse,
            IdempotencyInProgress,
        ],
        also={202: "It is carried out as a job."},
    ),
    status_code=201,
    operation_id="copy_item",
    tags=["items"],
    summary="Copy",
)
async def post_copy(
    item: InPath,
    data: JSONBody[CopyBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    idempotency_key: IdempotencyKey = None,
) -> Response[ItemAnswer] | Response[JobAnswer]:
    """Copy a file: 201 with the copy. Copy a folder with everything below it, or a very large file into another drive: 202 with
    a job, whose `result` names the copy. The current content is copied; older versions, shares and comments are not. Each copy
    counts in full towards the quota of the drive it is in.
    """
    ref = item_ref(item)
    used = claim_of(idempotency_key, principal, f"POST /v1/items/{ref}/copy", data)
    copied = await copy_item(deps, principal, origin, used, ref, Wish(data.parent_id, data.name, data.conflict))
    if isinstance(copied.made, Job):
        return accepted(copied.made, replayed=copied.replayed)
    headers = {
        "ETag": etag_as_seen(copied.made),
        "Location": f"/v1/items/{copied.made.at.item.id}",
        **replay_header(copied.replayed),
    }
    return Response(seen_answer(copied.made), status_code=201, headers=headers)


ROUTES = (post_copy,)
