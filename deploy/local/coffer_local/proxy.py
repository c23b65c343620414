"""One address for services that run elsewhere: every request goes to its owner over HTTP, and the answer comes back.

Bytes pass in both directions as they come, so that a stream of events is not held up. What nobody owns is the gateway's
own to answer. Which header fields pass is decided in `forwarding`, who owns a path in `route_table`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from time import perf_counter
from typing import Any

import aiohttp
import msgspec
from litestar import Litestar
from yarl import URL

from coffer_chassis.cors import Cors
from coffer_chassis.edge import Edge
from coffer_chassis.http import MAX_BODY_BYTES, NO_STORE
from coffer_chassis.ids import new_id
from coffer_chassis.logs import get_logger
from coffer_chassis.metrics import HTTP
from coffer_chassis.problems import MEDIA_TYPE, document, headers_of
from coffer_chassis.request_context import PROBLEM_KEY, RequestContext, request_id_in
from coffer_chassis.request_spans import METHODS, answered, answering
from coffer_chassis.tracing import is_exporting
from coffer_contracts.problems import MalformedRequest, MethodNotAllowed, Problem, Timeout, TooLarge, Unavailable
from coffer_local.forwarding import ForwardedFor, body_length, response_fields, traced_by
from coffer_local.gateway import run_lifespan
from coffer_local.route_table import RouteTable

CONNECT_SECONDS = 3
ANSWER_SECONDS = 60
"""How long a service may take to begin its answer; how long it then goes on is its own business."""
HELD_BACK_SECONDS: Mapping[str, int] = {"/v1/changes": 140}
"""How much longer where an answer waits for something to happen if the client wants that."""
IDLE_SECONDS = 30
"""Shorter than services keep idle connections, so that none ends just as a request is sent on it."""
RETRY_SECONDS = 1
FIELD_BYTES = 32 * 1024
_TRACE_FIELDS = (b"traceparent", b"tracestate")
_OWN_FIELDS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
"""What the HTTP client would add by itself."""

log = get_logger()


class ClientGone(Exception):
    """Whoever asked does not wait for the answer."""


class Incoming:
    """The body of a request on its way through, counted; read by one task at a time."""

    def __init__(self, receive: Any, limit: int, length: int | None) -> None:
        self._receive = receive
        self._limit = limit
        self.length = length
        self.ended: Problem | ClientGone | None = None
        """Why it was not read to its end, which the HTTP client does not tell."""
        self.passed = asyncio.Event()
        """Set when nobody reads the body any more."""

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises TooLarge beyond the limit and ClientGone if the client leaves in the middle."""
        seen = 0
        try:
            while True:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    self.ended = ClientGone()
                    raise self.ended
                seen += len(message.get("body", b""))
                if seen > self._limit:
                    self.ended = _too_large(self._limit)
                    raise self.ended
                if message.get("body"):
                    yield message["body"]
                if not message.get("more_body"):
                    return
        finally:
            self.passed.set()

    async def client_gone(self) -> None:
        """Returns when the client leaves, however far the answer is."""
        await self.passed.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


class Proxy:
    """ASGI. `upstreams` are base addresses by service; the prefixes of a service without one are nobody's."""

    def __init__(
        self,
        own: Litestar,
        upstreams: Mapping[str, str],
        *,
        forwarded: ForwardedFor | None = None,
        problem_base: str = "/docs",
        table: RouteTable | None = None,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._own = own
        self._upstreams = {service: url.rstrip("/") for service, url in upstreams.items()}
        self._forwarded = forwarded or ForwardedFor()
        self._problem_base = problem_base
        self._table = table or RouteTable()
        self._answer_seconds = answer_seconds
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI; raises only to break off an answer that had begun."""
        if scope["type"] == "lifespan":
            await run_lifespan(receive, send, self._opened)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        owner = self._table.owner(scope["path"])
        base = self._upstreams.get(owner) if owner is not None else None
        if owner is None or base is None:
            await self._own(scope, receive, send)
            return
        if not is_exporting():  # somebody who tells nobody of it takes no part in a trace
            await self._pass(owner, base, scope, receive, send)
            return
        parents, states = ([value for name, value in scope["headers"] if name == field] for field in _TRACE_FIELDS)
        with answering(scope["method"], scope["scheme"], parents, states, service="gateway") as span:
            span.attributes["coffer.upstream"] = owner
            inner = {**scope, "headers": traced_by(span, scope["headers"])}
            answered(span, None, await self._pass(owner, base, inner, receive, send))

    async def ask(self, url: str) -> int:
        """The status of a GET, for health checks; raises OSError or aiohttp.ClientError if nobody answers."""
        async with self._client().get(url, allow_redirects=False) as response:
            return response.status

    async def _opened(self, stack: AsyncExitStack) -> None:
        await stack.enter_async_context(self._own.lifespan())
        self._session = await stack.enter_async_context(
            aiohttp.ClientSession(
                auto_decompress=False,
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                max_field_size=FIELD_BYTES,
                max_line_size=FIELD_BYTES,
                skip_auto_headers=_OWN_FIELDS,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            )
        )

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the gateway answers only between the start and the end of its lifespan")
        return self._session

    async def _pass(self, owner: str, base: str, scope: Any, receive: Any, send: Any) -> int:
        """Its status, 0 if the client left before there was one."""
        began = perf_counter()
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = request_id_in(given) or new_id()
        status = 0

        async def reply(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            body = _incoming(scope, receive)
            await _while_wanted(self._exchange(base, scope, body, reply, request_id), body)
        except Problem as problem:
            await self._refuse(scope, reply, problem, request_id)
        except (aiohttp.ClientError, OSError) as error:
            if status:  # too late for another answer: the server breaks this one off
                raise
            log.warning("service_unreachable", service=owner, error=_told(error), request_id=request_id)
            away = Unavailable("A part of Coffer cannot be reached at this moment.", retry_after_seconds=RETRY_SECONDS)
            await self._refuse(scope, reply, away, request_id)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            HTTP.count("gateway", owner, method, str(status), perf_counter() - began)
        return status

    async def _exchange(self, base: str, scope: Any, body: Incoming, send: Any, request_id: str) -> None:
        response = await self._ask(base, scope, body, request_id)
        async with response:
            fields = response_fields(response.raw_headers, response.status)
            await send({"type": "http.response.start", "status": response.status, "headers": fields})
            async for chunk in response.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _ask(self, base: str, scope: Any, body: Incoming, request_id: str) -> aiohttp.ClientResponse:
        """The answer of the service up to its header. Raises Timeout, TooLarge, ClientGone, aiohttp.ClientError, OSError."""
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        # As they came: decoding and encoding again would change what the service sees.
        address = URL(base + (scope["raw_path"] + query).decode("latin-1"), encoded=True)
        seconds = self._answer_seconds + HELD_BACK_SECONDS.get(scope["path"], 0)
        try:
            async with asyncio.timeout(None) as patience, _limited(patience, body.passed, seconds):
                return await self._client().request(
                    scope["method"],
                    address,
                    headers=self._forwarded.request_fields(scope, request_id=request_id),
                    data=body.chunks() if body.length != 0 else None,
                    allow_redirects=False,
                )
        except TimeoutError as error:
            if patience.expired():
                raise Timeout("A part of Coffer did not answer in time.", retry_after_seconds=RETRY_SECONDS) from error
            raise
        except (aiohttp.ClientError, OSError):
            if body.ended is not None:
                raise body.ended from None
            raise

    async def _refuse(self, scope: Any, send: Any, problem: Problem, request_id: str) -> None:
        """Through the same edge as every other answer, under the id that the service was given."""

        async def answer(scope: Any, _receive: Any, send: Any) -> None:
            scope[PROBLEM_KEY] = problem.code
            content = msgspec.json.encode(document(problem, base=self._problem_base, context=RequestContext.of(scope)))
            headers = {"content-type": MEDIA_TYPE, "content-length": str(len(content))} | headers_of(problem)
            fields = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            # What is left of the body is not read, so the connection cannot carry another request.
            fields += [(b"connection", b"close")] if problem.status in {400, 413} else []
            await send({"type": "http.response.start", "status": problem.status, "headers": fields})
            await send({"type": "http.response.body", "body": content, "more_body": False})

        kept = [(name, value) for name, value in scope["headers"] if name not in {b"x-request-id", b"origin"}]
        named = {**scope, "headers": [*kept, (b"x-request-id", request_id.encode())]}
        await Edge(answer, service="gateway", cors=Cors(), cache_control=NO_STORE)(named, _nothing, send)


def _told(error: Exception) -> str:
    # Written out, an error about an answer holds the whole request, tokens included.
    return f"{type(error).__name__}: {error.message if isinstance(error, aiohttp.ClientResponseError) else error}"


async def _nothing() -> Any:
    return {"type": "http.disconnect"}


def _incoming(scope: Any, receive: Any) -> Incoming:
    """Raises MethodNotAllowed, MalformedRequest or TooLarge for what no service should have to look at."""
    if scope["method"] not in METHODS:
        raise MethodNotAllowed
    hosts = sum(name == b"host" for name, _ in scope["headers"])
    if hosts > 1 or (hosts == 0 and scope["http_version"] == "1.1"):  # RFC 9112 section 3.2
        raise MalformedRequest("one Host field is expected")
    try:
        length = body_length(scope["headers"])
    except ValueError as error:
        raise MalformedRequest("the body's length is no number") from error
    if length is not None and length > MAX_BODY_BYTES:
        raise _too_large(MAX_BODY_BYTES)
    body = Incoming(receive, MAX_BODY_BYTES, length)
    if length == 0:
        body.passed.set()
    return body


def _too_large(limit: int) -> Problem:
    return TooLarge(f"at most {limit} bytes", limit=limit)


@contextlib.asynccontextmanager
async def _limited(patience: asyncio.Timeout, passed: asyncio.Event, seconds: float) -> AsyncIterator[None]:
    """Let the time run once the request has been passed on whole: a slow client is not a slow service."""

    async def start_the_clock() -> None:
        await passed.wait()
        patience.reschedule(asyncio.get_running_loop().time() + seconds)

    clock = asyncio.create_task(start_the_clock())
    try:
        yield
    finally:
        clock.cancel()


async def _while_wanted(exchange: Any, body: Incoming) -> None:
    """Run the exchange and end it if the client leaves: a service should not work for nobody."""
    exchanging = asyncio.create_task(exchange)
    leaving = asyncio.create_task(body.client_gone())
    try:
        await asyncio.wait({exchanging, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not exchanging.done():
            return
        with contextlib.suppress(ClientGone):
            exchanging.result()
    finally:
        for task in (exchanging, leaving):
            task.cancel()
        await asyncio.gather(exchanging, leaving, return_exceptions=True)
