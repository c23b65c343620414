"""A pool of connections to the store that becomes small again after a burst: each costs the server 2 MiB while it is open.

SQLAlchemy's own pool opens as many as were ever needed at once and keeps them all; with its overflow instead, connections are
opened and closed all the time under load. Only what must not wait for anybody opens one more while all are in use.
"""

from contextvars import ContextVar
from time import monotonic
from typing import Any

from sqlalchemy.pool import AsyncAdaptedQueuePool

WINDOW_SECONDS = 10.0
SPARE = 1
"""How many more are kept than were needed at once in this window or the one before."""

URGENT: ContextVar[bool] = ContextVar("urgent", default=False)
"""Whether this task opens a connection beyond the pool's size rather than wait for one. For few tasks, which hold one each and
not for long: relay and consumer of what is urgent.
"""


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
        record = self._one_more() if URGENT.get() and self._is_used_up else super()._do_get()
        self._turn_over()
        self._needed = max(self._needed, self.checkedout())
        return record

    @property
    def _is_used_up(self) -> bool:
        return not self.checkedin() and self._overflow >= self._max_overflow

    def _one_more(self) -> Any:
        self._overflow += 1
        try:
            return self._create_connection()
        except BaseException:
            self._dec_overflow()
            raise

    def _do_return_conn(self, record: Any) -> None:
        # Of those that lie ready and those in use, this one included.
        if self.checkedin() + self.checkedout() > self.wanted or self._overflow > self._max_overflow:
            # First given up, then closed: closing takes a while, and nobody must begin to wait for what never comes back.
            self._dec_overflow()
            record.close()
        else:
            super()._do_return_conn(record)
