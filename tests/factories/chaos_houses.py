"""Houses for many runs: each is emptied and used again, and thrown away after a run that failed."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from factories.chaos_running import Running


class Houses:
    """As many as there are runs at once."""

    def __init__(self, make: Callable[[int], AbstractContextManager[Running]]) -> None:
        """`make` opens house number so and so."""
        self._make = make
        self._idle: list[tuple[Running, ExitStack]] = []
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    @contextmanager
    def empty(self) -> Iterator[Running]:
        """A house in which nothing has happened; may be asked for by several threads."""
        with self._lock:
            found = self._idle.pop() if self._idle else None
        running, opened = found or self._open()
        try:
            running.do(running.house.empty())
            yield running
        except BaseException:
            opened.close()
            raise
        with self._lock:
            self._idle.append((running, opened))

    def close(self) -> None:
        """Close those that nobody is in."""
        while self._idle:
            self._idle.pop()[1].close()

    def _open(self) -> tuple[Running, ExitStack]:
        opened = ExitStack()
        return opened.enter_context(self._make(next(self._numbers))), opened
