"""Items and versions that are gone: whatever arrives about them later is void."""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import ItemId, VersionId
from coffer_media_worker.store.tables import gone_items, gone_versions, previews


async def is_gone(connection: AsyncConnection, item_id: ItemId, version_id: VersionId, sequence: int) -> bool:
    """Whether the version was deleted, or the item purged at or after that sequence: facts older than that are void."""
    item = exists().where(gone_items.c.item_id == item_id, gone_items.c.sequence >= sequence)
    version = exists().where(gone_versions.c.version_id == version_id)
    return bool((await connection.execute(select(item | version))).scalar_one())


async def bury_version(connection: AsyncConnection, version_id: VersionId, now: datetime) -> None:
    """Put the tombstone of a deleted version and forget its preview. May run twice."""
    await connection.execute(insert(gone_versions).values(version_id=version_id, gone_at=now).on_conflict_do_nothing())
    await connection.execute(previews.delete().where(previews.c.version_id == version_id))


async def bury_item(connection: AsyncConnection, item_id: ItemId, sequence: int, now: datetime) -> None:
    """Put the tombstone of a purged item and forget its previews. May run twice."""
    tombstone = insert(gone_items).values(item_id=item_id, sequence=sequence, gone_at=now)
    newer = tombstone.on_conflict_do_update(
        index_elements=[gone_items.c.item_id],
        set_={"sequence": sequence, "gone_at": now},
        where=gone_items.c.sequence < sequence,
    )
    await connection.execute(newer)
    await connection.execute(previews.delete().where(previews.c.item_id == item_id))
