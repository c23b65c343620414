import asyncio
import threading
import time
from types import ModuleType

import pytest

from coffer_local.long_polls import shorten_polls


def queues(wake: threading.Event | None = None) -> ModuleType:
    """A module of the shape that is looked for."""
    module = ModuleType("sqs")
    module.asyncio = asyncio  # type: ignore[attr-defined]  # as ministack's own
    if wake is not None:
        module.esm_wake = wake  # type: ignore[attr-defined]  # as above
    return module


async def test_without_anybody_who_rings_they_look_every_ten_milliseconds() -> None:
    module = queues()
    pauses = shorten_polls(module)
    assert pauses is not None
    assert not pauses.rings
    began = time.perf_counter()
    await module.asyncio.sleep(5)
    assert time.perf_counter() - began < 1
    assert module.asyncio.iscoroutine is asyncio.iscoroutine


async def test_a_message_ends_all_waits_from_whatever_thread_it_comes() -> None:
    wake = threading.Event()
    module = queues(wake)
    pauses = shorten_polls(module)
    assert pauses is not None
    assert pauses.rings
    waits = [asyncio.create_task(module.asyncio.sleep(3600, number)) for number in range(3)]
    await asyncio.sleep(0)
    assert not any(wait.done() for wait in waits)
    await asyncio.to_thread(wake.set)
    assert await asyncio.wait_for(asyncio.gather(*waits), 10) == [0, 1, 2]
    assert wake.is_set()


async def test_who_waits_after_a_message_waits_for_the_next() -> None:
    wake = threading.Event()
    module = queues(wake)
    shorten_polls(module)
    wake.set()
    later = asyncio.create_task(module.asyncio.sleep(3600))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not later.done()
    wake.set()
    wake.set()
    await asyncio.wait_for(later, 10)


async def test_what_appears_with_time_is_found_when_the_pause_is_over() -> None:
    module = queues(threading.Event())
    shorten_polls(module)
    assert await asyncio.wait_for(module.asyncio.sleep(0.01, "late"), 10) == "late"


async def test_who_gives_up_waiting_is_forgotten() -> None:
    wake = threading.Event()
    module = queues(wake)
    shorten_polls(module)
    gone, here = (asyncio.create_task(module.asyncio.sleep(3600)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    wake.set()
    await asyncio.wait_for(here, 10)
    assert gone.cancelled()


async def test_a_stop_ends_them() -> None:
    wake = threading.Event()
    module = queues(wake)
    pauses = shorten_polls(module)
    assert pauses is not None
    waiting = asyncio.create_task(module.asyncio.sleep(3600))
    await asyncio.sleep(0)
    pauses.ended = True
    pauses.ring()
    await asyncio.wait_for(waiting, 10)
    with pytest.raises(ConnectionAbortedError):
        await module.asyncio.sleep(0)


def test_a_ring_after_the_loop_was_closed_does_nothing() -> None:
    wake = threading.Event()
    module = queues(wake)
    shorten_polls(module)
    asyncio.run(module.asyncio.sleep(0))
    wake.set()
    assert wake.is_set()


def test_a_module_of_another_shape_is_left_alone() -> None:
    module = ModuleType("sqs")
    assert not shorten_polls(module)
    assert not hasattr(module, "asyncio")
