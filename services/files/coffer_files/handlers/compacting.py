"""Keeps the change feed short: leaves out what newer entries repeat, and what reaches back too far."""

from datetime import UTC, datetime, timedelta

from coffer_files.handlers.deps import Deps
from coffer_files.store import compaction as rows

WINDOW_ROWS = 5000
"""Entries that are held against older ones in one transaction."""
DROP_ROWS = 10_000

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_NEXT = timedelta(microseconds=1)


async def compact_feeds(deps: Deps) -> int:
    """Look at what was written since the last time and is old enough now; how many entries went. May run twice and at once,
    and be broken off anywhere: what is left out is said again by what stays, and readers of what is cut off are refused first.
    """
    until = deps.work.clock.now() - timedelta(hours=deps.settings.change_compact_hours)
    async with deps.work.engine.begin() as connection:
        since = await rows.compacted_until(connection) or _LONG_AGO
    count = await _cut_long_feeds(deps, since)
    while True:
        async with deps.work.engine.begin() as connection:
            last = await rows.window_after(connection, since, until, WINDOW_ROWS)
            if last is None:
                return count
            count += await rows.drop_superseded(connection, since, last + _NEXT)
            await rows.note_compacted(connection, last + _NEXT)
        since = last + _NEXT


async def _cut_long_feeds(deps: Deps, since: datetime) -> int:
    keep = deps.settings.change_keep_rows
    async with deps.work.engine.begin() as connection:
        grown = await rows.active_since(connection, since)
    count = 0
    for owner_id in grown:
        async with deps.work.engine.begin() as connection:
            floor = await rows.raise_floor(connection, owner_id, keep)
        gone = DROP_ROWS if floor is not None else 0
        while floor is not None and gone == DROP_ROWS:
            async with deps.work.engine.begin() as connection:
                gone = await rows.drop_below(connection, owner_id, floor, DROP_ROWS)
            count += gone
    return count
