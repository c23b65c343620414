"""Looking at the tree: folders. Two statements a listing, however large the folder; three for
those whom it is shared with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Place, Rights, rights_on
from coffer_chassis.copies.grants import grants_to
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.ids import ItemId, VersionId
from coffer_contracts.problems import KindConflict
from coffer_files.domain.items import EVERYTHING, Beginning, Filters, Listed, Located, Order
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.drives import drive_owner, root_of
from coffer_files.handlers.items import ROOT
from coffer_files.handlers.sight import Seen, seen
from coffer_files.store import items as rows
from coffer_files.store import listings
from coffer_files.store.tables import grants
from coffer_files.store.versions import pictures

Pictures = Mapping[VersionId, tuple[Sequence[Mapping[str, Any]], str | None]]


@dataclass(frozen=True, slots=True)
class FolderPage:
    """Part of a folder. `after` is where the next page begins, None at the end; `pictures` only for those who asked. `more`:
    of which items the caller was given more than of the folder.
    """

    folder: Seen
    items: list[Listed]
    after: Beginning | None
    total: int | None = None
    pictures: Pictures = field(default_factory=dict)
    more: Mapping[ItemId, Rights] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of a folder is asked for, and what beside the items."""

    order: Order
    limit: int
    after: Beginning | None = None
    total: bool = False
    pictures: bool = False
    filters: Filters = EVERYTHING


async def list_folder(deps: Deps, principal: Principal, origin: Origin, ref: str, asked: Asked) -> FolderPage:
    """A page of a living folder. Raises NotFound, KindConflict for a file."""
    if ref == ROOT:
        async with deps.work.read() as connection:
            found = await rows.find_root(connection, drive_owner(principal))
            if found is not None:
                return await _page(connection, deps, principal, found, asked)
        ref = (await root_of(deps, principal.user_id, origin)).item.id
    async with deps.work.read() as connection:
        return await _page(connection, deps, principal, await rows.find(connection, ItemId(ref), principal.grantee), asked)


async def _page(
    connection: AsyncConnection, deps: Deps, principal: Principal, found: Located | None, asked: Asked
) -> FolderPage:
    now = deps.work.clock.now()
    folder = seen(found, principal.grantee, now)
    folder_id = folder.at.item.id
    if folder.at.item.kind != "folder":
        raise KindConflict("Only a folder has children.")
    passing: dict[str, Any] = {"grantee": principal.grantee, "filters": asked.filters}
    page = await listings.children(connection, folder_id, asked.order, limit=asked.limit + 1, after=asked.after, **passing)
    total = await listings.count_children(connection, folder_id, **passing) if asked.total else None
    page, more = page[: asked.limit], len(page) > asked.limit
    shown = [item.version_id for item in page if item.version_id and item.preview_status == "ready"]
    found_pictures = await pictures(connection, shown) if asked.pictures and shown else {}
    after = Beginning(page[-1].kind, page[-1].place, page[-1].id) if more else None
    given = await _given_more(connection, principal, folder, page, now) if page and folder.rights != Rights.OWN else {}
    return FolderPage(folder, page, after, total, found_pictures, given)


async def _given_more(
    connection: AsyncConnection, principal: Principal, folder: Seen, page: Sequence[Listed], now: datetime
) -> dict[ItemId, Rights]:
    """Of which items of the page the caller has other rights than of the folder, because they were given these too."""
    own = await grants_to(connection, grants, principal.grantee, [item.id for item in page])
    owner_id = folder.at.item.owner_id
    rights = {
        one.item_id: folder.rights | rights_on(Place(one.item_id, owner_id, ()), principal.grantee, own, now) for one in own
    }
    return {item_id: found for item_id, found in rights.items() if found != folder.rights}
