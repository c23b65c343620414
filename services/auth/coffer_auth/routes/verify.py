"""Checking tokens on behalf of proxies (forward authentication): docs/forward-auth.md has what to write into each of them."""

import re
from typing import Annotated

from litestar import Response, get, route
from litestar.enums import HttpMethod
from litestar.params import QueryParameter

from coffer_auth.routes.requests import SECRET
from coffer_chassis.access_rules import any_token
from coffer_chassis.identity import Principal
from coffer_chassis.limits import unlimited
from coffer_chassis.openapi import documented
from coffer_chassis.requests import ThePrincipal
from coffer_contracts.problems import Forbidden, InsufficientScope

PATH = "/v1/auth/verify"
FORWARDED = (HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE, HttpMethod.OPTIONS, HttpMethod.TRACE)
"""Most proxies ask with GET; some hand on the method of the request they hold."""

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,100}")
"""RFC 6749 section 3.3."""

ScopesNeeded = Annotated[
    list[str] | None,
    QueryParameter(name="scope", description="A scope the token must have, e.g. `files:read`; may be repeated."),
]


@get(PATH, opt=any_token() | unlimited() | documented(raises=[InsufficientScope]))
async def verify_token(principal: ThePrincipal, scopes_needed: ScopesNeeded = None) -> Response[None]:
    """Check a token, for proxies that ask before they forward.

    200 with the caller in `X-User-Id`, `X-Session-Id` and `X-Scopes` (separated by spaces); else 401, or 403 without the
    scope. Every other method gets the same answer. Body and `X-Forwarded-*` headers are not looked at.
    """
    return _verdict(principal, scopes_needed or [])


@route(PATH, http_method=list(FORWARDED), opt=any_token() | unlimited(), include_in_schema=False)
async def verify_forwarded(principal: ThePrincipal, scopes_needed: ScopesNeeded = None) -> Response[None]:
    """Check a token, whatever the method of the request that the proxy holds. Reads no body."""
    return _verdict(principal, scopes_needed or [])


def _verdict(principal: Principal, scopes_needed: list[str]) -> Response[None]:
    """Proxies understand 200, 401 and 403 only, so nothing is counted.

    A scope that nobody can have is a refusal like any other.
    """
    if not all(_SCOPE.fullmatch(scope) for scope in scopes_needed):
        raise Forbidden("No scope is called like that.")
    if not principal.scopes.issuperset(scopes_needed):
        raise InsufficientScope(required_scopes=scopes_needed)
    headers = {
        "X-User-Id": principal.user_id,
        "X-Session-Id": principal.session_id,
        "X-Scopes": " ".join(sorted(principal.scopes)),
        "Cache-Control": SECRET,
    }
    return Response(None, status_code=200, headers=headers)


ROUTES = (verify_forwarded, verify_token)
"""In this order: a path whose first handler knows no OPTIONS gets an answer to it of its own, which asks for no token."""
