"""How much of something one process does at once: whoever comes when all places are taken is told to come back."""

from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import TypeVar

from coffer_contracts.problems import Unavailable

RETRY_SECONDS = 5

T = TypeVar("T")


class Place:
    """One of the places; free again when whoever holds it is through."""

    def __init__(self, places: "Places", holder: str) -> None:
        self._places = places
        self._holder = holder

    async def held(self, pieces: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """The same pieces; the place is held until they end, fail or are closed, once the first was asked for."""
        self._places.take(self._holder)
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece
        finally:
            self._places.leave(self._holder)


class Places:
    """A number of places, of which nobody holds more than half. Not for threads."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._held: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many are held."""
        return self._held.total()

    def take(self, holder: str) -> None:
        """One place more for them, whether there is one or not."""
        self._held[holder] += 1

    def leave(self, holder: str) -> None:
        """One less."""
        self._held -= Counter([holder])

    @contextmanager
    def taken(self, holder: str) -> Iterator[Place]:
        """A place, held while this lasts. Raises Unavailable when there is none, or none for them."""
        if self.count >= self._number or self._held[holder] >= -(-self._number // 2):
            raise Unavailable("Too much of this is under way here; try again.", retry_after_seconds=RETRY_SECONDS)
        self.take(holder)
        try:
            yield Place(self, holder)
        finally:
            self.leave(holder)
