"""Reading the feed on, and waiting for what comes next if there is nothing yet. No connection is held while waiting."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.problems import Unauthenticated
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.feed import FeedCursor, FeedPage, read_feed
from coffer_files.handlers.feed_watch import Waiter

LONGEST_WAIT_SECONDS = 120
JITTER = 0.1
"""Share of the wait that may be added, so that those who began together do not come back together."""
AGAIN_SECONDS = 5
"""When to come back for whom there was no place to wait."""
NOT_OURS_SECONDS = 0.5
"""Pause after something happened in a drive that did not concern its reader: it may be a busy one."""


async def follow_feed(
    deps: Deps,
    principal: Principal,
    origin: Origin,
    cursor: FeedCursor | None,
    limit: int,
    *,
    wait_seconds: float,
    gone: Callable[[], Awaitable[None]],
) -> tuple[FeedPage, int | None]:
    """The next page; if it is empty, the one after the next change, waited for up to `wait_seconds` and a tenth. And after how
    many seconds to come back, if there was no place to wait. `gone` returns when nobody waits for the answer any more.

    Raises CursorExpired, CursorInvalid, Unauthenticated when the session ended meanwhile.
    """
    page = await read_feed(deps, principal, origin, cursor, limit)
    if wait_seconds <= 0 or page.told or page.has_more:
        return page, None
    with deps.watch.waiting(principal.user_id) as waiter:
        if waiter is None:
            return page, AGAIN_SECONDS
        leaving = asyncio.ensure_future(gone())
        leaving.add_done_callback(lambda _: waiter.give_up())
        try:
            return await _wait(deps, principal, origin, page, limit, waiter, _until(deps, principal, wait_seconds))
        finally:
            leaving.cancel()


def _until(deps: Deps, principal: Principal, wait_seconds: float) -> float:
    """By the loop's clock; not beyond the life of the token."""
    seconds = min(wait_seconds, LONGEST_WAIT_SECONDS) * random.uniform(1, 1 + JITTER)  # noqa: S311  # spread, no secret
    left = (principal.expires_at - deps.work.clock.now()).total_seconds()
    return asyncio.get_running_loop().time() + max(0, min(seconds, left))


async def _wait(
    deps: Deps, principal: Principal, origin: Origin, page: FeedPage, limit: int, waiter: Waiter, until: float
) -> tuple[FeedPage, int | None]:
    loop = asyncio.get_running_loop()
    while await waiter.news(page.feeds, page.cursor.place, until - loop.time()):
        if principal.session_id in deps.denied.revocations:
            raise Unauthenticated
        page = await read_feed(deps, principal, origin, page.cursor, limit)
        if page.told or page.has_more or loop.time() >= until:
            return page, None
        await asyncio.sleep(min(NOT_OURS_SECONDS, until - loop.time()))
    return page, None if deps.watch.serves else AGAIN_SECONDS
