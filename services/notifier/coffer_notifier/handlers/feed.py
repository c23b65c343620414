"""A person's feed: read, marked as read, emptied. What they may no longer see of it is neither shown nor counted."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.problems import NotFound, Unavailable
from coffer_notifier.domain.notices import Notice
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.showing import Shown, visible, with_names
from coffer_notifier.handlers.telling import NOTIFICATIONS, tell
from coffer_notifier.store import notices
from coffer_notifier.store.notices import MOST_UNREAD, FeedPlace, Marked

MOST_LOOKED_AT = 3000
"""Rows that one page may cost; one with many hidden notices is shorter and leads on."""

MOST_NAMED = 100
"""More ids than that are not listed to other devices, which then read the feed anew."""


PAUSES_SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Between attempts to mark what somebody else holds for the length of a transaction."""


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page, what is unread in all (counted up to 1000), and where the next page begins."""

    shown: list[Shown]
    unread_count: int
    after: FeedPlace | None


async def read_feed(deps: Deps, principal: Principal, *, unread: bool, after: FeedPlace | None, limit: int) -> FeedPage:
    """The next page of the caller's feed, newest first."""
    now = deps.work.clock.now()
    user_id = principal.user_id
    shown: list[Notice] = []
    looked_at = 0
    async with deps.work.read() as connection:
        while True:
            rows = await notices.page(connection, user_id, unread=unread, after=after, limit=limit + 1)
            looked_at += len(rows)
            shown += await visible(connection, rows, now)
            if len(rows) <= limit and len(shown) <= limit:
                following = None
                break
            if len(shown) > limit:
                shown = shown[:limit]
                following = _place(shown[-1])
                break
            after = following = _place(rows[-1])
            if looked_at >= MOST_LOOKED_AT:
                break
        waiting = await notices.page(connection, user_id, unread=True, after=None, limit=MOST_UNREAD)
        unread_count = len(await visible(connection, waiting, now))
        named = await with_names(connection, shown)
    return FeedPage(named, unread_count, following)


async def mark_read(deps: Deps, principal: Principal, origin: Origin, ids: Collection[str]) -> None:
    """Mark notices as read here and on the caller's other devices. May run twice; ids of others change nothing.

    Raises Unavailable when one of them was being changed for all that time.
    """
    await _mark(deps, principal, origin, lambda unit: notices.mark_read(unit.connection, principal.user_id, ids, unit.now))


async def mark_read_up_to(deps: Deps, principal: Principal, origin: Origin, notice_id: str) -> None:
    """Mark a notice and all below it in the feed as read. May run twice. Raises NotFound if it is not the caller's, and
    Unavailable as `mark_read`.
    """

    async def mark(unit: Unit) -> Marked:
        place = await notices.place_of(unit.connection, principal.user_id, notice_id)
        if place is None:
            raise NotFound
        return await notices.mark_read_up_to(unit.connection, principal.user_id, place, unit.now)

    await _mark(deps, principal, origin, mark)


async def mark_all_read(deps: Deps, principal: Principal, origin: Origin) -> None:
    """Mark the whole feed as read. May run twice. Raises Unavailable as `mark_read`."""
    await _mark(
        deps, principal, origin, lambda unit: notices.mark_read_up_to(unit.connection, principal.user_id, None, unit.now)
    )


async def _mark(deps: Deps, principal: Principal, origin: Origin, mark: Callable[[Unit], Awaitable[Marked]]) -> None:
    # What is being added to at this moment is marked a moment later: in a transaction that holds nothing, so that nobody waits
    # for anybody in a circle.
    for wait in (*PAUSES_SECONDS, None):
        async with deps.work.unit(origin) as unit:
            marked = await mark(unit)
            await _tell_devices(unit, principal, read=marked.ids)
        if marked.is_all:
            return
        if wait is not None:
            await asyncio.sleep(wait)
    raise Unavailable("Some of it is being changed at this moment.", retry_after_seconds=1)


async def remove(deps: Deps, principal: Principal, origin: Origin, notice_id: str) -> None:
    """Take a notice out of the feed. May run twice, and for one that was never there: it is gone either way."""
    async with deps.work.unit(origin) as unit:
        if await notices.empty(unit.connection, principal.user_id, notice_id, unit.now):
            await _tell_devices(unit, principal, removed=[notice_id])


async def _tell_devices(unit: Unit, principal: Principal, *, read: Collection[str] = (), removed: Collection[str] = ()) -> None:
    if not read and not removed:
        return
    listed: dict[str, Any] = {"read": list(read), "removed": list(removed), "reload": False}
    if len(read) > MOST_NAMED:
        listed |= {"read": [], "reload": True}
    await tell(unit, principal.user_id, NOTIFICATIONS, "notifications_read", listed)


def _place(notice: Notice) -> FeedPlace:
    return FeedPlace(notice.created_at, notice.id)
