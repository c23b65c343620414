"""Which pictures versions are shown with, by the stored object that they were made of."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, Text, column, distinct, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import BlobId, UserId, VersionId
from coffer_files.store.pages import page_keys
from coffer_files.store.tables import blobs, versions

Connection = AsyncConnection

SHOWN_AT_ONCE = 1000
"""Versions of which previews are asked for by one page of a comparison, at most; the next comparison finds the others."""

_ready = versions.c.preview_status == literal_column("'ready'")
_picture = func.jsonb_array_elements(versions.c.preview_images).table_valued(column("value", JSONB)).lateral("picture")
_keys = func.array_agg(distinct(_picture.c.value["key"].astext), type_=ARRAY(Text))
_shown = select(versions.c.blob_id, _keys).select_from(versions).join(_picture, literal_column("true")).where(_ready)


class Shown(NamedTuple):
    """A stored object, and the keys of the pictures that versions with it are shown with, those of pages included."""

    blob_id: BlobId
    keys: list[str]


async def shown_behind(connection: AsyncConnection, after: BlobId, upto: BlobId | None, *, limit: int) -> list[Shown]:
    """The next objects with pictures, by id, up to and with `upto`."""
    page = _shown.where(versions.c.blob_id > after)
    if upto is not None:
        page = page.where(versions.c.blob_id <= upto)
    return await _read(connection, page.group_by(versions.c.blob_id).order_by(versions.c.blob_id).limit(limit))


async def shown_of(connection: AsyncConnection, blob_ids: Sequence[BlobId]) -> list[Shown]:
    """The pictures of these objects, of those that have any."""
    return await _read(connection, _shown.where(versions.c.blob_id.in_(blob_ids)).group_by(versions.c.blob_id))


async def _read(connection: AsyncConnection, query: Any) -> list[Shown]:
    shown = [Shown(*row) for row in await connection.execute(query)]
    pages = await page_keys(connection, [one.blob_id for one in shown])
    return [Shown(one.blob_id, [*one.keys, *pages.get(one.blob_id, ())]) for one in shown]


async def stored_among(connection: AsyncConnection, blob_ids: Collection[BlobId]) -> set[str]:
    """Those of the objects that a version refers to."""
    if not blob_ids:
        return set()
    return set((await connection.execute(select(blobs.c.id).where(blobs.c.id.in_(blob_ids)))).scalars())


async def versions_showing(connection: AsyncConnection, blob_ids: Sequence[BlobId]) -> list[tuple[VersionId, UserId]]:
    """Versions that are shown with pictures of these objects, with the owners of their drives, owner by owner."""
    query = select(versions.c.id, blobs.c.owner_id).join(blobs, blobs.c.id == versions.c.blob_id)
    query = query.where(_ready, versions.c.blob_id.in_(blob_ids)).order_by(blobs.c.owner_id, versions.c.id)
    return [(row.id, row.owner_id) for row in await connection.execute(query.limit(SHOWN_AT_ONCE))]
