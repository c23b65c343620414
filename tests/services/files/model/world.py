"""A service for generated tests, on a loop of its own: the machines of hypothesis call from outside, one step at a time."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings

from factories.files import Files, files_on

T = TypeVar("T")

STEP_SECONDS = 60
"""Longer than any step takes on a busy machine; a step that waits for itself ends the test."""


class World:
    """The service, and the way onto its loop."""

    def __init__(self, files: Files, loop: asyncio.AbstractEventLoop) -> None:
        self.files = files
        self._loop = loop

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        """What the step comes to. Raises what it raises, and TimeoutError for one that hangs."""
        return asyncio.run_coroutine_threadsafe(step, self._loop).result(STEP_SECONDS)


@contextmanager
def world_on(url: str, **changes: Any) -> Iterator[World]:
    """A world on a store."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="world", daemon=True)
    thread.start()
    service = files_on(url, **changes)
    try:
        files = asyncio.run_coroutine_threadsafe(service.__aenter__(), loop).result(STEP_SECONDS)
        try:
            yield World(files, loop)
        finally:
            asyncio.run_coroutine_threadsafe(service.__aexit__(None, None, None), loop).result(STEP_SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


_ALWAYS: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}


def quick(examples: int, steps: int) -> settings:
    """The same examples every time, for `make check`; those that fail are made smaller."""
    return settings(max_examples=examples, stateful_step_count=steps, derandomize=True, **_ALWAYS)


def long(examples: int, steps: int) -> settings:
    """New examples every time, for `make proof`; one that fails is printed with what brings it back."""
    phases = (Phase.explicit, Phase.generate, Phase.shrink)
    return settings(max_examples=examples, stateful_step_count=steps, print_blob=True, phases=phases, **_ALWAYS)
