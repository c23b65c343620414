"""Everything that was made of stored objects goes with them: pictures in all sizes and forms, texts, and what else there is."""

import asyncio
from collections.abc import Sequence

from coffer_chassis.blobs import LISTED_AT_ONCE
from coffer_contracts.ids import BlobId
from coffer_media_worker.handlers.deps import Deps
from coffer_media_worker.keys import derived_prefix, preview_keys
from coffer_media_worker.store.previews import with_previews

AT_ONCE = 8
"""Questions to the bucket under way."""


async def derived_keys(deps: Deps, blob_ids: Sequence[BlobId]) -> list[str]:
    """Where there may be something that was made of these objects: the usual places, and, of those that are known to have
    previews, whatever the bucket shows.
    """
    async with deps.work.read() as connection:
        known = await with_previews(connection, blob_ids) if blob_ids else []
    usual = [key for blob_id in blob_ids for key in preview_keys(blob_id)]
    return list(dict.fromkeys([*usual, *await _listed(deps, known)]))


async def delete_derived(deps: Deps, blob_id: BlobId) -> None:
    """Delete everything that was made of an object, as the bucket shows it now. May run twice."""
    await deps.blobs.delete(await _listed(deps, [blob_id]))


async def _listed(deps: Deps, blob_ids: Sequence[BlobId]) -> list[str]:
    turn = asyncio.Semaphore(AT_ONCE)

    async def look(blob_id: BlobId) -> list[str]:
        keys: list[str] = []
        async with turn:
            # Of a document whose pages were looked at there are more than a listing shows at once.
            while len(keys) % LISTED_AT_ONCE == 0:
                found = await deps.blobs.listed(derived_prefix(blob_id), after=keys[-1] if keys else "")
                if not found:
                    break
                keys += [one.key for one in found]
        return keys

    return [key for found in await asyncio.gather(*map(look, blob_ids)) for key in found]
