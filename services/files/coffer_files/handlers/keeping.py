"""Whether a lock keeps somebody from an item that was found by name: what is found by its id carries its locks along."""

from collections.abc import Sequence

from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import ItemId
from coffer_files.domain.locks import Lock, covering, in_the_way
from coffer_files.store.locks import locks_among


async def kept_out(unit: Unit, item_id: ItemId, ancestor_ids: Sequence[ItemId], grantee: str) -> Lock | None:
    """The lock that keeps `grantee` from writing to an item below these folders; one statement."""
    found = await locks_among(unit.connection, [item_id, *ancestor_ids])
    return in_the_way(covering(found, item_id, ancestor_ids, unit.now), grantee) if found else None
