"""Who may see and do what: every way to an item leads through here. What one may not see is told like what is not there.

Facts about an item come some milliseconds after files has answered. Whoever asks about an item that was made in the last
minute is therefore kept waiting for up to a second before the answer is that there is no such thing, whether the item is
unknown or only not theirs: so time tells nobody anything.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Grant, Rights, rights_on
from coffer_chassis.copies.tree import Standing, standings
from coffer_chassis.identity import Principal
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.problems import NotFound
from coffer_sharing.domain import is_fresh
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.store.shares import grant_of, shares_reaching
from coffer_sharing.store.tables import tree

Found = TypeVar("Found")

WAIT_SECONDS = 1.0
POLL_SECONDS = 0.05
BREATH_SECONDS = 0.01
"""Between two looks, however many facts come in."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An item with what the caller may do with it."""

    at: Standing
    rights: Rights

    @property
    def chain(self) -> tuple[ItemId, ...]:
        """The item and the folders above it: a share of any of them reaches the item."""
        return (*self.at.ancestor_ids, self.at.item_id)


async def look(
    connection: AsyncConnection, item_id: ItemId, principal: Principal, now: datetime, *, live: bool = False
) -> Seen | None:
    """The item if the caller may see it; with `live` the trash is left to its owner alone. Two statements at most."""
    at = (await standings(connection, tree, [item_id])).get(item_id)
    if at is None:
        return None
    grants: Sequence[Grant] = ()
    if at.owner_id != principal.user_id:
        if live and not at.is_live:
            return None
        given = await shares_reaching(connection, [*at.ancestor_ids, item_id], UserId(principal.user_id))
        grants = [grant_of(share) for share in given]
    rights = rights_on(at.place, principal.grantee, grants, now)
    return Seen(at, rights) if Rights.READ in rights else None


async def seen(deps: Deps, item_id: ItemId, principal: Principal, *, live: bool = False) -> Seen:
    """The item as the caller may see it, waiting for one that was made just now. Raises NotFound. Holds no connection
    while it waits.
    """

    async def find(connection: AsyncConnection, now: datetime) -> Seen | None:
        return await look(connection, item_id, principal, now, live=live)

    return await awaited(deps, [item_id], find)


async def awaited(
    deps: Deps, item_ids: Sequence[ItemId], find: Callable[[AsyncConnection, datetime], Awaitable[Found | None]]
) -> Found:
    """What is looked for among items, waiting as long as one of them was made just now. Raises NotFound. Holds no connection
    while it waits.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_SECONDS
    while True:
        news = deps.arrivals.coming()
        now = deps.work.clock.now()
        async with deps.work.read() as connection:
            found = await find(connection, now)
        if found is not None:
            return found
        left = deadline - loop.time()
        if left <= 0 or not any(is_fresh(item_id, now) for item_id in item_ids):
            raise NotFound
        await asyncio.sleep(min(BREATH_SECONDS, left))
        await deps.arrivals.wait(news, min(POLL_SECONDS, deadline - loop.time()))
