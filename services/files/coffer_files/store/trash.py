"""Pages of the trash. Every order has its index, so the cost of a page does not grow with the trash."""

from typing import Any, NamedTuple

from sqlalchemy import Text, cast, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import ItemId, UserId
from coffer_files.domain.items import Item
from coffer_files.domain.trash import TRASH_COLUMNS, TrashOrder
from coffer_files.store.items import ITEM_COLUMNS
from coffer_files.store.tables import items

_SEEN = len(ITEM_COLUMNS)


class Place(NamedTuple):
    """Where a page ends: the exact sort value as text, and the id."""

    value: str
    id: ItemId


async def trash(
    connection: AsyncConnection, owner_id: UserId, order: TrashOrder, *, limit: int, after: Place | None = None
) -> list[tuple[Item, Place]]:
    """What was put into the trash of a drive, in this order, with the place of each; not what lies below it."""
    column: Any = items.c[TRASH_COLUMNS[order.key]]
    by = (column, items.c.id)
    page = select(*ITEM_COLUMNS, cast(column, Text)).where(items.c.owner_id == owner_id, items.c.trashed_at.is_not(None))
    if after is not None:
        here, there = tuple_(*by), tuple_(cast(literal(after.value, Text), column.type), literal(after.id, items.c.id.type))
        page = page.where(here < there if order.descending else here > there)
    page = page.order_by(*(part.desc() if order.descending else part for part in by)).limit(limit)
    rows = (await connection.execute(page)).all()
    return [(Item._make(row[:_SEEN]), Place(row[_SEEN], row.id)) for row in rows]
