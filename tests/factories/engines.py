"""Engines that the tests of a module share: connecting, and compiling every statement anew, cost more than most tests."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

POOL = 12


class Shared:
    """An engine, and the lists that every statement it runs is noted in."""

    def __init__(self, url: str) -> None:
        self.engine = create_async_engine(url, pool_size=POOL, connect_args={"server_settings": {"jit": "off"}})
        self.notes: list[list[str]] = []
        self.notes_of_the_driver: list[list[str]] = []
        event.listen(self.engine.sync_engine, "before_cursor_execute", self._through_sqlalchemy)
        event.listen(self.engine.sync_engine, "connect", self._past_sqlalchemy)

    def _through_sqlalchemy(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        for notes in self.notes:
            notes.append(statement)

    def _past_sqlalchemy(self, adapted: Any, _record: Any) -> None:
        adapted.driver_connection.add_query_logger(self._by_the_driver)

    def _by_the_driver(self, logged: Any) -> None:
        if not logged.query.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            for notes in self.notes_of_the_driver:
                notes.append(logged.query)


@dataclass
class Module:
    """What the tests of one module share, and the loop that it lives on."""

    loop: asyncio.AbstractEventLoop | None = None
    shared: dict[str, Shared] = field(default_factory=dict)
    endings: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)


_module = Module()


def at_module_end(end: Callable[[], Coroutine[Any, Any, None]]) -> bool:
    """Have it awaited once, when the tests of the module are over. False, and nothing, on any other loop than the module's."""
    is_shared = asyncio.get_running_loop() is _module.loop
    if is_shared and end not in _module.endings:
        _module.endings.append(end)
    return is_shared


@asynccontextmanager
async def engine_on(
    url: str, notes: list[str] | None = None, *, notes_of_the_driver: list[str] | None = None
) -> AsyncIterator[AsyncEngine]:
    """An engine on a database: the module's on the module's loop, one of its own on any other. Statements go into `notes`,
    and those that the driver is given past SQLAlchemy into the other list.
    """
    is_shared = asyncio.get_running_loop() is _module.loop
    found = _module.shared.get(url) if is_shared else None
    if found is None:
        found = Shared(url)
        if is_shared:
            _module.shared[url] = found
    lists = ((found.notes, notes), (found.notes_of_the_driver, notes_of_the_driver))
    for known, new in lists:
        if new is not None:
            known.append(new)
    try:
        yield found.engine
    finally:
        for known, new in lists:
            known[:] = [one for one in known if one is not new]
        if not is_shared:
            await found.engine.dispose()


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def engines_end() -> AsyncIterator[None]:
    """Close at the end of a module what its tests shared."""
    _module.loop = asyncio.get_running_loop()
    try:
        yield
    finally:
        _module.loop = None
        for end in _module.endings:
            await end()
        _module.endings.clear()
        for shared in _module.shared.values():
            await shared.engine.dispose()
        _module.shared.clear()
