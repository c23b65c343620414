"""Emptying the trash over HTTP."""

from litestar import Response, delete

from coffer_chassis.access_rules import user
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin, ThePrincipal
from coffer_contracts.problems import LimitReached
from coffer_files.handlers.emptying import empty_trash
from coffer_files.routes.job_answers import JobAnswer, accepted
from coffer_files.routes.requests import WRITE, TheDeps


@delete(
    "/v1/trash",
    opt=user(WRITE) | documented(raises=[LimitReached]),
    status_code=202,
    operation_id="empty_trash",
    tags=["trash"],
    summary="Empty the trash",
)
async def delete_trash(principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> Response[JobAnswer]:
    """Remove for good what lies in the trash of the caller's drive now, in the background. What is put there or taken out
    meanwhile stays. Asking again while it is under way gives the same job.
    """
    return accepted(await empty_trash(deps, principal, origin))


ROUTES = (delete_trash,)
