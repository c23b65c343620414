"""Pages of a folder. The cost of a page does not grow with the folder: every order has its index."""

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    DateTime,
    Integer,
    Select,
    Text,
    bindparam,
    cast,
    exists,
    func,
    literal,
    select,
    text,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id, Instant
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ItemId
from coffer_files.domain.items import EVERYTHING, SORT_COLUMNS, Beginning, Filters, Listed, Order
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
    filters: Filters = EVERYTHING,
) -> list[Listed]:
    """Up to `limit` living children in this order, after the place where the page before ended, with `grantee`'s marks.

    Without filters a page costs what it shows. With them it reads on until it is full: a folder of which hardly anything
    passes is read whole, but for tags, which have an index of their own.
    """
    kinds = filters.shown_kinds
    if after and order.folders_first and after.kind == "file":
        kinds -= {"folder"}
    if not kinds:
        return []
    statement = _page(order, after.kind if after else None, kinds, filters.asked)
    place = {"value": after.value, "id": after.id} if after else {}
    found = await statement.rows(connection, parent=parent_id, limit=limit, grantee=grantee, **place, **_values(filters))
    return [Listed._make(row) for row in found]


def _values(filters: Filters) -> dict[str, Any]:
    known = {name: value for name, value in filters._asdict().items() if value is not None}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in known.items()}


@lru_cache(maxsize=512)
def _page(order: Order, after_kind: ItemKind | None, kinds: frozenset[ItemKind], filters: frozenset[str]) -> Direct:
    """The statement for one order, kind of beginning and choice of filters; few are in use, and each is compiled once.

    Folders and files are two walks along one index, each cut at the limit, so no order needs to read a whole folder.
    """
    walks = []
    for rank, kind in enumerate(_KINDS):
        if kind not in kinds:
            continue
        begins_here = after_kind is not None and (not order.folders_first or kind == after_kind)
        walks.append(_walk(order, rank, kind, filters, begins_here=begins_here).subquery())
    together = union_all(*(select(walk) for walk in walks)).subquery("together")
    page = select(together).order_by(*_ends(order, together)).limit(bindparam("limit", type_=Integer)).subquery("page")
    shown = [_shown(page.c[name]) for name in _LISTED]
    shared = exists().where(grants.c.item_id == page.c.id, grants.c.removed_at.is_(None))
    place = cast(page.c.sort_value, Text)
    mine = select(marks.c.favourite_at, marks.c.touched_at).where(marks.c.item_id == page.c.id, IS_OF_GRANTEE)
    # OFFSET 0: a lookup for each row. The planner does not know how short a page is and would read all marks of somebody.
    mark = mine.offset(0).lateral("mark")
    marked = (mark.c.favourite_at.is_not(None).label("favourite"), _shown(mark.c.touched_at))
    statement = select(*shown, *marked, shared.label("shared"), place.label("place"))
    statement = statement.select_from(page.outerjoin(mark, true()))
    return Direct(statement.order_by(*_ends(order, page)))


def _ends(order: Order, rows: Any) -> tuple[Any, ...]:
    first = (rows.c.rank,) if order.folders_first else ()
    by = (rows.c.sort_value, rows.c.id)
    return (*first, *(part.desc() if order.descending else part for part in by))


def _walk(order: Order, rank: int, kind: ItemKind, filters: frozenset[str], *, begins_here: bool) -> Select[Any]:
    column = items.c[SORT_COLUMNS[order.key]]
    ranked = (column.label("sort_value"), literal(rank).label("rank"))
    statement = select(*(items.c[name] for name in _LISTED), *ranked).where(
        items.c.parent_id == bindparam("parent"), items.c.kind == kind, items.c.trashed_at.is_(None), *_passing(filters)
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


_my_favourite = exists().where(marks.c.item_id == items.c.id, marks.c.favourite_at.is_not(None), IS_OF_GRANTEE)
_CONDITIONS: dict[str, tuple[Any, ...]] = {
    "media_kinds": (items.c.media_kind == func.any(bindparam("media_kinds", type_=ARRAY(Text))),),
    # The first part is what the index of tagged items is made for.
    "tags": (text("items.tag_keys <> '{}'"), items.c.tag_keys.op("@>")(bindparam("tags", type_=ARRAY(Text)))),
    "favourite": (_my_favourite == bindparam("favourite", type_=Boolean),),
    "modified_after": (items.c.modified_at >= bindparam("modified_after", type_=Instant),),
    "modified_before": (items.c.modified_at < bindparam("modified_before", type_=Instant),),
    "size_min": (items.c.size_bytes >= bindparam("size_min", type_=BigInteger),),
    "size_max": (items.c.size_bytes <= bindparam("size_max", type_=BigInteger),),
}


def _passing(filters: frozenset[str]) -> list[Any]:
    return [condition for name in sorted(filters & _CONDITIONS.keys()) for condition in _CONDITIONS[name]]


@lru_cache(maxsize=256)
def _count(filters: frozenset[str]) -> Direct:
    kinds = items.c.kind == func.any(bindparam("kinds", type_=ARRAY(Text)))
    living = (items.c.parent_id == bindparam("parent", type_=Id), items.c.trashed_at.is_(None))
    return Direct(select(func.count()).select_from(items).where(*living, kinds, *_passing(filters)))


async def count_children(
    connection: AsyncConnection, parent_id: ItemId, *, grantee: str = NOBODY, filters: Filters = EVERYTHING
) -> int:
    """How many living children a folder has that pass. Reads them all: only for those who ask."""
    kinds = sorted(filters.shown_kinds)
    found = await _count(filters.asked).rows(connection, parent=parent_id, kinds=kinds, grantee=grantee, **_values(filters))
    return int(found[0][0])
