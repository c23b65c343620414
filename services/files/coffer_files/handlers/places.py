"""How much of something one process does at once: whoever comes when all places are taken is told to come back."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import TypeVar

from coffer_contracts.problems import Unavailable

RETRY_SECONDS = 5

T = TypeVar("T")


class Place:
    """One of the places; free again when whoever holds it is through."""

    def __init__(self, places: "Places") -> None:
        self._places = places

    async def held(self, pieces: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """The same pieces; the place is held until they end, fail or are closed, once the first was asked for."""
        self._places.count += 1
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece
        finally:
            self._places.count -= 1


class Places:
    """A number of places. Not for threads."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.count = 0

    @contextmanager
    def taken(self) -> Iterator[Place]:
        """A place, held while this lasts. Raises Unavailable when there is none."""
        if self.count >= self._number:
            raise Unavailable("Too much of this is under way here; try again.", retry_after_seconds=RETRY_SECONDS)
        self.count += 1
        try:
            yield Place(self)
        finally:
            self.count -= 1
