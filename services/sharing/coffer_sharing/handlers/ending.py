"""What time ends: shares and invitations whose expiry has come, and records that are old enough to go."""

from datetime import timedelta

from coffer_chassis.copies import tree as tree_copy
from coffer_chassis.forgetting import in_slices
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.facts import end_shares
from coffer_sharing.handlers.invitation_facts import end_invitations
from coffer_sharing.store import invitations, paces
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


async def lapse(deps: Deps) -> int:
    """End every invitation whose time is up; how many. May run twice and at once."""
    count = 0
    while True:
        async with deps.work.unit(Origin.system(new_id())) as unit:
            due = await invitations.lock_lapsed(unit.connection, unit.now, EXPIRE_PAGE)
            await end_invitations(unit, due, "expired")
        count += len(due)
        if len(due) < EXPIRE_PAGE:
            return count


async def forget_invitations(deps: Deps) -> tuple[int, int]:
    """Delete records of invitations that have ended, and quotas of which nothing is used; how many of each. Safe to run
    twice.
    """
    now, engine = deps.work.clock.now(), deps.work.engine
    old = now - timedelta(days=deps.settings.ended_keep_days)
    ended = await in_slices(engine, lambda connection: invitations.forget_ended_before(connection, old))
    return ended, await in_slices(engine, lambda connection: paces.forget_whole(connection, now))


async def forget(deps: Deps) -> tuple[int, int]:
    """Delete tombstones of items and records of ended shares that nobody needs any more; how many of each. Safe to run
    twice.
    """
    now, engine = deps.work.clock.now(), deps.work.engine
    gone, ended = now - timedelta(days=tree_copy.KEEP_DAYS), now - timedelta(days=deps.settings.ended_keep_days)
    items = await in_slices(engine, lambda connection: tree_copy.forget_purged_before(connection, tree, gone))
    return items, await in_slices(engine, lambda connection: forget_ended_before(connection, ended))
