"""Everything that was made of stored objects goes with them: pictures in all sizes and forms, texts, and what else there is."""

import asyncio
from collections.abc import Sequence

from coffer_contracts.ids import BlobId
from coffer_media_worker import domain
from coffer_media_worker.handlers.deps import Deps
from coffer_media_worker.store.previews import with_previews

AT_ONCE = 8
"""Questions to the bucket under way."""


async def derived_keys(deps: Deps, blob_ids: Sequence[BlobId]) -> list[str]:
    """Where there may be something that was made of these objects: the usual places, and, of those that are known to have
    previews, whatever the bucket shows.
    """
    async with deps.work.read() as connection:
        known = await with_previews(connection, blob_ids) if blob_ids else []
    usual = [key for blob_id in blob_ids for key in domain.preview_keys(blob_id)]
    return list(dict.fromkeys([*usual, *await _listed(deps, known)]))


async def delete_derived(deps: Deps, blob_id: BlobId) -> None:
    """Delete everything that was made of an object, as the bucket shows it now. May run twice."""
    await deps.blobs.delete(await _listed(deps, [blob_id]))


async def _listed(deps: Deps, blob_ids: Sequence[BlobId]) -> list[str]:
    turn = asyncio.Semaphore(AT_ONCE)

    async def look(blob_id: BlobId) -> list[str]:
        async with turn:
            return [one.key for one in await deps.blobs.listed(domain.derived_prefix(blob_id))]

    return [key for found in await asyncio.gather(*map(look, blob_ids)) for key in found]
