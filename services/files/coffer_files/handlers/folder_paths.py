"""Folders on the way to many files, made where they are missing: twice gives the same folders, and so do two at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files import ItemCreatedV1
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.problems import KindConflict, Problem
from coffer_files.domain.items import Item, Located, new_folder
from coffer_files.domain.locks import covering, in_the_way
from coffer_files.domain.upload_batches import BatchFile, Steps, levels
from coffer_files.handlers.facts import item_fact
from coffer_files.handlers.naming import described
from coffer_files.handlers.sight import locked
from coffer_files.store.locks import locks_among
from coffer_files.store.upload_batches import children_at, insert_folders, note_made


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is there now. `ids_down_to_it` are the folders above it and itself."""

    id: ItemId
    ids_down_to_it: tuple[ItemId, ...]
    is_new: bool = False


async def ensure_folders(
    unit: Unit, principal: Principal, top: Located, files: Iterable[BatchFile]
) -> dict[Steps, Folder | Problem]:
    """The folders of the files below `top`, which is held and may be written to; a KindConflict for those that a file stands in
    the way of, a Locked for those that somebody has locked. Two or three statements for every level, and two for all that was
    made.
    """
    files = list(files)
    found: dict[Steps, Folder | Problem] = {(): Folder(top.item.id, top.ids_down_to_it)}
    made: list[tuple[Item, Sequence[ItemId]]] = []
    for level in levels(files):
        await _ensure_level(unit, principal, top.item.owner_id, level, found, made)
    await note_made(unit.connection, made, actor_id=unit.origin.actor_id, now=unit.now)
    for item, above in made:
        unit.emit(item_fact(ItemCreatedV1, item, tuple(above), None), sequence=item.revision)
    return found


async def _ensure_level(
    unit: Unit,
    principal: Principal,
    owner_id: UserId,
    level: dict[Steps, str],
    found: dict[Steps, Folder | Problem],
    made: list[tuple[Item, Sequence[ItemId]]],
) -> None:
    places: dict[tuple[ItemId, str], Steps] = {}
    for steps in level:
        above = found[steps[:-1]]
        if isinstance(above, Problem):
            found[steps] = above
        else:
            places[above.id, steps[-1]] = steps
    # What lies in a folder that was made just now is new as well.
    old = [place for place, steps in places.items() if not _is_new(found[steps[:-1]])]
    there = await children_at(unit.connection, old, held=True)
    fresh = {
        place: new_folder(ItemId(new_id()), owner_id, place[0], level[steps], created_by=principal.user_id, now=unit.now)
        for place, steps in places.items()
        if place not in there
    }
    inserted = await insert_folders(unit.connection, list(fresh.values()))
    taken = [place for place, item in fresh.items() if item.id not in inserted]
    # Somebody else was quicker; they hold these names by now.
    there |= await children_at(unit.connection, taken, held=True)
    locks = await locks_among(unit.connection, [item.id for item in there.values()]) if there else []
    for place, steps in places.items():
        outcome = _outcome(place, steps, fresh, inserted, there, found, made)
        if isinstance(outcome, Folder) and not outcome.is_new:
            # Whoever locks a folder refuses all that would be put into it here; of the folders above, this was asked before.
            lock = in_the_way(covering(locks, outcome.id, (), unit.now), principal.grantee)
            outcome = locked(lock) if lock is not None else outcome
        found[steps] = outcome


def _outcome(
    place: tuple[ItemId, str],
    steps: Steps,
    fresh: dict[tuple[ItemId, str], Item],
    inserted: set[ItemId],
    there: dict[tuple[ItemId, str], Item],
    found: dict[Steps, Folder | Problem],
    made: list[tuple[Item, Sequence[ItemId]]],
) -> Folder | Problem:
    above = found[steps[:-1]]
    ids = above.ids_down_to_it if isinstance(above, Folder) else ()
    item = fresh.get(place)
    if item is not None and item.id in inserted:
        made.append((item, ids))
        return Folder(item.id, (*ids, item.id), is_new=True)
    holder = there.get(place)
    if holder is None or holder.kind != "folder":
        return KindConflict("A file lies where a folder is needed.", existing=described(holder))
    return Folder(holder.id, (*ids, holder.id))


def _is_new(folder: Folder | Problem) -> bool:
    return isinstance(folder, Folder) and folder.is_new
