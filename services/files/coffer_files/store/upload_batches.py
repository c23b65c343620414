"""Rows of many uploads and their folders at once: as many statements for a hundred as for one."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import select, tuple_, values
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import column

from coffer_chassis.tables import Id
from coffer_contracts.ids import ItemId, UploadId
from coffer_files.domain.items import Item
from coffer_files.domain.names import name_key
from coffer_files.domain.uploads import Upload
from coffer_files.store.items import ITEM_COLUMNS
from coffer_files.store.tables import changes, items, uploads
from coffer_files.store.tables.base import Key
from coffer_files.store.uploads import read_upload, select_uploads

Place = tuple[ItemId, str]
"""A folder, and the key of a name in it."""

_insert_items = insert(items).on_conflict_do_nothing(constraint="items_name").returning(items.c.id)


async def children_at(connection: AsyncConnection, places: Collection[Place], *, held: bool = False) -> dict[Place, Item]:
    """The living items that hold these places. `held` keeps them as they are until the transaction ends."""
    if not places:
        return {}
    wanted = values(column("parent_id", Id), column("name_key", Key), name="wanted").data(sorted(places))
    query = select(*ITEM_COLUMNS, items.c.name_key).join(
        wanted, tuple_(items.c.parent_id, items.c.name_key) == tuple_(wanted.c.parent_id, wanted.c.name_key)
    )
    query = query.order_by(items.c.id)
    rows = await connection.execute(query.with_for_update(read=True, key_share=True, of=items) if held else query)
    found = [(Item._make(row[: len(ITEM_COLUMNS)]), row.name_key) for row in rows]
    return {(item.parent_id, key): item for item, key in found if item.parent_id is not None}


async def insert_folders(connection: AsyncConnection, made: Sequence[Item]) -> set[ItemId]:
    """Put folders into theirs; the ids of those whose name was free."""
    if not made:
        return set()
    rows = [{**item._asdict(), "name_key": name_key(item.name)} for item in made]
    return set((await connection.execute(_insert_items, rows)).scalars())


async def note_made(
    connection: AsyncConnection,
    made: Iterable[tuple[Item, Sequence[ItemId]]],
    *,
    actor_id: str | None,
    now: datetime,
) -> None:
    """Tell the feed of the drive of items that were made, each with the folders above it."""
    rows = [
        {"owner_id": item.owner_id, "item_id": item.id, "reason": "created", "actor_id": actor_id, "at": now,
         "scope": [*above, item.id]}
        for item, above in made
    ]  # fmt: skip
    if rows:
        await connection.execute(insert(changes), rows)


async def uploads_by_id(
    connection: AsyncConnection, upload_ids: Collection[UploadId], *, locked: bool = False
) -> dict[UploadId, Upload]:
    """Uploads as they stand; `locked` until the transaction ends. Their drive is to be locked before."""
    query = select_uploads.where(uploads.c.id.in_(upload_ids)).order_by(uploads.c.id)
    found = [read_upload(row) for row in await connection.execute(query.with_for_update() if locked else query)]
    return {upload.id: upload for upload in found}
