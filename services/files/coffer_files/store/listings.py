"""Pages of a folder. The cost of a page does not grow with the folder: every order has its index."""

from functools import cache
from typing import Any

from sqlalchemy import DateTime, Integer, Select, Text, bindparam, cast, exists, func, literal, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ItemId
from coffer_files.domain.items import SORT_COLUMNS, Beginning, Listed, Order
from coffer_files.store.direct import Direct, as_text
from coffer_files.store.items import IS_OF_GRANTEE, NOBODY
from coffer_files.store.tables import grants, items, marks

_MILLISECONDS = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'


_LISTED = [name for name in Listed._fields if name not in {"favourite", "touched_at", "shared", "place"}]


def _shown(column: Any) -> Any:
    """A column as listings take it: ids and times as text, no flags or tags as null, which costs nothing to read."""
    if column.name in {"flags", "tags"}:
        return func.nullif(column, cast([], column.type)).label(column.name)
    if isinstance(column.type, DateTime):
        return func.to_char(func.timezone("UTC", column), _MILLISECONDS).label(column.name)
    return as_text([column])[0]


_KINDS: tuple[ItemKind, ItemKind] = ("folder", "file")


async def children(
    connection: AsyncConnection,
    parent_id: ItemId,
    order: Order,
    *,
    limit: int,
    after: Beginning | None = None,
    grantee: str = NOBODY,
) -> list[Listed]:
    """Up to `limit` living children in this order, after the place where the page before ended, with `grantee`'s marks."""
    statement = _page(order, after.kind if after else None)
    place = {"value": after.value, "id": after.id} if after else {}
    return [
        Listed._make(row) for row in await statement.rows(connection, parent=parent_id, limit=limit, grantee=grantee, **place)
    ]


@cache
def _page(order: Order, after_kind: ItemKind | None) -> Direct:
    """The statement for one order and kind of beginning; few exist, and each is compiled once.

    Folders and files are two walks along one index, each cut at the limit, so no order needs to read a whole folder.
    """
    walks = []
    for rank, kind in enumerate(_KINDS):
        if order.folders_first and after_kind == "file" and kind == "folder":
            continue
        begins_here = after_kind is not None and (not order.folders_first or kind == after_kind)
        walks.append(_walk(order, rank, kind, begins_here=begins_here).subquery())
    together = union_all(*(select(walk) for walk in walks)).subquery("together")
    page = select(together).order_by(*_ends(order, together)).limit(bindparam("limit", type_=Integer)).subquery("page")
    shown = [_shown(page.c[name]) for name in _LISTED]
    shared = exists().where(grants.c.item_id == page.c.id, grants.c.removed_at.is_(None))
    place = cast(page.c.sort_value, Text)
    marked = (marks.c.favourite_at.is_not(None).label("favourite"), _shown(marks.c.touched_at))
    statement = select(*shown, *marked, shared.label("shared"), place.label("place"))
    statement = statement.select_from(page.outerjoin(marks, (marks.c.item_id == page.c.id) & IS_OF_GRANTEE))
    return Direct(statement.order_by(*_ends(order, page)))


def _ends(order: Order, rows: Any) -> tuple[Any, ...]:
    first = (rows.c.rank,) if order.folders_first else ()
    by = (rows.c.sort_value, rows.c.id)
    return (*first, *(part.desc() if order.descending else part for part in by))


def _walk(order: Order, rank: int, kind: ItemKind, *, begins_here: bool) -> Select[Any]:
    column = items.c[SORT_COLUMNS[order.key]]
    ranked = (column.label("sort_value"), literal(rank).label("rank"))
    statement = select(*(items.c[name] for name in _LISTED), *ranked).where(
        items.c.parent_id == bindparam("parent"), items.c.kind == kind, items.c.trashed_at.is_(None)
    )
    # A name is unique in its folder; the other orders need the id to tell equals apart.
    by = (column,) if order.key == "name" else (column, items.c.id)
    if begins_here:
        value: Any = bindparam("value", type_=Text)
        place = (value,) if order.key == "name" else (cast(value, column.type), bindparam("id", type_=Id))
        here, there = tuple_(*by), tuple_(*place)
        statement = statement.where(here < there if order.descending else here > there)
    return statement.order_by(*(part.desc() if order.descending else part for part in by)).limit(
        bindparam("limit", type_=Integer)
    )


_count = select(func.count()).select_from(items).where(items.c.parent_id == bindparam("parent"), items.c.trashed_at.is_(None))


async def count_children(connection: AsyncConnection, parent_id: ItemId) -> int:
    """How many living children a folder has. Reads them all: only for those who ask."""
    return int((await connection.execute(_count, {"parent": parent_id})).scalar_one())
