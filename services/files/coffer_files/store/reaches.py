"""Where a search looks: drives, or what lies below some folders of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Select, bindparam, func, literal_column, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id
from coffer_contracts.ids import ItemId, UserId
from coffer_files.store.tables import items

MOST_FOLDERS = 5_000
LISTED = 20_000
"""As many items in the folders that a search is about are read one by one; of more, the drive's index."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where to look: in drives, or of these only directly in `folders`, and the `single` items. Never in `hidden` folders.
    `listed`: few enough to read them one by one.
    """

    owners: Sequence[UserId]
    folders: Sequence[ItemId] | None = None
    single: Sequence[ItemId] = ()
    hidden: Sequence[ItemId] = ()
    listed: bool = False


async def folders_below(connection: AsyncConnection, tops: Sequence[ItemId]) -> list[ItemId] | None:
    """The folders among `tops` and all living ones below them; None if there are more than MOST_FOLDERS."""
    if not tops:
        return []
    rows = (await connection.execute(_folders_below.limit(MOST_FOLDERS + 1), {"ids": [*tops]})).scalars().all()
    return None if len(rows) > MOST_FOLDERS else [ItemId(row) for row in rows]


_tops = select(items.c.id).where(items.c.id == func.any(bindparam("ids", type_=ARRAY(Id))), items.c.kind == "folder")
_walk = _tops.cte("walk", recursive=True)
# As of `grants._up`: tied together, or the planner reads the whole tree at every step.
_child = (
    select(items.c.id)
    .where(items.c.parent_id == _walk.c.id, items.c.kind == "folder", items.c.trashed_at.is_(None))
    .offset(0)
    .lateral("child")
)
_walk = _walk.union(select(_child.c.id).select_from(_walk.join(_child, true())))
_folders_below = select(_walk.c.id)


async def trashed_folders(connection: AsyncConnection, owner_id: UserId) -> list[ItemId]:
    """Folders that lie in the trash of a drive, without what is below them; the newest."""
    statement = select(items.c.id).where(
        items.c.owner_id == owner_id, items.c.trashed_at.is_not(None), items.c.kind == "folder"
    )
    rows = await connection.execute(statement.order_by(items.c.trashed_at.desc()).limit(MOST_FOLDERS))
    return [ItemId(row) for row in rows.scalars()]


async def are_few(connection: AsyncConnection, folders: Sequence[ItemId]) -> bool:
    """Whether at most LISTED living items lie directly in the folders."""
    lying: Select[Any] = select(literal_column("1")).where(
        items.c.parent_id == func.any(ids(folders)), items.c.trashed_at.is_(None)
    )
    counted = select(func.count()).select_from(lying.limit(LISTED + 1).subquery())
    return int((await connection.execute(counted)).scalar_one()) <= LISTED


def ids(known: Sequence[str]) -> Any:
    """Ids as one value of a statement."""
    return bindparam(None, [*known], type_=ARRAY(Id), unique=True)
