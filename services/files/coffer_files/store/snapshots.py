"""Every item page by page, with what its facts need: the folders above it and where its bytes are. One statement a page."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Text, cast, func, literal, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import BlobId, ItemId
from coffer_files.domain.items import Item
from coffer_files.store.items import ITEM_COLUMNS
from coffer_files.store.tables import blobs, items, versions


class Stored(NamedTuple):
    """Where the bytes of a file are."""

    blob_id: BlobId
    key: str
    etag: str


class Standing(NamedTuple):
    """An item as its facts tell of it."""

    item: Item
    ancestor_ids: tuple[ItemId, ...]
    stored: Stored | None


async def items_after(connection: AsyncConnection, after: ItemId | None, limit: int) -> list[Standing]:
    """Up to `limit` items by id, from behind `after` on, those in the trash included."""
    wanted = select(items.c.id, items.c.parent_id).order_by(items.c.id).limit(limit)
    if after is not None:
        wanted = wanted.where(items.c.id > after)
    page = wanted.cte("page")
    here = select(page.c.id.label("start"), page.c.parent_id.label("id"), literal(1).label("height"))
    up = here.where(page.c.parent_id.is_not(None)).cte("up", recursive=True)
    # OFFSET 0: the planner takes the walk to be long and would read all items once for every level.
    above = select(items.c.parent_id).where(items.c.id == up.c.id, items.c.parent_id.is_not(None)).offset(0).lateral("above")
    up = up.union_all(select(up.c.start, above.c.parent_id, up.c.height + 1).select_from(up.join(above, true())))
    chains = (
        select(up.c.start, func.array_agg(aggregate_order_by(cast(up.c.id, Text), up.c.height.desc())).label("ids"))
        .group_by(up.c.start)
        .subquery("chains")
    )
    statement = (
        select(*ITEM_COLUMNS, chains.c.ids, blobs.c.id.label("blob_id"), blobs.c.key, blobs.c.etag)
        .select_from(page)
        .join(items, items.c.id == page.c.id)
        .outerjoin(chains, chains.c.start == items.c.id)
        .outerjoin(versions, versions.c.id == items.c.version_id)
        .outerjoin(blobs, blobs.c.id == versions.c.blob_id)
        .order_by(items.c.id)
    )
    return [_standing(row) for row in await connection.execute(statement)]


def _standing(row: Sequence[Any]) -> Standing:
    ids, *stored = row[len(ITEM_COLUMNS) :]
    return Standing(
        Item._make(row[: len(ITEM_COLUMNS)]), tuple(ids or ()), Stored._make(stored) if stored[0] is not None else None
    )
