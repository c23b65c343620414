"""Proves the counters of drives against the rows that they count, and makes them right where that is asked for.

Writers are not held up: a comparison locks nothing, and a repair adds the difference in a transaction of its own.
"""

import time
from collections.abc import AsyncIterator
from dataclasses import replace

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_contracts.ids import UserId
from coffer_files.domain.jobs import Job, Progress
from coffer_files.domain.recounting import Recount
from coffer_files.handlers.deps import Deps
from coffer_files.store import recounting as rows
from coffer_files.store.drives import lock_drive
from coffer_files.store.tallies import count_anew, take_out

RECOUNT = "recount"
REPAIR_COUNTS = "repair_counts"

FIRST = UserId("00000000-0000-0000-0000-000000000000")
PAGE = 100
STEP_SECONDS = 10
"""For how long one step of a job goes on to the next drive."""

SHOWN = 50
"""Differences that stand in the result of a job; all stand in the log."""

log = structlog.get_logger(__name__)


async def recount(deps: Deps, owner_id: UserId, *, repair: bool = False) -> Recount:
    """Compare the counters of a drive with its rows; with `repair` make them right, too. May run twice and at once."""
    if not repair:
        async with deps.work.read() as connection:
            found = await _compared(connection, owner_id)
    else:
        async with deps.work.unit(Origin.system(new_id())) as unit:
            await rows.repair_alone(unit.connection, owner_id)
            found = await _compared(unit.connection, owner_id)
            if not found.is_right:
                found = await _repaired(unit.connection, found)
    for line in found.lines:
        log.warning("counted_wrongly", found=line, repaired=found.repaired)
    return found


async def _compared(connection: AsyncConnection, owner_id: UserId) -> Recount:
    counters, unmarked = await rows.wrong_counters(connection, owner_id)
    tallies = await rows.wrong_tallies(connection, owner_id)
    objects = await rows.wrong_objects(connection, owner_id)
    return Recount(owner_id, counters, tallies, objects, unmarked)


async def _repaired(connection: AsyncConnection, found: Recount) -> Recount:
    await lock_drive(connection, found.owner_id)
    await rows.add_to_counters(connection, found.owner_id, found.counters)
    await rows.add_to_objects(connection, found.objects)
    if found.unmarked:
        await rows.mark_versions(connection, found.owner_id)
    # Only what is still in the trash with the count that was found wrong; somebody may have counted it anew.
    still = await rows.wrong_tallies(connection, found.owner_id) if found.tallies else {}
    await take_out(connection, found.owner_id, list(still))
    for item_id in still:
        await count_anew(connection, item_id)
    return replace(found, repaired=True)


async def drives_to_count(deps: Deps, owner: str | None = None) -> AsyncIterator[UserId]:
    """The owners of all drives, or the one that is named."""
    if owner is not None:
        yield UserId(owner)
        return
    after = FIRST
    while True:
        async with deps.work.read() as connection:
            page = await rows.drives_behind(connection, after, PAGE)
        for owner_id in page:
            yield owner_id
        if len(page) < PAGE:
            return
        after = page[-1]


async def recount_some(deps: Deps, job: Job) -> Progress:
    """A step of a job: the counters of some drives are compared, and reported."""
    return await _step(deps, job, repair=False)


async def repair_some(deps: Deps, job: Job) -> Progress:
    """The same, and they are made right."""
    return await _step(deps, job, repair=True)


async def _step(deps: Deps, job: Job, *, repair: bool) -> Progress:
    known = job.result or {"drives": 0, "wrong": 0, "differences": []}
    begun = time.monotonic()
    async with deps.work.read() as connection:
        owners = await rows.drives_behind(connection, UserId(job.place.get("after", FIRST)), PAGE)
        total = job.total if job.total is not None else await rows.count_drives(connection)
    count, place = 0, job.place
    for owner_id in owners:
        found = await recount(deps, owner_id, repair=repair)
        count, place = count + 1, {"after": owner_id}
        shown = [*known["differences"], *found.lines][:SHOWN]
        known = {"drives": known["drives"] + 1, "wrong": known["wrong"] + (not found.is_right), "differences": shown}
        if time.monotonic() - begun > STEP_SECONDS:
            break
    finished = count == len(owners) < PAGE
    return replace(job.progress, done=job.done + count, total=total, place=place, result=known, finished=finished)
