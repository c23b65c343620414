"""The token in the headers of a request."""

from collections.abc import Iterable

from coffer_contracts.problems import Unauthenticated


def bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The token of `Authorization: Bearer` (RFC 6750 section 2.1); raises Unauthenticated for another scheme or two."""
    found = [value for name, value in headers if name == b"authorization"]
    if not found:
        return None
    scheme, _, token = found[0].decode("latin-1").partition(" ")
    if len(found) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("one Authorization header with a bearer token is expected")
    return token.strip()
