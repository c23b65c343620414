"""One address for all services: a plain ASGI dispatcher that passes every request on untouched.

A parent application that mounts others would strip their prefixes and never run their lifespans.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from coffer_chassis.health import Check, Readiness, health_routes
from coffer_chassis.http import build_app
from coffer_local.route_table import RouteTable
from coffer_local.web_routes import web_routes
from coffer_local.web_site import FreshSite, Site, web_folder


class Gateway:
    """Dispatches by path prefix to applications in the same process; what nobody owns is the gateway's own to answer."""

    def __init__(self, own: Litestar, apps: Mapping[str, Any], table: RouteTable | None = None) -> None:
        self._own = own
        self._apps = dict(apps)
        self._table = table or RouteTable()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI. One lifespan enters and leaves those of all applications."""
        if scope["type"] == "lifespan":
            await run_lifespan(receive, send, self._enter)
            return
        owner = self._table.owner(scope["path"])
        app = self._own if owner is None else self._apps.get(owner, self._own)
        await app(scope, receive, send)

    async def _enter(self, stack: AsyncExitStack) -> None:
        for app in (self._own, *self._apps.values()):
            await stack.enter_async_context(app.lifespan())


async def run_lifespan(receive: Any, send: Any, enter: Callable[[AsyncExitStack], Awaitable[None]]) -> None:
    """Answer a server's lifespan: what `enter` opens is closed again at the end. A failure is told to the server."""
    await receive()
    try:
        async with AsyncExitStack() as stack:
            await enter(stack)
            await send({"type": "lifespan.startup.complete"})
            await receive()
    except Exception as error:  # noqa: BLE001  # the server reports it and ends
        await send({"type": "lifespan.startup.failed", "message": repr(error)})
        return
    await send({"type": "lifespan.shutdown.complete"})


def own_app(
    checks: Mapping[str, Check],
    more_routes: Sequence[HTTPRouteHandler] = (),
    *,
    problem_base: str = "/docs",
    site: Callable[[], Site] | None = None,
) -> tuple[Litestar, Readiness]:
    """The routes that belong to no service, the web app's among them, and the readiness that they report."""
    readiness = Readiness(checks)
    routes = [*web_routes(site or FreshSite(web_folder())), *health_routes(readiness), *more_routes]
    return build_app(service="gateway", route_handlers=routes, problem_base=problem_base), readiness
