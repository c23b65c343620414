"""Counts what was put into the trash, behind the back of whoever put it there: that touched nothing below a folder.

Nothing can get below a folder in the trash, and nothing out of it, so it can be counted in steps, without locks. What was under
way when it went there is let arrive first. Whatever happens to the thing itself makes the count void: it is counted anew.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby

import structlog

from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_contracts.ids import ItemId, UserId
from coffer_files.domain.usage import Held
from coffer_files.handlers.deps import Deps
from coffer_files.store.drives import lock_drive
from coffer_files.store.tallies import Uncounted, children_of, sizes_of, uncounted, write_tallies

ARRIVED_AFTER = timedelta(seconds=30)
"""By then whatever was being put into a folder when it went to the trash has come there or failed."""

PAGE = 200
FOLDERS = 50
ROWS = 10_000
"""Items that one query counts."""

log = structlog.get_logger(__name__)


async def tally_trash(deps: Deps) -> int:
    """Count whatever in the trash was not counted yet; how many things. May run twice and at once."""
    before = deps.work.clock.now() - ARRIVED_AFTER
    count = 0
    last: Uncounted | None = None
    while True:
        async with deps.work.read() as connection:
            due = await uncounted(connection, before, PAGE, last)
        for owner_id, things in groupby(due, key=lambda one: one.owner_id):
            try:
                count += await _tally(deps, owner_id, list(things))
            except Exception as error:  # noqa: BLE001  # one drive must not keep the others waiting
                log.warning("tally_failed", owner_id=owner_id, error=repr(error))
        if len(due) < PAGE:
            return count
        last = due[-1]


async def _tally(deps: Deps, owner_id: UserId, things: Sequence[Uncounted]) -> int:
    files = [one for one in things if one.kind == "file"]
    async with deps.work.read() as connection:
        sizes = await sizes_of(connection, [one.id for one in files]) if files else {}
    count = await _write(deps, owner_id, [(one, Held(sizes[one.id], 1)) for one in files if one.id in sizes])
    for one in things:
        if one.kind == "folder":
            count += await _write(deps, owner_id, [(one, await held_below(deps, one.id))])
    return count


async def _write(deps: Deps, owner_id: UserId, tallies: Sequence[tuple[Uncounted, Held]]) -> int:
    if not tallies:
        return 0
    async with deps.work.unit(Origin.system(new_id())) as unit:
        await lock_drive(unit.connection, owner_id)
        return await write_tallies(unit.connection, owner_id, tallies)


async def held_below(deps: Deps, folder_id: ItemId) -> Held:
    """What a folder holds with all that lies below it, but for what was put into the trash by itself: in steps of bounded
    size, remembering only folders that are still to be looked into.
    """
    size = files = 0
    waiting = [(folder_id, "")]
    while waiting:
        some, waiting = waiting[-FOLDERS:], waiting[:-FOLDERS]
        limit = ROWS // len(some)
        async with deps.work.read() as connection:
            found = await children_of(connection, some, limit)
        for parent_id, group in groupby(found, key=lambda one: one.parent_id):
            children = list(group)
            size += sum(one.size_bytes for one in children)
            files += sum(one.kind == "file" for one in children)
            waiting += [(one.id, "") for one in children if one.kind == "folder"]
            if len(children) == limit:
                waiting.append((parent_id, children[-1].name_key))
    return Held(size, files)
