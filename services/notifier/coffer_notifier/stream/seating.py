"""Seats of one process: how many live streams a person has open counts over all processes, in the store they share.

Streams outlive a store that is away: who comes then is let in without a seat.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from coffer_chassis.ids import new_id
from coffer_chassis.rounds import Rounds
from coffer_contracts.ids import UserId
from coffer_notifier.store import seats

BEAT_SECONDS = 4.0
"""Several times within a lease."""
BACK_OFF_SECONDS = (0.2, 4.0)
LEAVE_SECONDS = 2.0
"""How long a process that stops tries to free its seats; then they free themselves with its lease."""

AGAIN_SECONDS = 0.3
"""After how long it is asked once more where all seats are taken: one was left just now, perhaps, to be taken here."""

STANDING = 0
"""A seat that is none: the store could not say."""

log = structlog.get_logger(__name__)


class Seats:
    """`run` until told to stop; `take` and `leave` on the event loop. `engine` commits each statement."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._process = new_id()
        self.known = asyncio.Event()
        """Set while the store knows of this process; without that its seats would count for nothing."""
        self._left: dict[UserId, list[int]] = defaultdict(list)
        """Seats that were left and are not free for other processes yet."""
        self._rounds = Rounds(self._look, failed="seats_not_noted", back_off_seconds=BACK_OFF_SECONDS)

    async def run(self, stopping: asyncio.Event) -> None:
        """Say that this process is there, and free what was left; when it stops, all of it is."""
        try:
            await self._rounds.run(stopping)
        finally:
            self.known.clear()
            self._left.clear()
            with suppress(Exception):
                async with asyncio.timeout(LEAVE_SECONDS), self._engine.connect() as connection:
                    await seats.leave(connection, self._process)

    async def take(self, person: UserId, most: int) -> int | None:
        """A seat for one more stream of a person; nothing if they have all of theirs."""
        taking = asyncio.create_task(self._take(person, most))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            taking.add_done_callback(lambda taken: self._leave_unused(person, taken))
            raise

    async def _take(self, person: UserId, most: int) -> int | None:
        try:
            for pause in (AGAIN_SECONDS, None):
                if left := self._left.get(person):
                    return left.pop()
                async with self._engine.connect() as connection:
                    number = await self._taken(connection, person, most)
                if number is not None or pause is None:
                    return number
                await asyncio.sleep(pause)
        except Exception as error:  # noqa: BLE001  # whatever it is, nobody is sent away for it
            log.warning("seat_not_taken", error=repr(error))
        return STANDING

    async def _taken(self, connection: AsyncConnection, person: UserId, most: int) -> int | None:
        while True:
            found = await seats.take(connection, self._process, person, most)
            if found.number is not None or not found.some_free:
                return found.number

    def _leave_unused(self, person: UserId, taken: "asyncio.Task[int | None]") -> None:
        number = None if taken.cancelled() else taken.result()
        if number is not None:
            self.leave(person, number)

    def leave(self, person: UserId, number: int) -> None:
        """Free a seat. Cheap; other processes see it in a moment."""
        if number != STANDING and self.known.is_set():
            self._left[person].append(number)
            self._rounds.poke()

    async def _look(self, _stopping: asyncio.Event) -> float:
        left, self._left = self._left, defaultdict(list)
        gone = [(person, number) for person, numbers in left.items() for number in numbers]
        try:
            async with self._engine.connect() as connection:
                await seats.note_alive(connection, self._process)
                await seats.give_back(connection, self._process, gone)
        except BaseException:
            for person, number in gone:
                self._left[person].append(number)
            raise
        self.known.set()
        return BEAT_SECONDS
