"""Builds the HTTP app of a service: one way to speak HTTP for all of Coffer.

Composition only: request ids and logs are the edge's, refusals are `problems`', permission is `access_rules`'.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from time import monotonic
from typing import Any

import structlog
from litestar import Litestar, Request, Response
from litestar.di import Provide
from litestar.routes import HTTPRoute
from litestar.types import ControllerRouterHandler, LifespanHook

from coffer_chassis.access_rules import TokenVerifier, gate, require_declarations
from coffer_chassis.bodies import JsonRequest, PydanticBodies
from coffer_chassis.callers import Caller, Callers
from coffer_chassis.cors import Cors
from coffer_chassis.edge import Edge
from coffer_chassis.etags import Conditions
from coffer_chassis.limits.layer import counting
from coffer_chassis.limits.limiter import Limiter
from coffer_chassis.origin import Origin
from coffer_chassis.outages import outage_of
from coffer_chassis.pauses import back_off
from coffer_chassis.problems import ProblemAnswers
from coffer_chassis.request_context import RequestContext
from coffer_contracts.problems import Unauthenticated

MAX_BODY_BYTES = 1_048_576
"""Metadata only: bytes of files go to S3 and never pass through an app."""

START_SECONDS = 20
START_BACK_OFF_SECONDS = (0.1, 2.0)
"""How long an application waits at its start for what it needs, and how often it looks."""

METADATA = "private, no-cache"
NO_STORE = "no-store"

log = structlog.get_logger(__name__)

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def build_app(
    *,
    service: str,
    route_handlers: Sequence[ControllerRouterHandler],
    verifier: TokenVerifier | None = None,
    limiter: Limiter | None = None,
    dependencies: Mapping[str, object] | None = None,
    lifespan: Sequence[Lifespan] = (),
    on_startup: Sequence[LifespanHook] = (),
    on_shutdown: Sequence[LifespanHook] = (),
    problem_base: str = "/docs",
    allowed_origins: Sequence[str] = (),
    cache_control: str = METADATA,
    max_body_bytes: int = MAX_BODY_BYTES,
    internal: bool = False,
) -> Litestar:
    """An app that answers every failure as problem+json; raises TypeError if a route does not declare its access.

    `dependencies` are the values handlers ask for by name (a Provide is taken as it is). Beside them every handler may
    ask for `principal` (the signed-in caller), `origin` (for a unit of work), `conditions` (If-Match and the like) and
    `callers` (who tell where a request comes from). Without a `limiter` nothing is counted.
    `problem_base` is the address under which `/problems/<code>` is served. `internal` is for the port nobody outside
    can reach. Without a `verifier` every route but public ones answers 401.
    """
    callers = limiter.callers if limiter else Callers()
    own = {**_own_dependencies(callers), "callers": callers}
    app = Litestar(
        list(route_handlers),
        dependencies={name: _provided(value) for name, value in {**own, **(dependencies or {})}.items()},
        exception_handlers=ProblemAnswers(problem_base, max_body_bytes=max_body_bytes).handlers(),
        lifespan=list(lifespan),
        logging_config=None,  # Litestar's own would take over the root logger
        middleware=[gate(verifier), *([counting(limiter)] if limiter else [])],
        on_shutdown=list(on_shutdown),
        on_startup=[_patient(hook) for hook in on_startup],
        openapi_config=None,  # documents are made by `openapi`, at build time, not served by services
        plugins=[PydanticBodies()],
        request_class=JsonRequest,
        request_max_body_size=max_body_bytes,
    )
    require_declarations(app.routes, internal=internal)
    _resolve_one_by_one(app)
    app.asgi_handler = Edge(app.asgi_handler, service=service, cors=Cors(allowed_origins), cache_control=cache_control)
    return app


def _patient(hook: LifespanHook) -> LifespanHook:
    """The same, tried again while something it needs is away: a service must not stay without its routes because the store
    was restarted in the moment it began.
    """

    async def run() -> None:
        deadline = monotonic() + START_SECONDS
        failures = 0
        while True:
            try:
                done = hook()  # type: ignore[call-arg]  # ours take no argument
                if done is not None:
                    await done
            except Exception as error:
                failures += 1
                if outage_of(error) is None or monotonic() > deadline:
                    raise
                log.warning("start_waits", error=repr(error), failures=failures)
                await asyncio.sleep(back_off(failures, START_BACK_OFF_SECONDS))
            else:
                return

    return run


def not_modified(etag: str) -> Response[None]:
    """304 for a GET whose caller has `etag` already (RFC 9110 section 15.4.5)."""
    return Response(None, status_code=304, headers={"ETag": etag})


def _provided(value: object) -> Provide:
    if isinstance(value, Provide):
        return value

    def give() -> object:
        return value

    return Provide(give, sync_to_thread=False)


def _own_dependencies(callers: Callers) -> dict[str, Provide]:
    def origin(request: Request[Any, Any, Any]) -> Origin:
        return _origin(request, callers.of(request.scope))

    return {
        "principal": Provide(_principal, sync_to_thread=False),
        "origin": Provide(origin, sync_to_thread=False),
        "conditions": Provide(_conditions, sync_to_thread=False),
    }


def _principal(request: Request[Any, Any, Any]) -> Any:
    caller = request.scope.get("user")
    if caller is None:
        raise Unauthenticated
    return caller


def _origin(request: Request[Any, Any, Any], where: Caller) -> Origin:
    context = RequestContext.of(request.scope)
    caller: Any = request.scope.get("user")
    if caller is None:
        return Origin(None, "system", context.correlation_id, None, context.traceparent, where)
    return Origin(caller.user_id, caller.kind, context.correlation_id, None, context.traceparent, where, caller.session_id)


def _conditions(request: Request[Any, Any, Any]) -> Conditions:
    return Conditions.in_headers(request.scope["headers"])


def _resolve_one_by_one(app: Litestar) -> None:
    # Litestar resolves independent dependencies in an anyio task group: 45 us for two constants, measured. Ours are
    # values at hand, so each gets a batch of its own.
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for _, model in route.route_handler_map.values():
                model.dependency_batches = [{one} for batch in model.dependency_batches for one in batch]
