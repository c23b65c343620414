"""What one HTTP request is part of: its request id, and the trace it belongs to.

Reading and writing the headers is the edge's work; this file only says what they mean.
"""

import re
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

SCOPE_KEY = "coffer.request"
HEAD_KEY = "coffer.head"
"""Set in the scope of a request that was HEAD and is answered as GET, for routes that would do more than tell."""
LIMIT_KEY = "coffer.limit"
"""Where what an answer says of a limit is left in the scope, as header fields for the edge."""
PROBLEM_KEY = "coffer.problem"
"""Where the code of a refusal is left in the scope, for the log line of the request."""


@dataclass(slots=True)
class RequestContext:
    """Identity of a request. `request_id` is the caller's own where it is well formed, else made by the edge."""

    request_id: str
    traceparent: str | None = None
    """The span of this request, not the one it was sent from."""

    @property
    def correlation_id(self) -> str:
        """A UUID for every event that follows: the request id where it is one, else derived from it (UUIDv5)."""
        if _UUID.fullmatch(self.request_id):
            return self.request_id
        return str(uuid5(NAMESPACE_URL, f"urn:coffer:request:{self.request_id}"))

    @property
    def trace_id(self) -> str | None:
        """The trace id inside `traceparent`: 32 hex digits."""
        return self.traceparent[3:35] if self.traceparent else None

    @classmethod
    def of(cls, scope: Any) -> "RequestContext":
        """The context the edge laid into an ASGI scope; an empty one outside of a request."""
        context: RequestContext = scope.get(SCOPE_KEY) or cls("")
        return context


def request_id_in(header: bytes) -> str | None:
    """A caller's `X-Request-Id` if it is 8 to 64 characters of `[A-Za-z0-9._-]`, else nothing."""
    return header.decode("ascii") if _REQUEST_ID.fullmatch(header) else None
