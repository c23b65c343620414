"""The keys that names are found by, held against the names."""

from typing import Any

from sqlalchemy import literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import ItemId
from coffer_files.store.tables import items
from coffer_files.store.tables.items import FOLDED


async def write_keys(connection: AsyncConnection, after: ItemId | None, limit: int) -> tuple[int, int, ItemId | None]:
    """Have the store make the key of some items anew where it is not what it should be. How many items were looked at, how
    many were written, and the last one.
    """
    page: Any = select(items.c.id).order_by(items.c.id).limit(limit)
    if after is not None:
        page = page.where(items.c.id > after)
    ids = list((await connection.execute(page)).scalars())
    if not ids:
        return 0, 0, None
    # The store makes the key whenever the name key is written.
    wrong = items.c.search_key.is_distinct_from(literal_column(f"({FOLDED})"))
    first, last = ids[0], ids[-1]
    statement = update(items).where(items.c.id >= first, items.c.id <= last, wrong).values(name_key=items.c.name_key)
    changed = (await connection.execute(statement)).rowcount
    return len(ids), changed, ItemId(last)
