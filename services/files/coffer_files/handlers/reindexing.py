"""Making what search reads anew: names from the items, texts from the bucket. For after a repair, or when rules changed.

Nothing is emptied first, and every page is a transaction of its own: searches and writes go on meanwhile.
"""

import asyncio
from dataclasses import dataclass, replace

import structlog

from coffer_chassis.blobs import BlobMissing
from coffer_contracts.ids import BlobId, ItemId
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.texts import read_text
from coffer_files.store import texts as rows
from coffer_files.store.search_keys import write_keys
from coffer_files.store.texts import TextRow

PAGE = 2_000
TEXT_PAGE = 100
AT_ONCE = 8
"""Texts that are read from the bucket at the same time."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What was looked at and made anew, and how far it came: `item` and `blob` are the last ones dealt with."""

    names_seen: int = 0
    names_changed: int = 0
    objects_seen: int = 0
    texts_read: int = 0
    item: ItemId | None = None
    blob: BlobId | None = None


async def reindex_names(deps: Deps, report: Reindexed) -> Reindexed:
    """Go on behind `report.item` with one page of items; what is as it should be is not written. May run twice."""
    async with deps.work.engine.begin() as connection:
        seen, changed, last = await write_keys(connection, report.item, PAGE)
    return replace(
        report, names_seen=report.names_seen + seen, names_changed=report.names_changed + changed, item=last or report.item
    )


async def reindex_texts(deps: Deps, report: Reindexed, *, everything: bool) -> tuple[Reindexed, bool]:
    """Go on behind `report.blob` with one page of objects, and whether there are more. Without `everything` only those whose
    text is not known by today's rules. May run twice, and beside the handler that does the same for new ones.
    """
    async with deps.work.read() as connection:
        page = await rows.unread_blobs(connection, report.blob, TEXT_PAGE, everything=everything)
    turn = asyncio.Semaphore(AT_ONCE)

    async def read(blob_id: BlobId) -> TextRow | None:
        async with turn:
            try:
                return await read_text(deps, blob_id)
            except BlobMissing:
                return None

    found = [row for row in await asyncio.gather(*map(read, page)) if row]
    for row in found:
        async with deps.work.engine.begin() as connection:
            await rows.insert_text(connection, row, deps.work.clock.now())
    report = replace(
        report,
        objects_seen=report.objects_seen + len(page),
        texts_read=report.texts_read + len(found),
        blob=page[-1] if page else report.blob,
    )
    return report, len(page) == TEXT_PAGE


async def reindex(deps: Deps, report: Reindexed, *, everything: bool = False) -> Reindexed:
    """All names and texts behind the place of `report`; pages are logged, so that a run that was stopped can go on."""
    while True:
        before = report
        report = await reindex_names(deps, report)
        log.info("reindexed_names", seen=report.names_seen, changed=report.names_changed, item=report.item)
        if report.names_seen - before.names_seen < PAGE:
            break
    more = True
    while more:
        report, more = await reindex_texts(deps, report, everything=everything)
        log.info("reindexed_texts", seen=report.objects_seen, read=report.texts_read, blob=report.blob)
    return report
