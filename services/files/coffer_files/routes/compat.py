"""What the routes of the CloudDrive API have in common: its words, our refusals (INTERFACES 1.7).

They stay: answers name the route to prefer as `successor-version` (RFC 5829) and announce no end.
"""

import msgspec

from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import NotFound, StateConflict
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.items import find_item
from coffer_files.handlers.sight import Seen


class MessageAnswer(msgspec.Struct, frozen=True):
    """What happened, in a sentence, and to which item."""

    message: str
    id: str
    name: str


async def named_item(
    deps: Deps, principal: Principal, origin: Origin, item_id: ItemId, kind: ItemKind, *, parent_id: str | None
) -> Seen:
    """The item of that kind, in the folder that the caller takes it to be in, if they say one.

    Raises NotFound also for the other kind: there, files and folders never had ids in common. Raises StateConflict for
    another folder.
    """
    found = await find_item(deps, principal, origin, item_id)
    if found.at.item.kind != kind or found.at.is_root:
        raise NotFound
    if parent_id is not None and parent_id != found.parent_id:
        raise StateConflict("It does not lie in that folder.", parent_folder_id=found.parent_id)
    return found
