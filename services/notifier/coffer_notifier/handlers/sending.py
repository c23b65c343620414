"""The sender: keeps requests to webhooks under way, as many as there are places, until told to stop."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import structlog

from coffer_chassis.pauses import back_off, sleep_until
from coffer_notifier.domain.webhooks import ANSWER_WITHIN, Standing, places_for
from coffer_notifier.handlers.claiming import Claim, Room, claim_due
from coffer_notifier.handlers.delivering import deliver, deliver_all
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.under_way import Attempting, UnderWay
from coffer_notifier.store import deliveries

POLL_SECONDS = 5.0
"""How long the sender waits without being woken: for lost wake-ups."""
BLOCKED_SECONDS = 1.0
"""The same when something is due that could not be claimed for now."""
PAUSE_SECONDS = 0.02
"""Between two rounds while there is much to do, so that each claims more than one."""
REST_SECONDS = 1.0
"""For how long a process sends nothing to a webhook that did not take something: what waits is not thrown at somebody who is
down, or who never asked for it, as fast as they refuse it. The first thing that is taken ends that.
"""
STOP_SECONDS = ANSWER_WITHIN.total_seconds() + 2
"""How long a stop waits for answers, and until it is written down what they were: as long as they may take. What is still under
way then is sent again by others once its claim has lapsed.
"""
RESTART_SECONDS = (0.2, 10.0)
"""Between looks while they fail."""

log = structlog.get_logger(__name__)


class Sender:
    """Sends to webhooks until told to stop. Several processes may: each delivery is sent by whoever claimed it."""

    def __init__(self, deps: Deps, *, stop_seconds: float = STOP_SECONDS) -> None:
        self._deps = deps
        self._stop_seconds = stop_seconds
        self._under_way = UnderWay(places_for(deps.settings.webhook_deliveries_at_once))
        self._news = asyncio.Event()
        self._tasks: dict[asyncio.Task[bool], Attempting] = {}
        self._resting: dict[str, float] = {}
        """Webhook -> until when, by the loop's clock."""
        self._after: Mapping[Standing, str] = {}

    def poke(self) -> None:
        """Look for deliveries now. Cheap; for wake-ups."""
        self._news.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Send what is due until `stopping` is set; then wait for what is under way: a receiver that may have it is not told
        again because this process was stopped.
        """
        stop = asyncio.create_task(stopping.wait())
        stop.add_done_callback(lambda _: self._news.set())
        try:
            failures = 0
            while not stopping.is_set():
                self._news.clear()
                try:
                    pause = 0.0 if await self._begin() else await self._patience()
                    failures = 0
                except Exception as error:  # not further up: what is under way would be broken off, and be sent again
                    failures += 1
                    log.exception("webhooks_not_claimed", error=repr(error), failures=failures)
                    await sleep_until(stopping, back_off(failures, RESTART_SECONDS))
                    continue
                if pause:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._news.wait(), pause)
                else:
                    await sleep_until(stopping, PAUSE_SECONDS)
        finally:
            stop.cancel()
            await self._end()

    async def _begin(self) -> int:
        """Begin what is due, as far as there are places; how many rows were looked at."""
        claim: Claim = await claim_due(self._deps, self._room())
        self._after = claim.after
        for one in claim.claimed:
            attempt = self._under_way.begin(one.webhook, _now())
            task = asyncio.create_task(deliver(self._deps, one, attempt.answered))
            self._tasks[task] = attempt
            task.add_done_callback(self._ended)
        return claim.looked_at

    def _room(self) -> Room:
        now = _now()
        self._resting = {webhook: until for webhook, until in self._resting.items() if until > now}
        return Room(self._under_way.free(now), self._after, self._under_way.people(), self._resting)

    def _ended(self, task: asyncio.Task[bool]) -> None:
        attempt = self._tasks.pop(task)
        self._under_way.end(attempt)
        if not task.cancelled() and not task.result():
            self._resting[attempt.webhook.id] = _now() + REST_SECONDS
        self._news.set()

    async def _patience(self) -> float:
        """How long to wait for news: not beyond the moment when a place is given back, if something waits for one."""
        async with self._deps.work.read() as connection:
            due = await deliveries.next_due(connection)
        if due is None:
            return POLL_SECONDS
        wait = (due - self._deps.work.clock.now()).total_seconds()
        if wait > 0:
            return min(wait, POLL_SECONDS)
        return min(BLOCKED_SECONDS, self._under_way.next_slow(_now()) or BLOCKED_SECONDS)

    async def _end(self) -> None:
        if not self._tasks:
            return
        log.info("webhooks_awaited", count=len(self._tasks), at_most_seconds=self._stop_seconds)
        _, late = await asyncio.wait(self._tasks, timeout=self._stop_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def deliver_due(deps: Deps) -> int:
    """Send one round of what is due; how many rows were looked at. May run twice and at once."""
    claim = await claim_due(deps, Room(places_for(deps.settings.webhook_deliveries_at_once)))
    await deliver_all(deps, claim.claimed)
    return claim.looked_at
