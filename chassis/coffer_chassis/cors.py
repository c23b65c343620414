"""Which web pages of other origins may read our answers (Fetch standard, CORS protocol).

Decides headers only; the edge sends them. Credentials are never allowed: tokens travel in `Authorization`.
"""

from collections.abc import Iterable

Header = tuple[bytes, bytes]

EXPOSED_HEADERS = "ETag, Location, Link, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Idempotent-Replayed"
_ALLOWED_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_ALLOWED_HEADERS = (
    "Authorization, Coffer-Ticket, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Range, X-Request-Id, "
    "traceparent"
)
_PREFLIGHT_SECONDS = 600


class Cors:
    """The rule of one app. Without origins every cross-origin page is refused."""

    def __init__(self, origins: Iterable[str] = ()) -> None:
        """`origins` as browsers send them (`https://drive.example`); `*` allows every page."""
        self._origins = frozenset(origin.rstrip("/").lower().encode("ascii") for origin in origins)
        self._any = b"*" in self._origins

    def answer_headers(self, origin: bytes) -> list[Header]:
        """What an ordinary answer to a page of `origin` carries; nothing but `Vary` if it is not allowed."""
        vary = [] if self._any else [(b"vary", b"Origin")]
        if not self._allows(origin):
            return vary
        return [
            *vary,
            (b"access-control-allow-origin", b"*" if self._any else origin),
            (b"access-control-expose-headers", EXPOSED_HEADERS.encode()),
        ]

    def preflight_headers(self, origin: bytes) -> list[Header]:
        """What the answer to a preflight carries: the permission, or nothing, which browsers take as refusal."""
        vary = [(b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers")]
        if not self._allows(origin):
            return vary
        return [
            *vary,
            (b"access-control-allow-origin", b"*" if self._any else origin),
            (b"access-control-allow-methods", _ALLOWED_METHODS.encode()),
            (b"access-control-allow-headers", _ALLOWED_HEADERS.encode()),
            (b"access-control-max-age", str(_PREFLIGHT_SECONDS).encode()),
        ]

    def _allows(self, origin: bytes) -> bool:
        return self._any or origin.lower() in self._origins
