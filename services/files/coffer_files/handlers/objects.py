"""Objects for copies in another drive: copied in the bucket, outside of any unit, before anything refers to them.

They are written down as doomed first. Whoever makes items of them strikes them off that list in the same unit; whatever a crash
or a refusal leaves behind is deleted when its time is over.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from coffer_chassis.blobs import BlobChanged, BlobMissing
from coffer_chassis.ids import new_id
from coffer_contracts.ids import BlobId, ItemId, UserId
from coffer_files.domain.content import blob_key
from coffer_files.domain.copying import Content, Source, Stored
from coffer_files.handlers.deps import Deps
from coffer_files.store.copying import expect_objects

AT_ONCE = 4
CLAIMED_WITHIN = timedelta(hours=6)
"""How long objects may take to be copied and claimed: S3 copies the largest ones in an hour or two."""

log = structlog.get_logger(__name__)


def shared_objects(sources: Sequence[Source]) -> dict[ItemId, Stored]:
    """Within one drive copies refer to the objects of their sources."""
    return {
        source.item.id: Stored(source.content.blob_id, source.content.blob_key, source.content.etag, is_shared=True)
        for source in sources
        if source.content
    }


async def copied_objects(deps: Deps, owner_id: UserId, sources: Sequence[Source]) -> dict[ItemId, Stored]:
    """Copy the objects of files for another drive. Files whose object is gone or is not what it was are left out. May run
    twice: each run makes objects of its own. Raises what the bucket raises.
    """
    new = [(source, source.content, BlobId(new_id())) for source in sources if source.content]
    if not new:
        return {}
    now = deps.work.clock.now()
    async with deps.work.engine.begin() as connection:
        await expect_objects(connection, [blob_key(owner_id, blob_id) for _, _, blob_id in new], now, now + CLAIMED_WITHIN)
    turn = asyncio.Semaphore(AT_ONCE)
    found = await asyncio.gather(*(_copied(deps, owner_id, source, content, to, turn) for source, content, to in new))
    return {source.item.id: stored for (source, _, _), stored in zip(new, found, strict=True) if stored}


async def _copied(
    deps: Deps, owner_id: UserId, source: Source, content: Content, blob_id: BlobId, turn: asyncio.Semaphore
) -> Stored | None:
    key = blob_key(owner_id, blob_id)
    async with turn:
        try:
            # What was copied in parts has another ETag than its source.
            etag = await deps.blobs.copy(content.blob_key, key, etag=content.etag, size_bytes=source.item.size_bytes)
        except (BlobMissing, BlobChanged) as error:
            log.warning("copy_left_out", item_id=source.item.id, error=type(error).__name__)
            return None
    return Stored(blob_id, key, etag, is_shared=False)
