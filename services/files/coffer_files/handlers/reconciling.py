"""Runs of the comparison between bucket and store: asked for by operators or the clock, carried out by one process at a time.

A run that nobody works on any more, because its process died, is taken up where it was left.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog

from coffer_chassis import metrics
from coffer_chassis.admin import acts
from coffer_chassis.admin.operations import Operations
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_contracts.problems import NotFound, StateConflict
from coffer_files.domain.reconciling import GIVEN_UP_AFTER, PREFIXES, PREVIEWS, Counts, Place, Run, Wish
from coffer_files.handlers.comparing import compare_page
from coffer_files.handlers.comparing_previews import compare_previews
from coffer_files.handlers.deps import Deps
from coffer_files.store import reconciliations as rows

REPAIR_REQUESTED = "bucket.repair_requested"

PICKED_UP_WITHIN = timedelta(minutes=1)
"""A run that was asked for and not begun by then may be put aside by a command: no service seems to be there."""

BACK_OFF = (timedelta(seconds=30), timedelta(minutes=10))
ERROR_LENGTH = 500

log = structlog.get_logger(__name__)


class RunLost(Exception):
    """Another process works on the run now, or somebody replaced it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A run, and whether this request made it."""

    run: Run
    is_new: bool


async def request_run(deps: Deps, operations: Operations | None, origin: Origin, wish: Wish, *, held: bool = False) -> Asked:
    """Have the bucket compared; with `held` the caller carries the run out itself. Asking for the same again while a run is
    open gives that run. An operator's repair is told as an act.

    Raises StateConflict while another run is open. With `held` a run that nobody works on is replaced.
    """
    async with deps.work.unit(origin) as unit:
        until = rows.LEASE if held else PICKED_UP_WITHIN
        run = Run(
            id=new_id(),
            prefixes=wish.prefixes,
            repair=wish.repair,
            grace_seconds=wish.grace_seconds,
            actor_kind=origin.actor_kind,
            actor_id=origin.actor_id,
            requested_at=unit.now,
            started_at=unit.now if held else None,
            finished_at=None,
            failed_at=None,
            error=None,
            attempts=1 if held else 0,
            lease=new_id() if held else None,
            leased_until=unit.now + until,
            place=Place(wish.prefixes[0]),
            counts=Counts(),
            samples={},
        )
        if not await rows.insert_run(unit.connection, run):
            other = await rows.open_run(unit.connection)
            if other is not None and held and other.leased_until <= unit.now:
                await rows.fail_run(unit.connection, other, unit.now, f"Nobody worked on it; replaced by {run.id}.")
                other = None
            elif other is not None and not held and other.wish == wish:
                return Asked(other, is_new=False)
            if other is not None or not await rows.insert_run(unit.connection, run):
                raise StateConflict("The bucket is being compared.", reconciliation_id=other.id if other else None)
        if wish.repair and operations is not None:
            hours = wish.grace_seconds / 3600
            target = f"reconciliation/{run.id}"
            acts.record(operations, unit, REPAIR_REQUESTED, target=target, count=0, prefix=wish.prefixes, grace_hours=hours)
    return Asked(run, is_new=True)


async def carry_out(deps: Deps, run: Run) -> Run:
    """Compare page by page until the end; the finished run. Raises RunLost, and whatever bucket and store raise; then the
    run stands where it was, to be taken up.
    """

    async def save(connection: Any, reached: Run) -> None:
        if not await rows.save_progress(connection, reached, deps.work.clock.now()):
            raise RunLost(run.id)

    while run.place.prefix:
        compare = compare_previews if run.place.prefix == PREVIEWS else compare_page
        run = await compare(deps, run, save)
        async with deps.work.engine.begin() as connection:
            await save(connection, run)
    now = deps.work.clock.now()
    async with deps.work.engine.begin() as connection:
        if not await rows.finish_run(connection, run, now):
            raise RunLost(run.id)
    counts = run.counts
    log.info("reconciled", run=run.id, objects=counts.objects, orphans=counts.orphans, missing=counts.missing)
    return replace(run, finished_at=now, error=None)


async def reconcile(deps: Deps) -> int:
    """Carry out what was asked for, what was left in the middle, and what the clock asks for; how many runs ended. May run
    at once in many processes.
    """
    await _ask_daily(deps)
    ended = 0
    while (run := await _take(deps)) is not None:
        if run.attempts > GIVEN_UP_AFTER:
            # Whoever fails says so itself; these died, or were slower than the lease is long.
            await _fail(deps, run, f"Whoever worked on it was stopped at the same place, {GIVEN_UP_AFTER} times.")
            continue
        try:
            await carry_out(deps, run)
            ended += 1
        except RunLost:
            continue
        except Exception as error:  # noqa: BLE001  # written down at the run; somebody tries again
            await _leave(deps, run, error)
            break
    await measure(deps)
    return ended


async def measure(deps: Deps) -> None:
    """Show what the last whole run found as metrics."""
    async with deps.work.read() as connection:
        last = await rows.last_finished(connection, PREFIXES)
    if last is not None:
        # What was repaired is on its way out.
        metrics.BUCKET_ORPHANS.set(last.counts.orphans - last.counts.repaired)
        metrics.BUCKET_ORPHAN_BYTES.set(last.counts.orphan_bytes - last.counts.repaired_bytes)
        metrics.BUCKET_MISSING.set(last.counts.missing)
        metrics.BUCKET_MISMATCHED.set(last.counts.mismatched)


async def find_run(deps: Deps, run_id: str) -> Run:
    """One run as it stands. Raises NotFound."""
    async with deps.work.read() as connection:
        run = await rows.run_by_id(connection, run_id)
    if run is None:
        raise NotFound
    return run


async def list_runs(deps: Deps, *, limit: int, before: str | None) -> list[Run]:
    """A page of runs, newest first."""
    async with deps.work.read() as connection:
        return await rows.newest_runs(connection, limit=limit, before=before)


async def give_up_run(deps: Deps, run: Run, error: Exception) -> None:
    """End a run that its only worker cannot carry out."""
    await _fail(deps, run, repr(error)[:ERROR_LENGTH])


async def _fail(deps: Deps, run: Run, said: str) -> None:
    async with deps.work.engine.begin() as connection:
        await rows.fail_run(connection, run, deps.work.clock.now(), said)


async def _take(deps: Deps) -> Run | None:
    async with deps.work.engine.begin() as connection:
        return await rows.take_run(connection, deps.work.clock.now())


async def _leave(deps: Deps, run: Run, error: Exception) -> None:
    now, said = deps.work.clock.now(), repr(error)[:ERROR_LENGTH]
    log.warning("reconciliation_failed", run=run.id, attempts=run.attempts, error=said)
    first, last = BACK_OFF
    async with deps.work.engine.begin() as connection:
        current = await rows.run_by_id(connection, run.id)
        attempts = current.attempts if current else run.attempts
        if attempts >= GIVEN_UP_AFTER:
            await rows.fail_run(connection, run, now, said)
        else:
            await rows.leave_run(connection, run, now + min(last, first * 2**attempts), said)


async def _ask_daily(deps: Deps) -> None:
    every = timedelta(hours=deps.settings.reconcile_every_hours)
    if not every:
        return
    async with deps.work.read() as connection:
        last = await rows.last_requested_at(connection, PREFIXES)
    if last is not None and deps.work.clock.now() < last + every:
        return
    grace = int(deps.settings.reconcile_grace_hours * 3600)
    try:
        await request_run(deps, None, Origin.system(new_id()), Wish(grace_seconds=grace))
    except StateConflict:
        return
