"""Holding an item while access to it is given: the same for shares and for links."""

from coffer_chassis.access import Rights
from coffer_chassis.identity import Principal
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import Forbidden, NotFound, StateConflict
from coffer_sharing.handlers.sight import Seen, look
from coffer_sharing.store import shares as rows


async def hold(unit: Unit, principal: Principal, item_id: ItemId) -> Seen:
    """The item, which stays until the unit ends. Raises NotFound, Forbidden, StateConflict."""
    if not await rows.lock_item(unit.connection, item_id):
        raise NotFound
    item = await look(unit.connection, item_id, principal, unit.now, live=True)
    if item is None:
        raise NotFound
    if Rights.SHARE not in item.rights:
        raise Forbidden("You can see this but may not share it.")
    if item.at.parent_id is None:
        raise StateConflict("The root folder of a drive is not shared; share what lies in it.")
    if not item.at.is_live:
        raise StateConflict("What is in the trash is not shared; take it out first.")
    return item
