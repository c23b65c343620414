"""How deep what lies below a folder will lie once the folder is elsewhere."""

from collections.abc import Sequence

from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import ValidationFailed
from coffer_files.domain.items import Located
from coffer_files.domain.names import MAX_DEPTH
from coffer_files.store.heights import is_higher

LOOKED_AT = 10_000
"""Folders below a moved one that are looked at, the uppermost first: a larger tree moves unmeasured, at the same cost."""


async def accept_height(unit: Unit, moved: Located, above: Sequence[ItemId]) -> None:
    """Raises ValidationFailed if something below an item would lie too deep with so many folders `above` the item.

    Nothing is measured where the item does not go down: what lay within the limit stays within it.
    """
    if moved.item.kind == "file" or len(above) <= len(moved.ancestor_ids):
        return
    await accept_tree(unit, moved.item.id, above)


async def accept_tree(unit: Unit, folder_id: ItemId, above: Sequence[ItemId]) -> None:
    """Raises ValidationFailed if something below a folder would lie too deep with so many folders `above` the folder."""
    if await is_higher(unit.connection, folder_id, MAX_DEPTH - len(above), most=LOOKED_AT):
        raise ValidationFailed(f"Folders can be nested {MAX_DEPTH} levels deep.")
