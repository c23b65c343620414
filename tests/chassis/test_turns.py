"""Turns at the store go round among callers: whoever asks for a thousand waits behind themselves."""

import asyncio
from contextvars import copy_context

import pytest

from coffer_chassis.turns import CALLER, Turns


class Line:
    """People who stand in line, and in which order they got through."""

    def __init__(self, count: int) -> None:
        self.turns = Turns(count)
        self.through: list[str | None] = []
        self.go = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    async def enter(self, *callers: str | None) -> None:
        """Ask for a turn for each, in this order."""
        for caller in callers:
            context = copy_context()
            context.run(CALLER.set, caller)
            self.tasks.append(asyncio.create_task(self._wait(caller), context=context))
            await asyncio.sleep(0)

    async def _wait(self, caller: str | None) -> None:
        async with self.turns.taken(within_seconds=60):
            self.through.append(caller)
            await self.go.wait()

    async def all_through(self) -> list[str | None]:
        self.go.set()
        await asyncio.gather(*self.tasks)
        return self.through


async def test_somebody_who_asks_once_is_next_after_somebody_who_asks_a_thousand_times() -> None:
    line = Line(2)
    await line.enter(*["burst"] * 1000, "ana")
    through = await line.all_through()
    assert len(through) == 1001
    assert through.index("ana") <= 3


async def test_turns_go_round_among_callers_and_each_ones_are_in_order() -> None:
    line = Line(1)
    await line.enter("x", "ana", "ana", "ana", "ben", "ben", None, None)
    assert await line.all_through() == ["x", "ana", "ben", None, "ana", "ben", None, "ana"]


async def test_however_many_one_asks_for_some_are_left_for_others_at_once() -> None:
    line = Line(6)
    await line.enter(*["burst"] * 100)
    assert line.through == ["burst"] * 4
    await line.enter("ana", "ben")
    assert line.through == ["burst"] * 4 + ["ana", "ben"]
    assert len(await line.all_through()) == 102


async def test_who_is_nobody_in_particular_may_take_all() -> None:
    line = Line(6)
    await line.enter(*[None] * 7)
    assert len(line.through) == 6
    await line.all_through()


async def test_no_more_are_inside_than_there_are_turns_and_all_come_back() -> None:
    line = Line(3)
    await line.enter(*["ana", "ben", "cleo"] * 5)
    assert len(line.through) == 3
    await line.all_through()
    again = Line(3)
    again.turns = line.turns
    await again.enter("ana", "ben", "cleo", "ana")
    assert again.through == ["ana", "ben", "cleo"]
    await again.all_through()


async def test_who_waits_too_long_is_told_so_and_leaves_the_line() -> None:
    line = Line(1)
    await line.enter("ana")
    with pytest.raises(TimeoutError):
        async with line.turns.taken(within_seconds=0.01):
            pytest.fail("a turn that nobody gave back")
    await line.enter("ben")
    assert await line.all_through() == ["ana", "ben"]


async def test_a_turn_that_came_to_somebody_who_gave_up_in_the_same_moment_is_not_lost() -> None:
    line = Line(1)
    await line.enter("ana", "ben", "cleo")
    line.go.set()
    while len(line.through) < 2:
        line.tasks[1].cancel() if line.tasks[0].done() else None
        if line.tasks[1].done():
            break
        await asyncio.sleep(0)
    await asyncio.gather(*line.tasks, return_exceptions=True)
    assert line.through[-1] == "cleo"
    async with line.turns.taken(within_seconds=0.01):
        pass


async def test_cancelled_waiters_are_passed_over() -> None:
    line = Line(1)
    await line.enter("ana", "ben", "ben", "cleo")
    for task in line.tasks[1:3]:
        task.cancel()
    line.go.set()
    await asyncio.gather(*line.tasks, return_exceptions=True)
    assert line.through == ["ana", "cleo"]
