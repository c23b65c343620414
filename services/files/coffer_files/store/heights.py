"""How high the tree below a folder is, as far as that has to be known."""

from sqlalchemy import Integer, bindparam, exists, func, literal, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id
from coffer_contracts.ids import ItemId
from coffer_files.store.tables import items

_here = (
    select(items.c.id, literal(0).label("depth")).where(items.c.id == bindparam("top", type_=Id)).cte("below", recursive=True)
)
# LATERAL and OFFSET 0: the planner takes the walk to be long and would read the whole table at every step.
_folder = (
    select(items.c.id)
    .where(items.c.parent_id == _here.c.id, items.c.kind == "folder", items.c.trashed_at.is_(None))
    .offset(0)
    .lateral("folder")
)
_below = _here.union_all(select(_folder.c.id, _here.c.depth + 1).select_from(_here.join(_folder, true())))
_some = select(_below.c.id, _below.c.depth).limit(bindparam("most", type_=Integer)).subquery("some")
_levels = bindparam("levels", type_=Integer)
_child = exists().where(items.c.parent_id == _some.c.id, items.c.trashed_at.is_(None))
_reaches = select(func.count()).where(or_(_some.c.depth > _levels, (_some.c.depth == _levels) & _child))


async def is_higher(connection: AsyncConnection, folder_id: ItemId, levels: int, *, most: int) -> bool:
    """Whether anything lies more than `levels` levels below a folder, among the `most` folders that are nearest to it."""
    return bool((await connection.execute(_reaches, {"top": folder_id, "levels": levels, "most": most})).scalar_one())
