"""Items and versions that are gone: whatever arrives about them later is void."""

from datetime import datetime

from sqlalchemy import Text, bindparam, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import ItemId, VersionId
from coffer_media_worker.store.tables import gone_items, gone_versions, previews

_hold = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("item", type_=Text), 0)))


async def hold_item(connection: AsyncConnection, item_id: ItemId) -> None:
    """Let nobody put a tombstone of this file or a version of it, nor tell a preview, until the transaction ends: a tombstone
    put between the look for one and the row would leave that row for ever. Comes before the look.
    """
    await connection.execute(_hold, {"item": item_id})


async def is_gone(connection: AsyncConnection, item_id: ItemId, version_id: VersionId, sequence: int) -> bool:
    """Whether the version was deleted, or the item purged at or after that sequence: facts older than that are void."""
    item = exists().where(gone_items.c.item_id == item_id, gone_items.c.sequence >= sequence)
    version = exists().where(gone_versions.c.version_id == version_id)
    return bool((await connection.execute(select(item | version))).scalar_one())


async def bury_version(connection: AsyncConnection, item_id: ItemId, version_id: VersionId, now: datetime) -> None:
    """Put the tombstone of a deleted version of a file and forget its preview. May run twice."""
    await hold_item(connection, item_id)
    await connection.execute(insert(gone_versions).values(version_id=version_id, gone_at=now).on_conflict_do_nothing())
    await connection.execute(previews.delete().where(previews.c.version_id == version_id))


async def bury_item(connection: AsyncConnection, item_id: ItemId, sequence: int, now: datetime) -> None:
    """Put the tombstone of a purged item and forget its previews. May run twice."""
    await hold_item(connection, item_id)
    tombstone = insert(gone_items).values(item_id=item_id, sequence=sequence, gone_at=now)
    newer = tombstone.on_conflict_do_update(
        index_elements=[gone_items.c.item_id],
        set_={"sequence": sequence, "gone_at": now},
        where=gone_items.c.sequence < sequence,
    )
    await connection.execute(newer)
    await connection.execute(previews.delete().where(previews.c.item_id == item_id))
