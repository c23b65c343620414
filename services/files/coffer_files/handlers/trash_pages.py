"""Looking into the trash."""

from typing import NamedTuple

from coffer_chassis.identity import Principal
from coffer_files.domain.items import Item, Mark
from coffer_files.domain.trash import TrashOrder
from coffer_files.handlers.deps import Deps
from coffer_files.store.grants import locate_many
from coffer_files.store.trash import Place, trash


class InTrash(NamedTuple):
    """Something in the trash: where it would be put back to is the path of its folder, with the name it had."""

    item: Item
    is_shared: bool
    path: str
    mark: Mark


async def list_trash(
    deps: Deps, principal: Principal, order: TrashOrder, *, limit: int, after: Place | None
) -> tuple[list[InTrash], Place | None]:
    """A page of what the caller's drive has in its trash, and the place of the next. Two statements, however much it is."""
    async with deps.work.read() as connection:
        page = await trash(connection, principal.user_id, order, limit=limit + 1, after=after)
        # What was removed for good between the two looks is not shown.
        found = await locate_many(connection, [item.id for item, _ in page[:limit]], (), principal.grantee)
    shown = [
        InTrash(item, at.is_shared, "/".join((*at.ancestor_names, item.name)), at.mark)
        for item, _ in page[:limit]
        if (at := found.get(item.id))
    ]
    return shown, page[limit - 1][1] if len(page) > limit else None
