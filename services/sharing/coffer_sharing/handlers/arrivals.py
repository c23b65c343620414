"""Waiting for facts that are on their way: wakes requests when the copy of the tree has changed."""

import asyncio
from contextlib import suppress


class Arrivals:
    """One process's bell for news about the tree. Everything is to be called on the event loop."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wake everybody who waits."""
        self._next.set()
        self._next = asyncio.Event()

    def coming(self) -> asyncio.Event:
        """What is set with the next news. To be asked for before looking, so that nothing comes between look and wait."""
        return self._next

    @staticmethod
    async def wait(news: asyncio.Event, seconds: float) -> None:
        """Until the news come, or for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await news.wait()
