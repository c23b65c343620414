"""Content that a drive holds already."""

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import ItemId, UserId
from coffer_files.store.tables import blobs, items, versions
from coffer_files.store.versions import Version

_owner = select(items.c.owner_id).where(items.c.id == bindparam("item"))
_same = (
    (blobs.c.owner_id == bindparam("owner"))
    & (blobs.c.content_hash == bindparam("hash"))
    & (blobs.c.size_bytes == bindparam("size"))
)
_known = select(blobs.c.id).where(_same).limit(1)
_held = (
    select(versions, blobs.c.key, blobs.c.etag)
    .join(blobs, blobs.c.id == versions.c.blob_id)
    .where(_same)
    .order_by(versions.c.preview_at.desc().nulls_last(), versions.c.id.desc())
    .limit(1)
    .with_for_update(of=blobs)
)


async def is_known(connection: AsyncConnection, owner_id: UserId, content_hash: str, size_bytes: int) -> bool:
    """Whether the drive holds an object with this content at this moment."""
    values = {"owner": owner_id, "hash": content_hash, "size": size_bytes}
    return (await connection.execute(_known, values)).one_or_none() is not None


async def hold_content(connection: AsyncConnection, owner_id: UserId, content_hash: str, size_bytes: int) -> Version | None:
    """The drive's content with this hash that most is known of, its object locked until the transaction ends; None if it has
    none, or none any more. The drive is to be locked before.
    """
    values = {"owner": owner_id, "hash": content_hash, "size": size_bytes}
    row = (await connection.execute(_held, values)).one_or_none()
    return Version(*row) if row else None


async def owner_of(connection: AsyncConnection, item_id: ItemId) -> UserId | None:
    """In whose drive an item lies."""
    owner_id: UserId | None = (await connection.execute(_owner, {"item": item_id})).scalar_one_or_none()
    return owner_id
