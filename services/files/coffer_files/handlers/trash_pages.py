"""Looking into the trash."""

from typing import NamedTuple

from coffer_chassis.identity import Principal
from coffer_files.domain.items import Item
from coffer_files.domain.trash import TrashOrder
from coffer_files.handlers.deps import Deps
from coffer_files.store.grants import is_shared, locate_many
from coffer_files.store.trash import Place, trash


class InTrash(NamedTuple):
    """Something in the trash: where it would be put back to is the path of its folder, with the name it had."""

    item: Item
    is_shared: bool
    path: str


async def list_trash(
    deps: Deps, principal: Principal, order: TrashOrder, *, limit: int, after: Place | None
) -> tuple[list[InTrash], Place | None]:
    """A page of what the caller's drive has in its trash, and the place of the next. Three statements, however much it is."""
    async with deps.work.read() as connection:
        page = await trash(connection, principal.user_id, order, limit=limit + 1, after=after)
        found = [item for item, _ in page[:limit]]
        shared = await is_shared(connection, [item.id for item in found])
        folders = {item.parent_id for item in found if item.parent_id}
        above = await locate_many(connection, folders, ()) if folders else {}
    paths = {folder_id: "/".join((*at.ancestor_names, at.item.name, "")) for folder_id, at in above.items()}
    shown = [InTrash(item, item.id in shared, paths.get(item.parent_id or item.id, "/") + item.name) for item in found]
    return shown, page[limit - 1][1] if len(page) > limit else None
