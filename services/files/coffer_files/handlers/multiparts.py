"""Aborts multipart uploads that nobody will finish: their parts cost room and show in no listing.

An upload that ends has its own aborted at once; this finds what was begun and never written down. The bucket's own rule aborts
whatever is older than any upload can be (docs/decisions/0023).
"""

from datetime import timedelta

import structlog

from coffer_chassis.multiparts import OpenMultipart
from coffer_files.handlers.deps import Deps
from coffer_files.store.parts import collecting

PREFIXES = ("blobs/", "incoming/")
PAGE = 200

log = structlog.get_logger(__name__)


async def abort_multiparts(deps: Deps) -> int:
    """Abort what is old enough and belongs to no upload that is open; how many. May run twice and at once; raises what the
    bucket raises, and the next round goes on.
    """
    begun_before = deps.work.clock.now() - timedelta(hours=deps.settings.multipart_keep_hours)
    aborted = 0
    for prefix in PREFIXES:
        page: list[OpenMultipart] = []
        async for one in deps.blobs.open_multiparts(prefix):
            if one.begun_at <= begun_before:
                page.append(one)
            if len(page) == PAGE:
                aborted += await _abort(deps, page)
                page = []
        aborted += await _abort(deps, page)
    if aborted:
        log.info("multiparts_aborted", count=aborted)
    return aborted


async def _abort(deps: Deps, page: list[OpenMultipart]) -> int:
    if not page:
        return 0
    async with deps.work.read() as connection:
        used = await collecting(connection, [one.key for one in page])
    lost = [one for one in page if (one.key, one.multipart_id) not in used]
    for one in lost:
        await deps.blobs.abort_multipart(one.key, one.multipart_id)
    return len(lost)
