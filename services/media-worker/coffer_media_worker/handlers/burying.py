"""Previews of what was removed for good are deleted, and a tombstone keeps late facts from bringing them back."""

from coffer_contracts.event import Envelope
from coffer_contracts.files import ItemPurgedV1, VersionDeletedV1
from coffer_contracts.ids import BlobId
from coffer_media_worker.handlers.clearing import derived_keys
from coffer_media_worker.handlers.deps import BULK, Deps
from coffer_media_worker.store.previews import blobs_of_item_alone
from coffer_media_worker.store.tombstones import bury_item, bury_version

MOST_NAMED = 1000
"""Objects that the fact about a purged item names at most."""


async def on_item_purged(event: Envelope[ItemPurgedV1], deps: Deps) -> None:
    """Delete the previews of objects that no version refers to any more, and remember that the item is gone.

    Deleting stands on both sides of the tombstone: before it, so that a crash after it leaves nothing; after it, for a
    preview that was written meanwhile.
    """
    fact = event.data
    known: list[BlobId] = []
    if len(fact.blob_ids) >= MOST_NAMED:
        # Of an item with very many versions the fact names only some. Otherwise it knows better than what is known here: a copy
        # that shares an object may not have been heard of.
        async with deps.work.read() as connection:
            known = await blobs_of_item_alone(connection, fact.item_id)
    blobs = dict.fromkeys((*fact.blob_ids, *known))
    keys = await derived_keys(deps, list(blobs))
    await deps.blobs.delete(keys)
    async with deps.work.unit(cause=event, consumer=BULK) as unit:
        await bury_item(unit.connection, fact.item_id, event.revision, unit.now)
    await deps.blobs.delete(keys)


async def on_version_deleted(event: Envelope[VersionDeletedV1], deps: Deps) -> None:
    """Delete the previews of objects that no version refers to any more, and remember that the version is gone; on both sides
    of the tombstone, as with items.
    """
    fact = event.data
    keys = await derived_keys(deps, fact.blob_ids)
    await deps.blobs.delete(keys)
    async with deps.work.unit(cause=event, consumer=BULK) as unit:
        await bury_version(unit.connection, fact.version_id, unit.now)
    await deps.blobs.delete(keys)
