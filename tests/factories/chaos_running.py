"""A house of chaos and the thread it lives in."""

import asyncio
import contextlib
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from factories.chaos_house import House
from factories.cloud import Cloud
from factories.databases import PostgresServer

T = TypeVar("T")


class Running:
    """A house and the thread it lives in; people call it from theirs."""

    def __init__(self, built: House, loop: asyncio.AbstractEventLoop) -> None:
        self.house = built
        self._loop = loop

    @property
    def url(self) -> str:
        """Where people find it."""
        return self.house.url

    def do(self, coroutine: Coroutine[Any, Any, T], *, within_seconds: float = 60) -> T:
        """Run something on the house's own loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(within_seconds)

    def call(self, function: Callable[[], object]) -> None:
        """Call something on the house's own loop."""

        async def now() -> None:
            function()

        self.do(now())


@contextlib.contextmanager
def house(tag: str, postgres: PostgresServer, cloud: Cloud) -> Iterator[Running]:
    """A running house, calm; everything is thrown away at the end."""
    loop = uvloop.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=f"house {tag}", daemon=True)
    thread.start()
    with tempfile.TemporaryDirectory(prefix="coffer-house-") as folder:
        built = House(tag, postgres, cloud, Path(folder))
        running = Running(built, loop)
        try:
            running.do(built.start())
            yield running
        finally:
            running.do(built.close())
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
            built.drop()
