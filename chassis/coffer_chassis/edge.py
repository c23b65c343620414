"""The outermost layer of every app: request id, trace, CORS, security headers, one log line and metrics per request.

Plain ASGI around Litestar, so that 404s, 405s and failures get the same treatment as answers. HEAD is answered as GET
without its body (RFC 9110 section 9.3.2), so no route needs a handler for it. Knows no route.
"""

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Send

from coffer_chassis import logs
from coffer_chassis.cors import Cors
from coffer_chassis.ids import new_id
from coffer_chassis.metrics import HTTP
from coffer_chassis.request_context import HEAD_KEY, LIMIT_KEY, PROBLEM_KEY, SCOPE_KEY, RequestContext, request_id_in
from coffer_chassis.request_spans import METHODS, answered, answering
from coffer_chassis.tracing import Span

QUIET_ROUTES = frozenset({"/livez", "/readyz", "/health"})
"""Probed every few seconds: logged only when they fail."""

REDIRECTIONS = frozenset({301, 302, 303, 307, 308})
"""A client that reads of a small rest could wait before it follows the address (draft-ietf-httpapi-ratelimit-headers-10)."""

log = logs.get_logger()


class Edge:
    """Wraps the ASGI handler of one app."""

    def __init__(self, app: ASGIApp, *, service: str, cors: Cors, cache_control: str) -> None:
        self._app = app
        self._service = service
        self._cors = cors
        self._security = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
        self._cache_control = (b"cache-control", cache_control.encode("ascii"))

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """ASGI; never raises unless the answer had already begun, in which case the server must break it off."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, origin, parents, states = _read_headers(scope["headers"])
        with answering(scope["method"], scope["scheme"], parents, states, service=self._service) as span:
            context = scope[SCOPE_KEY] = RequestContext(request_id or new_id(), span.traceparent)
            token = logs.request_id.set(context.request_id)
            try:
                await self._answer(scope, receive, send, origin, span)
            finally:
                logs.request_id.reset(token)

    async def _answer(self, scope: Any, receive: Receive, send: Send, origin: bytes | None, span: Span) -> None:
        started = perf_counter()
        request_id = scope[SCOPE_KEY].request_id.encode("ascii")
        status = 0
        ended = False

        head_only = scope["method"] == "HEAD"
        inner: Any = {**scope, "method": "GET", HEAD_KEY: True} if head_only else scope
        # Without this an answer that never ends would go on for somebody who wants none of it.
        heard: Receive = _once(receive) if head_only else receive

        async def reply(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (b"x-request-id", request_id), *self._security]
                caching = [value for name, value in message["headers"] if name == b"cache-control"]
                if not caching:
                    headers.append(self._cache_control)
                if (limit := inner.get(LIMIT_KEY)) is not None and status not in REDIRECTIONS and not _is_shared(caching):
                    headers.extend(limit)
                if origin is not None:
                    headers.extend(self._cors.answer_headers(origin))
                message["headers"] = headers
            elif head_only and message["type"] == "http.response.body":
                message["body"] = b""
                ended = not message.get("more_body")
            await send(message)

        try:
            if origin is not None and scope["method"] == "OPTIONS" and _is_preflight(scope):
                status = 204
                await _preflight(self._cors.preflight_headers(origin), send)
            else:
                await self._app(inner, heard, reply)
                if head_only and not ended:
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Exception as error:
            log.exception("answer_broken_off", error_type=type(error).__name__)
            raise
        finally:
            self._account(scope["method"], inner, status, perf_counter() - started, span)

    def _account(self, method: str, scope: Any, status: int, seconds: float, span: Span) -> None:
        template = scope.get("path_template")
        method, route = method if method in METHODS else "other", template or "unmatched"
        HTTP.count(self._service, route, method, str(status), seconds)
        answered(span, template, status)
        if route not in QUIET_ROUTES or status >= 500:
            ms = round(seconds * 1000, 2)
            logs.request_line(method=method, route=route, status=status, ms=ms, code=scope.get(PROBLEM_KEY))
        else:
            span.hush()


def _read_headers(headers: list[tuple[bytes, bytes]]) -> tuple[str | None, bytes | None, Sequence[bytes], Sequence[bytes]]:
    """Request id and origin, and what there is of `traceparent` and `tracestate`."""
    request_id = origin = None
    parents: tuple[bytes, ...] = ()
    states: tuple[bytes, ...] = ()
    for name, value in headers:
        if name == b"x-request-id":
            request_id = request_id_in(value)
        elif name == b"traceparent":
            parents = (*parents, value)
        elif name == b"tracestate":
            states = (*states, value)
        elif name == b"origin":
            origin = value
    return request_id, origin, parents, states


def _once(receive: Receive) -> Receive:
    """The request's first message, and from then on that the client has gone."""
    asked = False

    async def heard() -> Any:
        nonlocal asked
        if asked:
            return {"type": "http.disconnect"}
        asked = True
        return await receive()

    return heard


def _is_shared(caching: Sequence[bytes]) -> bool:
    """Whether caches hand the answer to others as well (RFC 9111 section 5.2.2.9): it then says nothing of whoever asked."""
    return any(b"public" in value.lower() for value in caching)


def _is_preflight(scope: Any) -> bool:
    """Not one that a proxy asks about: it would take the answer for leave to let the request pass (forward-auth)."""
    names = {name for name, _ in scope["headers"]}
    return b"access-control-request-method" in names and b"x-forwarded-method" not in names


async def _preflight(headers: list[tuple[bytes, bytes]], send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
