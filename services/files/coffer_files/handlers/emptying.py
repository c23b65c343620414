"""Emptying the trash as a job: a page of what lay in it when that was asked for, and then the next one."""

from dataclasses import replace
from datetime import datetime

from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.ids import UserId
from coffer_files.domain.jobs import Job, Progress
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.jobs import reach, start_job, step_unit
from coffer_files.handlers.trash import purge_some
from coffer_files.store.drives import lock_drive
from coffer_files.store.items import lock_tree
from coffer_files.store.trashed import count_trashed, oldest_trashed

EMPTY_TRASH = "empty_trash"
TOPS = 25
"""Things in the trash that one step removes, with up to a page below each."""


async def empty_trash(deps: Deps, principal: Principal, origin: Origin) -> Job:
    """Have everything removed for good that lies in the trash of the caller's drive now. Asking again while that is under way
    gives the same job. Raises LimitReached.
    """
    async with deps.work.unit(origin) as unit:
        owner_id = principal.user_id
        total = await count_trashed(unit.connection, owner_id, unit.now)
        arguments = {"before": unit.now.isoformat()}
        key = f"{EMPTY_TRASH} {owner_id}"
        return await start_job(
            unit, deps, EMPTY_TRASH, owner_id, principal, arguments, only_key=key, progress=Progress(total=total)
        )


async def empty_some(deps: Deps, job: Job) -> Progress:
    """Remove the oldest things in the trash. What was taken out of it meanwhile stays."""
    before = datetime.fromisoformat(job.arguments["before"])
    owner_id = UserId(job.owner_id)
    async with step_unit(deps, job) as unit:
        # Both are taken by each removal, too; here so that the room is counted that all of them free.
        await lock_tree(unit.connection, owner_id)
        drive = await lock_drive(unit.connection, owner_id)
        tops = await oldest_trashed(unit.connection, owner_id, before, TOPS)
        gone = 0
        for item_id in tops:
            if not await purge_some(unit, owner_id, item_id):
                break  # a large folder: its next page is the next step
            gone += 1
        after = await lock_drive(unit.connection, owner_id)
        freed = drive.used_bytes - after.used_bytes if drive and after else 0
        done, size = job.done + gone, job.size_bytes + freed
        progress = replace(job.progress, done=done, size_bytes=size, result={"freed_bytes": size})
        if gone == len(tops) < TOPS:
            progress = replace(progress, total=done, finished=True)
        return await reach(unit, job, progress)
