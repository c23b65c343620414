"""A service for generated tests, on a loop of its own: the machines of hypothesis call from outside, one step at a time."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

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


def quick(examples: int, steps: int, *, smaller: bool = False) -> settings:
    """The same examples every time, for `make test`. One that fails is shown as it is; `smaller` takes minutes to find the
    least of its kind.
    """
    phases = (Phase.generate, Phase.shrink) if smaller else (Phase.generate,)
    return settings(max_examples=examples, stateful_step_count=steps, derandomize=True, phases=phases, **_ALWAYS)


def long(examples: int, steps: int) -> settings:
    """New examples every time, for `make proof`; one that fails is made smaller and printed with what brings it back."""
    phases = (Phase.generate, Phase.shrink)
    return settings(max_examples=examples, stateful_step_count=steps, print_blob=True, phases=phases, **_ALWAYS)


def run_machine(machine: Callable[[World], RuleBasedStateMachine], world: World, how: settings) -> None:
    """Let the machine run again and again, from the beginning each time. Raises what the first example that fails raises."""
    fresh: Any = lambda: machine(world)  # noqa: E731  # asked for as a class and only called
    run_state_machine_as_test(fresh, settings=how)
