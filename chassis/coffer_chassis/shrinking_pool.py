"""A pool of connections to the store that becomes small again after a burst: each costs the server 2 MiB while it is open.

SQLAlchemy's own pool opens as many as were ever needed at once and keeps them all; with its overflow instead, connections are
opened and closed all the time under load.
"""

from time import monotonic
from typing import Any

from sqlalchemy.pool import AsyncAdaptedQueuePool

WINDOW_SECONDS = 10.0
SPARE = 1
"""How many more are kept than were needed at once in this window or the one before."""


class ShrinkingPool(AsyncAdaptedQueuePool):
    """Closes a connection that is given back while enough others lie ready. For one event loop, as its base."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._window_began = monotonic()
        self._needed = self._needed_before = 0

    @property
    def wanted(self) -> int:
        """How many connections are kept open at this moment, those in use included."""
        self._turn_over()
        return max(self._needed, self._needed_before) + SPARE

    def _turn_over(self) -> None:
        passed = (monotonic() - self._window_began) / WINDOW_SECONDS
        if passed >= 1:
            self._needed_before = self._needed if passed < 2 else 0
            self._needed = self.checkedout()
            self._window_began = monotonic()

    def _do_get(self) -> Any:
        record = super()._do_get()
        self._turn_over()
        self._needed = max(self._needed, self.checkedout())
        return record

    def _do_return_conn(self, record: Any) -> None:
        # Of those that lie ready and those in use, this one included.
        if self.checkedin() + self.checkedout() > self.wanted:
            # First given up, then closed: closing takes a while, and nobody must begin to wait for what never comes back.
            self._dec_overflow()
            record.close()
        else:
            super()._do_return_conn(record)
