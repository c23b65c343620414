"""Versions that are too many or too old go by themselves; the current one never, and none that has a label or is to be kept.

What is in the trash is left alone: it goes as a whole, or comes back as it was.
"""

from datetime import datetime, timedelta

import structlog

from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_contracts.ids import ItemId
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.versions import forget_versions
from coffer_files.store import items as rows
from coffer_files.store.drives import lock_drive
from coffer_files.store.histories import versions_to_prune, with_versions_to_spare
from coffer_files.store.versions import release_versions

LOOK = 5000
"""Versions that one query looks at. More than may be kept of one file, so that what it sees of a file is enough."""

AT_ONCE = 200
"""Versions that go in one unit."""

_FIRST = ItemId("00000000-0000-0000-0000-000000000000")

log = structlog.get_logger(__name__)


async def prune_versions(deps: Deps) -> int:
    """One round over all files that have versions to spare, in bounded steps; how many versions went. May run twice and at
    once. A file that fails is left for the next round.
    """
    keep, before = deps.settings.version_keep_count, _replaced_before(deps)
    count, after = 0, _FIRST
    while True:
        async with deps.work.read() as connection:
            found = await with_versions_to_spare(connection, after, LOOK)
        is_end = sum(one.number for one in found) < LOOK
        # Of the last file not all were seen, unless they are the end, or it is the only one and by far over the number.
        sure = found if is_end or len(found) == 1 else found[:-1]
        for one in sure:
            if one.number > keep or (before is not None and one.since < before):
                try:
                    count += await prune_file(deps, one.item_id)
                except Exception as error:  # noqa: BLE001  # one file must not keep the others waiting
                    log.warning("prune_failed", item_id=one.item_id, error=repr(error))
        if is_end:
            break
        after = sure[-1].item_id
    if count:
        log.info("versions_pruned", count=count)
    return count


async def prune_file(deps: Deps, item_id: ItemId) -> int:
    """Delete what is too many or too old of one file; how many versions."""
    keep, before = deps.settings.version_keep_count, _replaced_before(deps)
    count = 0
    while True:
        async with deps.work.unit(Origin.system(new_id())) as unit:
            found = await rows.locate(unit.connection, item_id)
            drive = await lock_drive(unit.connection, found.item.owner_id) if found else None
            at = await rows.lock(unit.connection, item_id) if drive else None
            if drive is None or at is None or not at.is_live or at.item.owner_id != drive.owner_id:
                return count
            chosen = await versions_to_prune(unit.connection, item_id, keep=keep, replaced_before=before, limit=AT_ONCE)
            gone = await release_versions(unit.connection, chosen, kept=False) if chosen else []
            await forget_versions(unit, drive, at, gone, reason="retention")
        count += len(gone)
        if len(chosen) < AT_ONCE:
            return count


def _replaced_before(deps: Deps) -> datetime | None:
    days = deps.settings.version_keep_days
    return deps.work.clock.now() - timedelta(days=days) if days else None
