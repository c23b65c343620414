"""Looks after one upload whose deadline has passed: asks bucket and outbox what they know, and takes the step that follows."""

from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.blobs import BlobHead
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_contracts.problems import Problem
from coffer_files.domain import deadlines, landing
from coffer_files.domain import uploads as rules
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.assembling import bytes_of
from coffer_files.handlers.committing import commit_upload
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.parts import keep_open_by_parts
from coffer_files.handlers.receiving import LANDINGS, go_on, write_down
from coffer_files.store import uploads
from coffer_files.store.drives import lock_drive

GIVEN_UP_AFTER = 5
"""Failures in a row after which the bucket counts as away for the rest of a round: each may take many seconds."""

WAIT_FOR_DRIVE_AFTER = timedelta(minutes=1)
"""Until then an upload whose drive is busy is left for the next round; a drive that is always busy must not hold it up."""

log = structlog.get_logger(__name__)


class Bucket:
    """The bucket as one round of the sweeper asks it: whether it answers at all is found out a few times only."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._in_a_row = 0
        self.failures = 0
        """Questions that were not answered."""

    async def ask(self, upload: Upload) -> tuple[bool | None, BlobHead | None]:
        """Whether the bytes of an upload are there, None if the bucket does not answer, and what it says about them. Parts that
        are all there are put together.
        """
        if self._in_a_row >= GIVEN_UP_AFTER:
            self.failures += 1
            return None, None
        try:
            head = await bytes_of(self._deps, upload)
        except Problem:
            # Some parts may have come lately: then there is still somebody at work.
            await keep_open_by_parts(self._deps, upload)
            self._in_a_row = 0
            return False, None
        except Exception as error:  # noqa: BLE001  # whatever it is, the bytes may be there
            log.warning("bucket_not_asked", upload_id=upload.id, error=repr(error))
            self._in_a_row += 1
            self.failures += 1
            return None, None
        self._in_a_row = 0
        return True, head


async def pass_deadline(deps: Deps, bucket: Bucket, due: uploads.Overdue) -> str | None:
    """Where the upload went; None if it stayed, or someone else is at work in this drive. May run twice and at once."""
    async with deps.work.read() as connection:
        seen = await uploads.upload_by_id(connection, due.id)
    if seen is None:
        return None
    asks = seen.state in {"created", "received"}
    has_bytes, head = await bucket.ask(seen) if asks else (None, None)
    try:
        return await _step(deps, due, has_bytes, head)
    except Exception:
        now = deps.work.clock.now()
        if seen.state != "cleared" or now < due.deadline_at + deadlines.COMMIT_PATIENCE:
            raise
        log.exception("commit_given_up", upload_id=due.id)
        return await _hand_over(deps, due)


async def _step(deps: Deps, due: uploads.Overdue, has_bytes: bool | None, head: BlobHead | None) -> str | None:  # noqa: FBT001  # what the bucket said
    async with deps.work.unit(_origin()) as unit:
        patient = unit.now < due.deadline_at + WAIT_FOR_DRIVE_AFTER
        drive = await lock_drive(unit.connection, due.owner_id, skip_locked=patient)
        before = await uploads.lock_upload(unit.connection, due.id) if drive else None
        if drive is None or before is None or before.deadline_at is None or before.deadline_at > unit.now:
            return None
        if before.state == "cleared" and before.landing_key is not None:
            # It ends there, too: whoever copies the bytes gives up after a day.
            unit.wake(LANDINGS)
            return None
        if before.state == "cleared":
            after = await commit_upload(unit, drive, before)
            await write_down(unit, before, after)
        elif head is not None and (before.state == "created" or _sent_again(before, head)):
            received = landing.receive(before, head.etag, head.size_bytes, unit.now, sha256=head.sha256)
            after = await go_on(unit, deps, drive, before, received)
        else:
            is_sent = await _is_sent(deps, unit.connection, before)
            passed = deadlines.pass_deadline(before, unit.now, has_bytes=has_bytes, is_sent=is_sent)
            after = await go_on(unit, deps, drive, before, passed)
        return None if after is before else after.state


def _sent_again(upload: Upload, head: BlobHead) -> bool:
    """Whether other bytes lie where a form puts them than the media worker was asked about, which it never finds."""
    return upload.state == "received" and upload.landing_key is not None and head.etag != upload.etag


async def _is_sent(deps: Deps, connection: AsyncConnection, upload: Upload) -> bool:
    """Whether the media worker was really told. Rows that were sent long ago are gone from the outbox."""
    if upload.state != "received" or upload.asked_event_id is None:
        return True
    outbox = deps.work.tables.outbox
    unsent = select(outbox.c.id).where(outbox.c.id == upload.asked_event_id, outbox.c.sent_at.is_(None))
    return (await connection.execute(unsent)).one_or_none() is None


async def _hand_over(deps: Deps, due: uploads.Overdue) -> str | None:
    """A commit that fails again and again is put before a person, who sees that and can choose another place."""
    async with deps.work.unit(_origin()) as unit:
        await lock_drive(unit.connection, due.owner_id)
        before = await uploads.lock_upload(unit.connection, due.id)
        if before is None or before.state != "cleared":
            return None
        detail = "The file could not be put into its folder. Try another name or another folder."
        after = rules.contest(before, "commit_failed", detail, None, unit.now)
        await write_down(unit, before, after)
        return after.state


def _origin() -> Origin:
    return Origin.system(new_id())
