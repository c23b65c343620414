"""To the trash, back from it, and away for good."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import IntegrityError

from coffer_chassis.access import Rights
from coffer_chassis.etags import Conditions
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files import ItemPurgedV1, ItemRestoredV1
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.problems import Forbidden, NotFound, StateConflict
from coffer_files.domain.items import Located, accept_depth
from coffer_files.domain.names import name_key
from coffer_files.domain.usage import total
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.discarding import discard
from coffer_files.handlers.facts import content_of, item_fact
from coffer_files.handlers.heights import accept_height
from coffer_files.handlers.items import ROOT, KeepBoth, hold_folder, unless_taken
from coffer_files.handlers.naming import free_name, guard, name_conflict
from coffer_files.handlers.sight import Seen, seen, seen_by
from coffer_files.store import items as rows
from coffer_files.store.changes import note_change
from coffer_files.store.drives import book, lock_drive
from coffer_files.store.subtrees import Trashed, delete_items, lock_lowest, trashed_before
from coffer_files.store.tallies import count_anew, take_out
from coffer_files.store.versions import doom_unused, release_contents

NAMED_BLOBS = 1000
"""Of an item in the fact of its end: a message is bounded. Whoever made something of the others knows them."""
PURGE_PAGE = 500
RACES = 5

log = structlog.get_logger(__name__)


async def trash_item(deps: Deps, principal: Principal, origin: Origin, ref: str, conditions: Conditions) -> None:
    """Put an item into the trash with everything below it. One that is there already stays, so it may run twice.

    Raises NotFound, Forbidden, PreconditionFailed, StateConflict for a root folder.
    """
    if ref == ROOT:
        raise StateConflict("The root folder of a drive cannot be removed.")
    async with deps.work.unit(origin) as unit:
        await trash_in(unit, principal, ItemId(ref), conditions)


async def trash_in(unit: Unit, principal: Principal, item_id: ItemId, conditions: Conditions) -> None:
    """As `trash_item`, in a unit that somebody else commits."""
    found = await rows.lock(unit.connection, item_id, principal.grantee)
    at = seen(found, principal.grantee, unit.now, in_trash=True)
    at.require(Rights.DELETE)
    item = at.at.item
    if item.trashed_at is not None:
        return
    if at.at.below_trash:
        raise NotFound
    guard(conditions, item)
    if item.parent_id is None:
        raise StateConflict("The root folder of a drive cannot be removed.")
    await discard(unit, at.at)


async def restore_item(
    deps: Deps, principal: Principal, origin: Origin, item_id: ItemId, *, parent: str | None, conflict: KeepBoth
) -> Seen:
    """Take an item out of the trash: to where it was, to the root if that is gone, or into `parent`. One that is not in
    the trash is answered as it stands, so it may run twice. Raises NotFound, Forbidden, NameConflict.
    """

    async def run(unit: Unit, *, look: bool) -> Seen:
        return await restore_in(unit, deps, principal, item_id, parent, conflict, look=look)

    return await unless_taken(deps, origin, run)


async def restore_in(
    unit: Unit, deps: Deps, principal: Principal, item_id: ItemId, parent: str | None, conflict: KeepBoth, *, look: bool
) -> Seen:
    """As `restore_item`, in a unit that somebody else commits."""
    connection, grantee = unit.connection, principal.grantee
    found = seen(await rows.locate(connection, item_id, grantee), grantee, unit.now, in_trash=True)
    await rows.lock_tree(connection, found.at.item.owner_id)
    await lock_drive(connection, found.at.item.owner_id)
    folder = await _target(unit, deps, principal, found.at, parent)
    target = folder.at
    at = seen(await rows.lock(connection, item_id, grantee), grantee, unit.now, in_trash=True).require(Rights.DELETE)
    item = at.at.item
    if item.trashed_at is None:
        if at.at.below_trash:
            raise NotFound
        return at
    if target.item.owner_id != item.owner_id:
        raise StateConflict("An item is restored into its own drive.")
    accept_depth(len(target.ids_down_to_it))
    await accept_height(unit, at.at, target.ids_down_to_it)
    name = item.name
    if look or conflict == "rename":
        holder = await rows.child_named(connection, target.item.id, name_key(name))
        if holder is not None and conflict == "fail":
            raise await name_conflict(unit, target.item.id, name, item.kind, holder)
        name = await free_name(connection, target.item.id, name, item.kind) if holder else name
    await take_out(connection, item.owner_id, [item_id])
    place = {"parent_id": target.item.id, "name": name, "name_key": name_key(name)}
    after = await rows.update_item(connection, item, **place, **_NOT_IN_TRASH, changed_at=unit.now)
    concerned = dict.fromkeys((*at.at.ancestor_ids, *target.ids_down_to_it))
    await note_change(connection, after, "restored", concerned, actor_id=unit.origin.actor_id, now=unit.now)
    fact = item_fact(
        ItemRestoredV1,
        after,
        target.ids_down_to_it,
        await content_of(unit, after),
        previous_name=item.name if item.name != after.name else None,
        previous_parent_id=item.parent_id if item.parent_id != after.parent_id else None,
    )
    unit.emit(fact, sequence=after.revision)
    return seen(folder.takes_in(at).at._replace(item=after), grantee, unit.now)


_NOT_IN_TRASH = dict.fromkeys(("trashed_at", "trash_key", "trash_bytes", "trash_files"))


async def _target(unit: Unit, deps: Deps, principal: Principal, at: Located, parent: str | None) -> Seen:
    if parent is not None:
        return await hold_folder(unit, deps, principal, parent)
    home = await rows.hold(unit.connection, at.item.parent_id, principal.grantee) if at.item.parent_id else None
    if home is None or not home.is_live:
        home = await rows.hold_root(unit.connection, at.item.owner_id)
    folder = seen_by(home, principal.grantee, unit.now) if home else None
    if folder is None:
        raise StateConflict("The folder it was in is gone; say where it is to be put.")
    return folder.require(Rights.WRITE)


async def purge_item(deps: Deps, principal: Principal, origin: Origin, item_id: ItemId) -> None:
    """Remove what is in the trash for good, with everything below it. From the bottom up in several units, so that the
    largest folder locks nobody out; a crash in between leaves a smaller folder in the trash. May run twice.

    Raises NotFound for what is not in the trash itself, Forbidden.
    """
    async with deps.work.read() as connection:
        found = await rows.locate(connection, item_id, principal.grantee)
    owner_id = purgeable(found, principal, deps.work.clock.now()).item.owner_id
    await _purge(deps, origin, owner_id, item_id)


def purgeable(found: Located | None, principal: Principal, now: datetime) -> Located:
    """What the caller may remove for good; raises NotFound for what is not in the trash itself, Forbidden."""
    at = seen(found, principal.grantee, now, in_trash=True)
    if at.at.item.trashed_at is None:
        raise NotFound
    if at.rights != Rights.OWN:
        raise Forbidden("Only the owner of a drive removes things for good.")
    return at.at


async def purge_old(deps: Deps) -> int:
    """Empty the trash of what has lain there long enough; how many things went, each with what lay below it. May run twice and
    at once. What cannot be removed is tried again in the next round.
    """
    count = 0
    last: Trashed | None = None
    while True:
        gone, last = await purge_old_page(deps, last)
        count += gone
        if last is None:
            return count


async def purge_old_page(deps: Deps, after: Trashed | None = None) -> tuple[int, Trashed | None]:
    """The same for some things behind `after`: how many went, and the last of them; None when that was the end."""
    moment = deps.work.clock.now() - timedelta(days=deps.settings.trash_keep_days)
    async with deps.work.read() as connection:
        old = await trashed_before(connection, moment, PURGE_PAGE, after)
    count = 0
    for item in old:
        try:
            await _purge(deps, Origin.system(new_id()), item.owner_id, item.id)
        except Exception as error:  # noqa: BLE001  # one item must not keep the others in the trash
            log.warning("purge_failed", item_id=item.id, error=repr(error))
            continue
        count += 1
    return count, old[-1] if len(old) == PURGE_PAGE else None


async def _purge(deps: Deps, origin: Origin, owner_id: UserId, item_id: ItemId) -> None:
    while not await purge_step(deps, origin, owner_id, item_id):
        pass


async def purge_step(deps: Deps, origin: Origin, owner_id: UserId, item_id: ItemId) -> bool:
    """Remove a bounded part of something in the trash, from the bottom up; whether nothing of it is left there. May run twice
    and at once. Whether it may be removed is to be asked before.
    """
    for _ in range(RACES):
        try:
            async with deps.work.unit(origin) as unit:
                return await purge_some(unit, owner_id, item_id)
        except IntegrityError as error:
            # Somebody put something in just before the folder above went to the trash; it goes too.
            failure = error
    raise failure


async def purge_some(unit: Unit, owner_id: UserId, item_id: ItemId) -> bool:
    """As `purge_step`, in a unit that somebody else commits. Raises IntegrityError when somebody has just put something in."""
    connection = unit.connection
    # What is just being taken out of the folder, by a move or from the trash, must be out of it before it is emptied.
    await rows.lock_tree(connection, owner_id)
    await lock_drive(connection, owner_id)
    top = await rows.lock(connection, item_id)
    if top is None or top.item.trashed_at is None:
        return True
    lowest = await lock_lowest(connection, item_id, PURGE_PAGE)
    ids = [item.id for item, _ in lowest]
    gone = await release_contents(connection, ids)
    unused = {one.blob_id: one for one in gone if one.is_unused}
    await doom_unused(connection, unused.values(), reason="purged", now=unit.now)
    await take_out(connection, owner_id, [*ids, item_id])
    await book(connection, owner_id, total(one.booking for one in gone))
    await delete_items(connection, ids)
    for item, between in lowest:
        above = (*top.ancestor_ids, *between)
        await note_change(connection, item, "purged", above, actor_id=unit.origin.actor_id, now=unit.now)
        fact = ItemPurgedV1(
            item_id=item.id,
            kind=item.kind,
            owner_id=item.owner_id,
            parent_id=item.parent_id,
            ancestor_ids=above,
            name=item.name,
            blob_ids=tuple(blob.blob_id for blob in unused.values() if blob.item_id == item.id)[:NAMED_BLOBS],
            purged_at=unit.now,
        )
        unit.emit(fact, sequence=item.revision + 1)
    if item_id not in ids:
        await count_anew(connection, item_id)
    return item_id in ids
