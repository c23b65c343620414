"""One HTTP application for many tests: building it costs more than the requests of most of them.

It is built on stand-ins, which each request leads to the collaborators of the test that sends it.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from litestar.di import Provide

_apps: dict[str, Any] = {}
_current: ContextVar[tuple[Any, ...]] = ContextVar("collaborators")


class StandIn(Provide):
    """What a request's own collaborator says, it says; handlers that ask for it are given that one itself."""

    def __init__(self, place: int) -> None:
        super().__init__(lambda: _current.get()[place], sync_to_thread=False)

    def __getattr__(self, name: str) -> Any:
        if name in Provide.__slots__:  # asked before it was set
            raise AttributeError(name)
        return getattr(self.dependency(), name)


def app_over(name: str, build: Callable[..., Any], *collaborators: Any) -> Any:
    """The application called `name` as an ASGI callable whose requests, and whose start, meet these collaborators."""

    if name not in _apps:
        token = _current.set(collaborators)
        try:
            _apps[name] = build(*(StandIn(place) for place in range(len(collaborators))))
        finally:
            _current.reset(token)
    shared: Any = _apps[name]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        token = _current.set(collaborators)
        try:
            await shared(scope, receive, send)
        finally:
            _current.reset(token)

    return app
