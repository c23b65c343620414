"""Into the trash: one row, however much lies below it."""

from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files import ItemTrashedV1
from coffer_files.domain.items import Item, Located
from coffer_files.domain.names import name_key
from coffer_files.handlers.facts import content_of, item_fact
from coffer_files.store import items as rows
from coffer_files.store.changes import note_change


async def discard(unit: Unit, at: Located) -> Item:
    """Put a living item, locked, into the trash with everything below it; the item after. Its name is free at once."""
    gone = {"name_key": None, "trash_key": name_key(at.item.name), "trashed_at": unit.now}
    after = await rows.update_item(unit.connection, at.item, **gone, changed_at=unit.now)
    await note_change(unit.connection, after, "trashed", at.ancestor_ids, actor_id=unit.origin.actor_id, now=unit.now)
    fact = item_fact(ItemTrashedV1, after, at.ancestor_ids, await content_of(unit, after))
    unit.emit(fact, sequence=after.revision)
    return after
