"""Checking tokens on behalf of proxies."""

from typing import Annotated

from litestar import Response, get
from litestar.params import QueryParameter

from coffer_auth.routes.requests import SECRET
from coffer_chassis.access_rules import user as signed_in
from coffer_chassis.openapi import documented
from coffer_chassis.requests import ThePrincipal
from coffer_contracts.problems import InsufficientScope


@get("/v1/auth/verify", opt=signed_in() | documented(raises=[InsufficientScope]))
async def verify_token(
    principal: ThePrincipal,
    scope_needed: Annotated[
        str | None, QueryParameter(name="scope", description="A scope the token must have, e.g. `files:read`.")
    ] = None,
) -> Response[None]:
    """Check a token, for proxies that ask before they forward.

    200 with the caller in `X-User-Id`, `X-Session-Id` and `X-Scopes` (separated by spaces); else 401, or 403 without the
    scope.
    """
    if scope_needed is not None and scope_needed not in principal.scopes:
        raise InsufficientScope(required_scopes=[scope_needed])
    headers = {
        "X-User-Id": principal.user_id,
        "X-Session-Id": principal.session_id,
        "X-Scopes": " ".join(sorted(principal.scopes)),
        "Cache-Control": SECRET,
    }
    return Response(None, status_code=200, headers=headers)


ROUTES = (verify_token,)
