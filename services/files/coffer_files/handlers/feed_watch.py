"""Waiting for changes: one watch per process looks into the feeds for everybody in it who waits, when it is woken and once a
second. It says "look again"; what there is to see, and whether one may see it, is the reader's own business.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

import structlog

from coffer_chassis.pauses import back_off, sleep_until
from coffer_chassis.unit_of_work import Work
from coffer_contracts.ids import UserId
from coffer_files.store.entries import Place, news_of

CHANGES = "changes"
"""The topic of those who wrote something into a feed."""

POLL_SECONDS = 1.0
"""Behind the wake-ups, which may get lost."""
DEBOUNCE_SECONDS = 0.02
BACK_OFF_SECONDS = (0.2, 5.0)

log = structlog.get_logger(__name__)


class Waiter:
    """One request that waits. Everything is to be called on the event loop."""

    def __init__(self, watch: "FeedWatch") -> None:
        self.feeds: Collection[UserId] = ()
        self.place = Place(0, 0)
        self.over = False
        """Whether it waits in vain: its client has left, or the process is about to stop."""
        self._watch = watch
        self._bell = asyncio.Event()

    async def news(self, feeds: Collection[UserId], since: Place, seconds: float) -> bool:
        """Wait until there is something new in one of `feeds`, for so long at most; whether there is."""
        self.feeds, self.place = feeds, since
        self._bell.clear()
        self._watch.poke()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        self.feeds = ()
        return self._bell.is_set() and not self.over

    def ring(self) -> None:
        """There is something new."""
        self._bell.set()

    def give_up(self) -> None:
        """Nobody waits any more."""
        self.over = True
        self._bell.set()


class FeedWatch:
    """Those who wait in one process. `run` until told to stop; then nobody waits any longer, and nobody new."""

    def __init__(self, work: Work, *, most: int, most_each: int) -> None:
        """`most` requests wait at the same time, `most_each` of one person."""
        self._work = work
        self._most, self._most_each = most, most_each
        self._waiters: set[Waiter] = set()
        self._each: Counter[UserId] = Counter()
        self._news = asyncio.Event()
        self._serves = False

    def __len__(self) -> int:
        """How many requests wait."""
        return len(self._waiters)

    @property
    def serves(self) -> bool:
        """Whether it runs, so that waiting has a point."""
        return self._serves

    def poke(self) -> None:
        """Look for somebody's news now. Cheap; for wake-ups."""
        if self._waiters:
            self._news.set()

    @contextmanager
    def waiting(self, user_id: UserId) -> Iterator[Waiter | None]:
        """A place among those who wait; None if there is none for this person at this moment."""
        if not self._serves or len(self._waiters) >= self._most or self._each[user_id] >= self._most_each:
            yield None
            return
        waiter = Waiter(self)
        self._waiters.add(waiter)
        self._each[user_id] += 1
        try:
            yield waiter
        finally:
            self._waiters.discard(waiter)
            self._each[user_id] -= 1
            if not self._each[user_id]:
                del self._each[user_id]

    async def run(self, stopping: asyncio.Event) -> None:
        """Look for news until `stopping` is set. Survives failures of the store; requests wait meanwhile."""
        self._serves = True
        stop = asyncio.create_task(stopping.wait())
        stop.add_done_callback(lambda _: self._end())
        failures = held_up = 0
        try:
            while not stopping.is_set():
                self._news.clear()
                try:
                    held_up = held_up + 1 if await self._round() else 0
                    failures = 0
                except Exception as error:  # noqa: BLE001  # whatever it is, those who wait outlive it
                    failures += 1
                    log.warning("feeds_not_watched", error=repr(error), failures=failures)
                    await sleep_until(stopping, back_off(failures, BACK_OFF_SECONDS))
                    continue
                if not held_up:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(POLL_SECONDS if self._waiters else None):
                            await self._news.wait()
                # What comes in bursts is looked at in one go; what is held up, less and less often.
                await sleep_until(stopping, min(POLL_SECONDS, DEBOUNCE_SECONDS * 2 ** min(held_up, 10)))
        finally:
            stop.cancel()
            self._end()

    def _end(self) -> None:
        self._serves = False
        for waiter in self._waiters:
            waiter.give_up()
        self._news.set()

    async def _round(self) -> bool:
        """Ring for those who have news; whether there is more that is not decided yet."""
        waiters = [waiter for waiter in self._waiters if waiter.feeds]
        if not waiters:
            return False
        feeds = {feed for waiter in waiters for feed in waiter.feeds}
        since = min(waiter.place for waiter in waiters)
        async with self._work.read() as connection:
            news = await news_of(connection, feeds, since)
        for waiter in waiters:
            if any(news.newest.get(feed, waiter.place) > waiter.place for feed in waiter.feeds):
                waiter.ring()
            else:
                waiter.place = max(waiter.place, news.until)
        return news.held_up
