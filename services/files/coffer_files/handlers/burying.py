"""Deletes objects that nothing refers to any more, moves refused ones to quarantine, and aborts multipart uploads that nobody
will complete: slow work, outside of units.
"""

from datetime import timedelta
from typing import Any

import structlog

from coffer_chassis.blobs import BlobMissing
from coffer_files.handlers.deps import Deps
from coffer_files.store.versions import forget_doomed, postpone_doomed, take_doomed

PAGE = 200
LEASE = timedelta(minutes=10)
"""How long one process has for a page."""

BACK_OFF = (timedelta(seconds=10), timedelta(hours=1))

log = structlog.get_logger(__name__)


async def bury(deps: Deps) -> int:
    """Deal with every object whose time has come; how many. May run twice and at once: deleting and copying may be
    repeated, and an object in quarantine already is only missing at its old place.
    """
    count = 0
    while True:
        now = deps.work.clock.now()
        until = now + LEASE
        async with deps.work.engine.begin() as connection:
            taken = await take_doomed(connection, now, until=until, limit=PAGE)
        ready = [row for row in taken if await _can_be_deleted(deps, row)]
        if ready:
            await deps.blobs.delete([row.key for row in ready])
            async with deps.work.engine.begin() as connection:
                await forget_doomed(connection, [row.key for row in ready], until)
        count += len(ready)
        if len(taken) < PAGE:
            return count


async def _can_be_deleted(deps: Deps, row: Any) -> bool:
    """Whether the object may now be deleted at its old place: it is in quarantine if it has to, and takes no more parts."""
    try:
        if row.multipart_id is not None:
            await deps.blobs.abort_multipart(row.key, row.multipart_id)
        if row.quarantine_key is not None:
            await deps.blobs.copy(row.key, row.quarantine_key)
    except BlobMissing:
        return True
    except Exception as error:  # noqa: BLE001  # whatever it is, the object is tried again later
        first, last = BACK_OFF
        log.warning("not_buried", key=row.key, error=repr(error))
        async with deps.work.engine.begin() as connection:
            again = deps.work.clock.now() + min(last, first * 2 ** min(row.attempts, 10))
            await postpone_doomed(connection, row.key, again, repr(error)[:500])
        return False
    return True
