"""The public keys of tokens."""

from typing import Any

from litestar import Response, get

from coffer_auth.routes.requests import TheDeps
from coffer_chassis.access_rules import public
from coffer_chassis.limits import unlimited
from coffer_chassis.openapi import documented
from coffer_chassis.signing.keys import KEY_SET_CACHE, KEY_SET_EXAMPLE


@get("/.well-known/jwks.json", opt=public() | unlimited() | documented(response=KEY_SET_EXAMPLE), tags=["auth"])
async def get_key_set(deps: TheDeps) -> Response[dict[str, Any]]:
    """Show the public keys of access tokens.

    A JSON Web Key Set (RFC 7517); may be cached for five minutes.
    """
    return Response(await deps.keys.published(), headers={"Cache-Control": KEY_SET_CACHE})


ROUTES = (get_key_set,)
