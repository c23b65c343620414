"""What the owner of a drive decides about it: whether Coffer keeps where pictures were taken."""

from dataclasses import replace

from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.ids import UserId
from coffer_contracts.problems import Forbidden, StateConflict
from coffer_files.domain.jobs import Job, Progress
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.items import find_item
from coffer_files.handlers.jobs import reach, start_job, step_unit
from coffer_files.store.drives import Drive, drive_of, lock_drive, set_keep_locations
from coffer_files.store.facts import forget_locations

FORGET_LOCATIONS = "forget_locations"
PAGE = 500
"""Objects that one step of forgetting goes through."""


async def drive_settings(deps: Deps, principal: Principal, origin: Origin, ref: str) -> Drive:
    """The drive whose root folder that is. Raises NotFound, Forbidden to all but its owner, StateConflict for another item."""
    found = await find_item(deps, principal, origin, ref)
    if found.at.item.parent_id is not None:
        raise StateConflict("Only the root folder of a drive has settings.")
    owner_id = found.at.item.owner_id
    if owner_id != principal.user_id:
        raise Forbidden("Only the owner of a drive sees and changes its settings.")
    async with deps.work.read() as connection:
        drive = await drive_of(connection, owner_id)
    if drive is None:
        raise LookupError(f"the drive of {owner_id} has a root and no row")
    return drive


async def change_settings(deps: Deps, principal: Principal, origin: Origin, ref: str, *, keep_locations: bool) -> Drive:
    """Have it known where pictures were taken, or forgotten: from now on nobody is told, and a job deletes what is known. May
    run twice.

    Raises as `drive_settings`, and LimitReached.
    """
    owner_id = (await drive_settings(deps, principal, origin, ref)).owner_id
    async with deps.work.unit(origin) as unit:
        drive = await lock_drive(unit.connection, owner_id)
        if drive is None:
            raise LookupError(f"the drive of {owner_id} has a root and no row")
        if drive.keep_locations != keep_locations:
            await set_keep_locations(unit.connection, owner_id, keep=keep_locations)
            if not keep_locations:
                key = f"{FORGET_LOCATIONS} {owner_id}"
                await start_job(unit, deps, FORGET_LOCATIONS, owner_id, principal, {}, only_key=key)
    return replace(drive, keep_locations=keep_locations)


async def forget_some_locations(deps: Deps, job: Job) -> Progress:
    """A step of a job: some objects of which it is known where they were taken, and need not be any more."""
    owner_id = UserId(job.owner_id)
    async with step_unit(deps, job) as unit:
        drive = await lock_drive(unit.connection, owner_id)
        wanted = drive is not None and drive.keep_locations  # somebody changed their mind again
        gone = 0 if wanted else await forget_locations(unit.connection, owner_id, PAGE)
        done = job.done + gone
        return await reach(unit, job, replace(job.progress, done=done, finished=gone < PAGE, result={"objects": done}))
