"""Tags in use: counted folder by folder, because whoever may see a folder may see what lies in it."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, Select, bindparam, case, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id
from coffer_contracts.ids import ItemId, UserId
from coffer_files.store.grants import every_above
from coffer_files.store.tables import items


class Spelled(NamedTuple):
    """How many items carry a tag in one spelling, in one folder. `item_id` stands for items that were themselves given to
    whoever asks: the folder may be hidden from them.
    """

    owner_id: UserId
    folder_id: ItemId
    item_id: ItemId | None
    key: str
    tag: str
    times: int


class Folder(NamedTuple):
    """A folder on the way up."""

    id: ItemId
    parent_id: ItemId | None
    in_trash: bool


def _spelled() -> Select[Any]:
    one = func.unnest(items.c.tag_keys, items.c.tags).table_valued("key", "tag").render_derived()
    given = case((items.c.id == func.any(bindparam("given", type_=ARRAY(Id))), items.c.id)).label("given_id")
    by = (items.c.owner_id, items.c.parent_id, given, one.c.key, one.c.tag)
    return (
        select(*by, func.count())
        .select_from(items.join(one, text("true")))
        .where(
            items.c.owner_id == func.any(bindparam("owners", type_=ARRAY(Id))),
            items.c.trashed_at.is_(None),
            text("items.tag_keys <> '{}'"),
        )
        .group_by(*by)
    )


_by_folder = _spelled()
_folders = select(every_above.c.id, every_above.c.parent_id, items.c.trashed_at.is_not(None)).join_from(
    every_above, items, items.c.id == every_above.c.id
)


async def tags_by_folder(connection: AsyncConnection, owners: Collection[UserId], given: Collection[ItemId]) -> list[Spelled]:
    """The tags of what lies in these drives and is not itself in the trash. Reads every tagged item."""
    found = await connection.execute(_by_folder, {"owners": [*owners], "given": [*given]})
    return [Spelled._make(row) for row in found]


async def folders_up(connection: AsyncConnection, ids: Collection[ItemId]) -> Mapping[ItemId, Folder]:
    """The folders, and all above them."""
    return {row[0]: Folder._make(row) for row in await connection.execute(_folders, {"ids": [*ids]})}
