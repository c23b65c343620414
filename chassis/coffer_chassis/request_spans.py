"""Spans of HTTP requests, in the words of OpenTelemetry's stable semantic conventions for HTTP servers.

`url.path` and everything a client says of itself are left out on purpose: paths hold tokens of links, and spans leave the
installation.
"""

from collections.abc import Sequence

from coffer_chassis.trace_headers import parent_in_headers, state_in_headers
from coffer_chassis.tracing import Span, span

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def answering(method: str, scheme: str, parents: Sequence[bytes], states: Sequence[bytes], *, service: str) -> Span:
    """The span of a request that begins: `parents` and `states` are its headers `traceparent` and `tracestate`.

    A state without a valid parent means nothing (W3C Trace Context section 3.3).
    """
    parent = parent_in_headers(parents) if parents else None
    return span(
        method if method in METHODS else "HTTP",
        kind="server",
        parent=parent.traceparent if parent else None,
        state=state_in_headers(states) if parent and states else None,
        attributes={"http.request.method": method if method in METHODS else "_OTHER", "url.scheme": scheme},
        service=service,
        root=True,
    )


def answered(running: Span, route: str | None, status: int) -> None:
    """How the request ended: `route` is its template if it had one, `status` is 0 if there was no answer."""
    if route is not None:
        running.name = f"{running.name} {route}"
        running.attributes["http.route"] = route
    if status:
        running.attributes["http.response.status_code"] = status
    if status >= 500:
        running.error = str(status)
