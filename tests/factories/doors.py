"""Applications over real HTTP: the listeners stay open for a module, since closing one takes longer than most tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from uvicorn.lifespan.on import LifespanOn

from coffer_chassis.serving import FINISH_SECONDS, listen, serve
from factories.engines import at_module_end


class Door:
    """A listener of the product's server, and the application that is behind it for now."""

    def __init__(self) -> None:
        bound = listen("127.0.0.1", 0)
        self.port: int = bound.getsockname()[1]
        self.app: Any = None
        self._stopping = asyncio.Event()
        self._inside: set[asyncio.Task[Any]] = set()
        self._serving = asyncio.create_task(serve(self, bound, self._stopping, lifespan=False))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._inside.add(task)
        try:
            await self.app(scope, receive, send)
        finally:
            self._inside.discard(task)

    async def emptied(self) -> None:
        """Let requests under way finish as the server does when it stops, and give up those that take too long."""
        if self._inside:
            _, late = await asyncio.wait(self._inside, timeout=FINISH_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self.app = None

    async def close(self) -> None:
        """Stop listening."""
        self._stopping.set()
        await self._serving


_free: list[Door] = []


async def _close_all() -> None:
    closing = [door.close() for door in _free]
    _free.clear()
    await asyncio.gather(*closing)


@asynccontextmanager
async def living(app: Any) -> AsyncIterator[None]:
    """Its lifespan, as the server runs it. Raises RuntimeError when it does not start."""
    config = uvicorn.Config(app, lifespan="on", log_config=None, proxy_headers=False)
    config.load()
    lifespan = LifespanOn(config)
    await lifespan.startup()
    if lifespan.should_exit:
        raise RuntimeError("the application did not start; the log says why")
    try:
        yield
    finally:
        await lifespan.shutdown()


@asynccontextmanager
async def behind_a_door(app: Any) -> AsyncIterator[int]:
    """The port on which an application answers over real HTTP, its lifespan included."""
    shared = at_module_end(_close_all)
    door = _free.pop() if shared and _free else Door()
    try:
        async with living(app):
            door.app = app
            try:
                yield door.port
            finally:
                await door.emptied()
    finally:
        if shared:
            _free.append(door)
        else:
            await door.close()
