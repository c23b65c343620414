"""Locking an item: others are kept from changing it until the lock ends, which it does by itself."""

from dataclasses import dataclass
from datetime import timedelta

from coffer_chassis.access import Rights
from coffer_chassis.forgetting import SLICE
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import ItemId, LockId
from coffer_contracts.problems import LimitReached
from coffer_files.domain.items import Item
from coffer_files.domain.locks import MOST_IN_A_DRIVE, Lock, LockDepth, LockScope
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.drives import drive_owner, root_of
from coffer_files.handlers.items import ROOT
from coffer_files.handlers.sight import Seen, locked, seen
from coffer_files.store import items as rows
from coffer_files.store import locks
from coffer_files.store.grants import locate_many


@dataclass(frozen=True, slots=True)
class Wish:
    """What kind of lock is wanted, and for how many seconds."""

    seconds: int
    scope: LockScope = "exclusive"
    depth: LockDepth = "0"
    owner_info: str | None = None


async def lock_item(deps: Deps, principal: Principal, origin: Origin, ref: str, wish: Wish) -> Lock:
    """Keep others from changing an item. Asked again by the same holder it is renewed, as is wished then, so it may run twice.

    Raises NotFound, Forbidden, Locked when somebody else's lock is in the way, above, on or below the item, and LimitReached.
    """
    item_id = await _named(deps, principal, origin, ref)
    holder = principal.grantee
    async with deps.work.unit(origin) as unit:
        at = await _held(unit, item_id, holder)
        at.permit(Rights.WRITE)
        for lock in at.locks:
            if lock.clashes_with(holder, wish.scope):
                raise locked(lock)
        await _look_below(unit, at.at.item, holder, wish)
        lock = Lock(
            LockId(new_id()),
            item_id,
            holder,
            wish.scope,
            wish.depth,
            unit.now + timedelta(seconds=wish.seconds),
            wish.owner_info,
        )
        return lock._replace(id=await locks.write_lock(unit.connection, lock, at.at.item.owner_id, unit.now))


async def unlock_item(deps: Deps, principal: Principal, origin: Origin, ref: str) -> None:
    """Let others write again. The owner of the drive may end anybody's lock. What is not locked stays so, so it may run twice.

    Raises NotFound, Forbidden, Locked for the lock of somebody else.
    """
    item_id = await _named(deps, principal, origin, ref)
    async with deps.work.unit(origin) as unit:
        at = await _held(unit, item_id, principal.grantee)
        at.permit(Rights.WRITE)
        everybody = at.rights == Rights.OWN
        gone = await locks.remove_locks(unit.connection, item_id, None if everybody else principal.grantee)
        others = [lock for lock in at.locks if lock.item_id == item_id and lock.holder != principal.grantee]
        if not gone and others:
            raise locked(others[0])


async def _named(deps: Deps, principal: Principal, origin: Origin, ref: str) -> ItemId:
    return (await root_of(deps, drive_owner(principal), origin)).item.id if ref == ROOT else ItemId(ref)


async def _held(unit: Unit, item_id: ItemId, grantee: str) -> Seen:
    """The item, while nobody else locks or moves anything in its drive: two locks at once could pass each other by."""
    found = seen(await rows.locate(unit.connection, item_id, grantee), grantee, unit.now)
    await rows.lock_tree(unit.connection, found.at.item.owner_id)
    return seen(await rows.hold(unit.connection, item_id, grantee), grantee, unit.now)


async def _look_below(unit: Unit, item: Item, holder: str, wish: Wish) -> None:
    living = await locks.living_locks(unit.connection, item.owner_id, unit.now, MOST_IN_A_DRIVE)
    if len(living) == MOST_IN_A_DRIVE and not any(lock.item_id == item.id and lock.holder == holder for lock in living):
        raise LimitReached(f"In one drive there are at most {MOST_IN_A_DRIVE} locks at once.", limit=MOST_IN_A_DRIVE)
    clashing = [lock for lock in living if lock.clashes_with(holder, wish.scope)]
    if wish.depth == "0" or item.kind == "file" or not clashing:
        return
    found = await locate_many(unit.connection, {lock.item_id for lock in clashing})
    for lock in clashing:
        if lock.item_id in found and item.id in found[lock.item_id].ancestor_ids:
            raise locked(lock)


async def forget_locks(deps: Deps) -> int:
    """Delete locks that have ended; how many. May run twice and at once."""
    count, gone = 0, SLICE
    while gone >= SLICE:
        async with deps.work.engine.begin() as connection:
            gone = await locks.forget_ended_before(connection, deps.work.clock.now())
        count += gone
    return count
