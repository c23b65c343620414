"""How deep trees are. Folders alone are walked, along their index: the files of a folder, however many, are not looked at."""

from sqlalchemy import Integer, bindparam, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import ItemId
from coffer_files.store.tables import items

_here = select(items.c.id, literal(0).label("depth")).where(items.c.id == bindparam("item")).cte("folders", recursive=True)
_child, _file = items.alias("child"), items.alias("file")
_folders = _here.union_all(
    select(_child.c.id, _here.c.depth + 1)
    .join(_here, _child.c.parent_id == _here.c.id)
    .where(_child.c.kind == "folder", _child.c.trashed_at.is_(None))
)
_deepest = select(func.max(_folders.c.depth)).scalar_subquery()
_in_the_deepest = (
    select(_file.c.id)
    .join(_folders, _file.c.parent_id == _folders.c.id)
    .where(_folders.c.depth == _deepest, _file.c.kind == "file", _file.c.trashed_at.is_(None))
    .exists()
)
_height = select(_deepest + cast(_in_the_deepest, Integer))


async def height_below(connection: AsyncConnection, folder_id: ItemId) -> int:
    """How many levels of living items lie below a folder; 0 for an empty one."""
    return int((await connection.execute(_height, {"item": folder_id})).scalar_one())
