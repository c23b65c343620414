"""What time ends: shares whose expiry has come, and records that are old enough to go."""

from datetime import timedelta

from coffer_chassis.copies import tree as tree_copy
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.facts import end_shares
from coffer_sharing.store.shares import forget_ended_before, lock_expired
from coffer_sharing.store.tables import tree

EXPIRE_PAGE = 200


async def expire(deps: Deps) -> int:
    """End every share whose time is up; how many. May run twice and at once: each share is ended by one. Rights do not
    wait for this, because everybody judges the expiry in a grant by their own clock.
    """
    count = 0
    while True:
        async with deps.work.unit(Origin.system(new_id())) as unit:
            due = await lock_expired(unit.connection, unit.now, EXPIRE_PAGE)
            await end_shares(unit, due, "expired")
        count += len(due)
        if len(due) < EXPIRE_PAGE:
            return count


async def forget(deps: Deps) -> tuple[int, int]:
    """Delete tombstones of items and records of ended shares that nobody needs any more; how many of each. Safe to run
    twice.
    """
    now = deps.work.clock.now()
    async with deps.work.engine.begin() as connection:
        items = await tree_copy.forget_purged_before(connection, tree, now - timedelta(days=tree_copy.KEEP_DAYS))
        shares = await forget_ended_before(connection, now - timedelta(days=deps.settings.ended_keep_days))
    return items, shares
