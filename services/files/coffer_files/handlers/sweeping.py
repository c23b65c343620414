"""The safety net: looks after uploads that stand too long, whatever message was lost, and forgets what is over.

Several processes may sweep at once; whatever one works on the others pass over.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.copies.grants import KEEP_DAYS, forget_removed_before
from coffer_chassis.forgetting import SLICE
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_contracts.ids import UserId
from coffer_contracts.problems import Problem
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.assembling import bytes_of
from coffer_files.handlers.deadlines import Bucket, pass_deadline
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.receiving import dispatch_waiting, receive_upload
from coffer_files.store import changes, uploads
from coffer_files.store.dispatching import owners_with_room
from coffer_files.store.drives import lock_drive
from coffer_files.store.marks import forget_touched_before
from coffer_files.store.tables import grants

AT_ONCE = 16
"""Questions to the bucket under way."""

PAGE = 200
FORGET_PAGE = 1000
RECENT_KEEP_DAYS = 180
"""How long the list of what somebody had to do with reaches back."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What a round of the sweeper did; failures are counted, the next round tries them again."""

    found_in_bucket: int = 0
    moved: Mapping[str, int] = field(default_factory=dict)
    dispatched: int = 0
    failures: int = 0


async def sweep(deps: Deps, *, grace_seconds: float | None = None) -> SweepReport:
    """One round. May run twice and at once. With `grace_seconds` 0 it looks for the bytes of every upload that is still
    open, as is right after messages were lost.
    """
    found, missed = await _look_into_bucket(deps, grace_seconds)
    moved, failed = await _pass_deadlines(deps)
    dispatched, unasked = await _dispatch(deps)
    report = SweepReport(found, moved, dispatched, missed + failed + unasked)
    if report != SweepReport():
        log.info("swept", found=found, moved=moved, dispatched=dispatched, failures=report.failures)
    return report


async def _look_into_bucket(deps: Deps, grace_seconds: float | None) -> tuple[int, int]:
    """Uploads whose bytes nobody reported: how many were found in the bucket, and how many could not be looked for."""
    now = deps.work.clock.now()
    grace = timedelta(seconds=deps.settings.sweep_grace_seconds if grace_seconds is None else grace_seconds)
    if grace_seconds == 0:
        async with deps.work.engine.begin() as connection:
            await uploads.look_for_all(connection, now)
    found = missed = 0
    while True:
        async with deps.work.engine.begin() as connection:
            taken = await uploads.take_unseen(connection, created_before=now - grace, now=now, limit=PAGE)
        turn = asyncio.Semaphore(AT_ONCE)
        results = await asyncio.gather(*(_look_for(deps, upload, turn) for upload in taken))
        found += sum(result is True for result in results)
        missed += sum(result is None for result in results)
        # A bucket that is away is not asked for all the others, too: deadlines are still to be looked after.
        if len(taken) < PAGE or all(result is None for result in results):
            return found, missed


async def _look_for(deps: Deps, upload: Upload, turn: asyncio.Semaphore) -> bool | None:
    """Whether the bytes are there; None if that could not be found out."""
    async with turn:
        try:
            head = await bytes_of(deps, upload)
            if head is None:
                return False
            async with deps.work.unit(_origin()) as unit:
                await receive_upload(
                    unit, deps, upload.owner_id, upload.id, etag=head.etag, size_bytes=head.size_bytes, sha256=head.sha256
                )
        except Problem:
            return False
        except Exception as error:  # noqa: BLE001  # the next round looks again
            log.warning("look_failed", upload_id=upload.id, error=repr(error))
            return None
        return True


async def _pass_deadlines(deps: Deps) -> tuple[Counter[str], int]:
    """Uploads that stood too long: how many went to which state, and how many could not be moved."""
    moved: Counter[str] = Counter()
    failures = 0
    bucket = Bucket(deps)
    last: uploads.Overdue | None = None
    while True:
        async with deps.work.read() as connection:
            due = await uploads.overdue(connection, deps.work.clock.now(), PAGE, last)
        for upload in due:
            try:
                state = await pass_deadline(deps, bucket, upload)
            except Exception as error:  # noqa: BLE001  # one upload must not keep the others waiting
                log.warning("deadline_failed", upload_id=upload.id, error=repr(error))
                failures += 1
                continue
            if state is not None:
                moved[state] += 1
        if len(due) < PAGE:
            return moved, failures + bucket.failures
        last = due[-1]


async def _dispatch(deps: Deps) -> tuple[int, int]:
    """Uploads that wait although there is room: how many were dispatched, and for how many owners that could not be done."""
    count = failures = 0
    last: UserId | None = None
    while True:
        async with deps.work.read() as connection:
            owners = await owners_with_room(connection, deps.settings.dispatch_per_owner, limit=PAGE, after=last)
        for owner_id in owners:
            try:
                async with deps.work.unit(_origin()) as unit:
                    free = await lock_drive(unit.connection, owner_id, skip_locked=True)
                    asked = await dispatch_waiting(unit, deps, owner_id) if free else 0
            except Exception as error:  # noqa: BLE001  # one drive must not keep the others waiting
                log.warning("dispatch_failed", owner_id=owner_id, error=repr(error))
                failures += 1
                continue
            count += asked
        if len(owners) < PAGE:
            return count, failures
        last = owners[-1]


async def forget(deps: Deps) -> int:
    """Delete uploads that ended long ago, changes that no cursor reaches any more, tombstones of grants that no older fact
    can meet any more and what nobody had to do with for long; how many rows. May run twice.
    """
    now = deps.work.clock.now()
    async with deps.work.engine.begin() as connection:
        count = await forget_removed_before(connection, grants, now - timedelta(days=KEEP_DAYS))

    async def ended(connection: AsyncConnection) -> int:
        before = now - timedelta(days=deps.settings.upload_keep_days)
        return await uploads.forget_ended_before(connection, before, FORGET_PAGE)

    async def told(connection: AsyncConnection) -> int:
        return await changes.forget_before(connection, now - timedelta(days=deps.settings.change_keep_days))

    async def touched(connection: AsyncConnection) -> int:
        return await forget_touched_before(connection, now - timedelta(days=RECENT_KEEP_DAYS))

    for forget_slice, most in ((ended, FORGET_PAGE), (told, SLICE), (touched, SLICE)):
        gone = most
        while gone == most:
            async with deps.work.engine.begin() as connection:
                gone = await forget_slice(connection)
            count += gone
    return count


def _origin() -> Origin:
    return Origin.system(new_id())
