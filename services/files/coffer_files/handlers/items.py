"""Commands on the tree that people give at once: make a folder, rename, move. Contents come through uploads."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Protocol

from sqlalchemy.exc import DBAPIError, IntegrityError

from coffer_chassis.access import Rights
from coffer_chassis.etags import Conditions
from coffer_chassis.idempotency import Claim, once
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files import ConflictPolicy, ItemChangedV1, ItemCreatedV1
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.problems import Cycle, KindConflict, NameConflict, NotFound, StateConflict, ValidationFailed
from coffer_files.domain.items import ChangeReason, Item, Located, accept_depth, new_folder
from coffer_files.domain.names import accept_name, name_key, path_names
from coffer_files.domain.tags import accept_tags, tag_keys
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.discarding import discard
from coffer_files.handlers.drives import drive_owner, ensure_drive, root_of
from coffer_files.handlers.facts import content_of, item_fact
from coffer_files.handlers.heights import accept_height
from coffer_files.handlers.naming import described, free_name, guard, name_conflict
from coffer_files.handlers.sight import Seen, seen, seen_by
from coffer_files.store import items as rows
from coffer_files.store.changes import note_change

ROOT = "root"
"""Stands for the id of the caller's own root folder."""

KeepBoth = Literal["fail", "rename"]
DEADLOCK = "40P01"
RACES = 5
"""How often a keep-both name is looked for anew when others take each one first."""


async def find_item(deps: Deps, principal: Principal, origin: Origin, ref: str, *, in_trash: bool = False) -> Seen:
    """The item that `ref` names; `root` makes the caller's drive if need be. Raises NotFound."""
    if ref == ROOT:
        found: Located | None = await root_of(deps, drive_owner(principal), origin)
    else:
        async with deps.work.read() as connection:
            found = await rows.find(connection, ItemId(ref), principal.grantee)
    return seen(found, principal.grantee, deps.work.clock.now(), in_trash=in_trash)


async def find_by_path(deps: Deps, principal: Principal, origin: Origin, start: str, path: str) -> Seen:
    """The living item that a path leads to from `start`, an id or `root`. Raises NotFound, also where a path ends with a slash
    at a file; NameInvalid, ValidationFailed for what is no path.
    """
    keys = [name_key(name) for name in path_names(path)]
    if not keys:
        found = await find_item(deps, principal, origin, start)
    else:
        begin = None if start == ROOT else ItemId(start)
        async with deps.work.read() as connection:
            at = await rows.find_by_path(connection, begin, principal.user_id, keys, principal.grantee)
        found = seen(at, principal.grantee, deps.work.clock.now())
        if len(found.at.ancestor_ids) - len(keys) < found.hidden:
            raise NotFound  # the path begins at a folder that is not theirs to see
    if path.endswith("/") and found.at.item.kind != "folder":
        raise NotFound
    return found


async def hold_folder(unit: Unit, deps: Deps, principal: Principal, ref: str) -> Seen:
    """The living folder that something is to be put into; it stays so until the unit ends.

    Raises NotFound, Forbidden without the right to write, KindConflict for a file.
    """
    if ref == ROOT:
        drive_owner(principal)
        found = await rows.hold_root(unit.connection, principal.user_id)
        if found is None:
            await ensure_drive(unit, principal.user_id, deps)
            found = await rows.hold_root(unit.connection, principal.user_id)
    else:
        found = await rows.hold(unit.connection, ItemId(ref), principal.grantee)
    return folder_to_fill(found, principal.grantee, unit.now)


def folder_to_fill(found: Located | None, grantee: str, now: datetime) -> Seen:
    """A folder that was found and held, for something to be put into. Raises as `hold_folder`."""
    folder = seen(found, grantee, now).require(Rights.WRITE)
    if folder.at.item.kind != "folder":
        raise KindConflict("Only a folder can hold items.")
    return folder


async def make_folder(
    deps: Deps, principal: Principal, origin: Origin, claim: Claim | None, *, parent: str, name: str, conflict: ConflictPolicy
) -> tuple[Seen, bool]:
    """A new folder, and whether this is the replay of an earlier request.

    Raises NotFound, Forbidden, KindConflict, NameInvalid, NameConflict, ValidationFailed when nested too deep.
    """
    wanted = accept_name(name)
    made: Seen | None = None

    async def run(unit: Unit) -> dict[str, Any]:
        nonlocal made
        folder = await hold_folder(unit, deps, principal, parent)
        item = await _insert_folder(unit, folder.at, wanted, principal.user_id, conflict)
        above = folder.at.ids_down_to_it
        await note_change(unit.connection, item, "created", above, actor_id=unit.origin.actor_id, now=unit.now)
        unit.emit(item_fact(ItemCreatedV1, item, above, None), sequence=item.revision)
        made = folder.below(item)
        return {"item_id": item.id}

    result, replayed = await once(deps.work, origin, claim, run)
    if made is None:
        made = await find_item(deps, principal, origin, result["item_id"], in_trash=True)
    return made, replayed


async def _insert_folder(unit: Unit, parent: Located, name: str, user_id: UserId, conflict: ConflictPolicy) -> Item:
    accept_depth(len(parent.ids_down_to_it))
    wanted = name
    for _ in range(RACES):
        item = new_folder(ItemId(new_id()), parent.item.owner_id, parent.item.id, name, created_by=user_id, now=unit.now)
        if await rows.insert_item(unit.connection, item, name_key(name)):
            return item
        if conflict != "rename":
            break
        name = await free_name(unit.connection, parent.item.id, wanted, "folder")
    taken = await name_conflict(unit, parent.item.id, wanted, "folder", None)
    if conflict == "replace":
        raise KindConflict("A folder is never replaced.", existing=taken.extensions.get("existing"))
    raise taken


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be changed about an item; None leaves it as it is."""

    name: str | None = None
    parent: str | None = None
    modified_at: datetime | None = None
    conflict: ConflictPolicy = "fail"
    tags: tuple[str, ...] | None = None


async def change_item(deps: Deps, principal: Principal, origin: Origin, ref: str, wish: Wish, conditions: Conditions) -> Seen:
    """Rename, move, date and tag in one step. A wish that is fulfilled already changes nothing, so it may run twice. With
    `replace` a file in the way of a file goes to the trash (decision 26).

    Raises NotFound, Forbidden, PreconditionFailed, NameInvalid, NameConflict, KindConflict, Cycle, StateConflict for a
    root folder, ValidationFailed for another drive or too deep a place.
    """
    if ref == ROOT:
        raise StateConflict("The root folder of a drive keeps its name and place.")
    if wish.name is not None:
        wish = replace(wish, name=accept_name(wish.name))
    if wish.tags is not None:
        wish = replace(wish, tags=accept_tags(wish.tags))

    async def run(unit: Unit, *, look: bool) -> Seen:
        return await change_in(unit, deps, principal, ItemId(ref), wish, conditions, look=look)

    changed = await unless_taken(deps, origin, run)
    if wish.name is not None or wish.parent is not None:
        deps.interactions.note_by(origin, changed.at.item.id)
    return changed


class _Run(Protocol):
    async def __call__(self, unit: Unit, *, look: bool) -> Seen:
        """Run a change; with `look`, look first who holds the name."""


async def unless_taken(deps: Deps, origin: Origin, run: _Run) -> Seen:
    """Run a change that takes a name, trusting that it is free. When it is not, run again and look first: only the
    unique index can tell for certain, and asking it costs nothing extra.
    """
    look = False
    for _ in range(RACES):
        try:
            async with deps.work.unit(origin) as unit:
                return await run(unit, look=look)
        except DBAPIError as error:
            if not is_race(error):
                raise
            look = True
    raise StateConflict("Others keep taking the name.")


def is_race(error: DBAPIError) -> bool:
    """Whether a unit failed only because others were at the same names: it took one that was just taken, or two that swap
    names waited for each other and the store sent one of them away. It may run again.
    """
    if getattr(error.orig, "sqlstate", None) == DEADLOCK:
        return True
    return isinstance(error, IntegrityError) and "items_name" in str(error.orig)


async def change_in(
    unit: Unit, deps: Deps, principal: Principal, item_id: ItemId, wish: Wish, conditions: Conditions, *, look: bool
) -> Seen:
    """As `change_item`, in a unit that somebody else commits, with a name and tags that were accepted."""
    connection, grantee = unit.connection, principal.grantee
    target: Seen | None = None
    if wish.parent is not None or wish.conflict == "replace":
        # Moves of one drive go one after the other, and the folder above is held before the item.
        found = seen(await rows.locate(connection, item_id, grantee), grantee, unit.now)
        await rows.lock_tree(connection, found.at.item.owner_id)
        target = await hold_folder(unit, deps, principal, wish.parent) if wish.parent is not None else None
    at = seen(await rows.lock(connection, item_id, grantee), grantee, unit.now).require(Rights.WRITE)
    item = at.at.item
    guard(conditions, item)
    parent_id = item.parent_id
    if parent_id is None:
        raise StateConflict("The root folder of a drive keeps its name and place.")
    placed = at
    changes: dict[str, Any] = {}
    if target is not None and target.at.item.id != item.parent_id:
        at.require(Rights.DELETE)
        await _accept_move(unit, at.at, target.at)
        changes["parent_id"] = parent_id = target.at.item.id
        placed = target.takes_in(at)
    name = wish.name if wish.name is not None else item.name
    if name != item.name or changes:
        if look or wish.conflict != "fail":
            name = await _free_place(unit, grantee, item, parent_id, name, wish.conflict, told=placed.parent_id is not None)
        changes |= {"name": name, "name_key": name_key(name)}
    if wish.modified_at is not None and wish.modified_at != item.modified_at:
        changes["modified_at"] = wish.modified_at
    if wish.tags is not None and wish.tags != tuple(item.tags):
        changes |= {"tags": list(wish.tags), "tag_keys": tag_keys(wish.tags)}
    if not changes:
        return at
    after = await rows.update_item(connection, item, **changes, changed_at=unit.now)
    await _tell(unit, item, after, at.at.ancestor_ids, placed.at.ancestor_ids)
    return seen(placed.at._replace(item=after), grantee, unit.now)


async def _accept_move(unit: Unit, moved: Located, target: Located) -> None:
    """Raises Cycle, ValidationFailed."""
    if target.item.owner_id != moved.item.owner_id:
        raise ValidationFailed("Items move within one drive; copy them to bring them to another.")
    above = target.ids_down_to_it
    if moved.item.id in above:
        raise Cycle("A folder cannot be moved into itself or below itself.")
    accept_depth(len(above))
    await accept_height(unit, moved, above)


async def _free_place(
    unit: Unit, grantee: str, item: Item, parent_id: ItemId, name: str, conflict: ConflictPolicy, *, told: bool
) -> str:
    """The name to take. Raises NameConflict, which names the holder if it may be `told`; KindConflict and Forbidden if it
    cannot be replaced. Another spelling of its own name is the item's to take.
    """
    holder = await rows.child_named(unit.connection, parent_id, name_key(name))
    if holder is None or holder.id == item.id:
        return name
    in_the_way = await rows.lock(unit.connection, holder.id, grantee) if conflict == "replace" else None
    if in_the_way is not None and seen_by(in_the_way, grantee, unit.now):
        if item.kind != "file" or holder.kind != "file":
            raise KindConflict("Only a file replaces a file.", existing=described(holder))
        await discard(unit, seen(in_the_way, grantee, unit.now).require(Rights.DELETE).at)
        return name
    if conflict != "rename":
        if told:
            raise await name_conflict(unit, parent_id, name, item.kind, holder)
        suggested = await free_name(unit.connection, parent_id, name, item.kind)
        raise NameConflict(f"The folder already holds {name!r}.", existing=None, suggested_name=suggested)
    return await free_name(unit.connection, parent_id, name, item.kind)


async def _tell(unit: Unit, before: Item, after: Item, stood: tuple[ItemId, ...], above: tuple[ItemId, ...]) -> None:
    changed = [
        field for field in ("name", "parent_id", "modified_at", "tags") if getattr(before, field) != getattr(after, field)
    ]
    reason: ChangeReason = "moved" if "parent_id" in changed else "renamed" if "name" in changed else "metadata"
    concerned = dict.fromkeys((*stood, *above))
    await note_change(unit.connection, after, reason, concerned, actor_id=unit.origin.actor_id, now=unit.now)
    fact = item_fact(
        ItemChangedV1,
        after,
        above,
        await content_of(unit, after),
        changes=tuple(changed),
        previous_name=before.name if "name" in changed else None,
        previous_parent_id=before.parent_id if "parent_id" in changed else None,
        previous_modified_at=before.modified_at if "modified_at" in changed else None,
        previous_tags=tuple(before.tags) if "tags" in changed else None,
    )
    unit.emit(fact, sequence=after.revision)
