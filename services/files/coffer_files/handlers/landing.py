"""Copies what forms have sent to where the bytes of files lie, once they were judged, and commits them then. What an
operator released from quarantine goes the same way.

The copy is made outside of any transaction, to a key that only this upload has, under the condition that the bytes are the
judged ones. So it may be made twice and by two at once, and whoever is killed in between leaves nothing but work to do again.
"""

import asyncio
from datetime import timedelta

import structlog

from coffer_chassis.blobs import BlobChanged, BlobMissing
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.rounds import Rounds
from coffer_files.domain import landing as rules
from coffer_files.domain.deadlines import BUCKET_PATIENCE
from coffer_files.domain.landing import LandingFault
from coffer_files.domain.quarantine import is_released
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.committing import commit_upload
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.receiving import write_down
from coffer_files.store.drives import lock_drive
from coffer_files.store.landings import end_lease, postpone_landing, take_landings
from coffer_files.store.uploads import lock_upload
from coffer_files.store.versions import doom

PAGE = 20
AT_ONCE = 4
"""Copies under way: each is one request, but of up to 5 GiB that the bucket moves."""

LEASE = timedelta(minutes=2)
"""How long others leave an upload to whoever has taken it."""

AGAIN = timedelta(seconds=10)
POLL_SECONDS = 5.0
"""How long the lander waits without being woken: for lost wake-ups, and for copies that are to be tried again."""
PAUSE_SECONDS = 0.5

log = structlog.get_logger(__name__)


def lander(deps: Deps) -> Rounds:
    """A loop that lands uploads as they are cleared."""

    async def look(_stopping: asyncio.Event) -> float:
        await land(deps)
        return POLL_SECONDS

    return Rounds(look, failed="landing_round_failed", back_off_seconds=(PAUSE_SECONDS, PAUSE_SECONDS))


async def land(deps: Deps) -> int:
    """Land every upload that can be landed now; how many came on. May run twice and at once."""
    count = 0
    while True:
        now = deps.work.clock.now()
        async with deps.work.engine.begin() as connection:
            taken = await take_landings(connection, now, until=now + LEASE, limit=PAGE)
        turn = asyncio.Semaphore(AT_ONCE)
        count += sum(await asyncio.gather(*(_land(deps, upload, turn) for upload in taken)))
        if len(taken) < PAGE:
            return count


async def _land(deps: Deps, upload: Upload, turn: asyncio.Semaphore) -> bool:
    async with turn:
        try:
            found = await _copied(deps, upload)
            await _note(deps, upload, found)
        except Exception as error:  # noqa: BLE001  # one upload must not keep the others waiting
            log.warning("landing_failed", upload_id=upload.id, error=repr(error))
            return await _put_off(deps, upload)
        await _commit(deps, upload)
        return True


async def _copied(deps: Deps, upload: Upload) -> str | LandingFault:
    """The ETag of the copy, or why there is none."""
    if upload.landing_key is None or upload.etag is None:
        raise LookupError(f"upload {upload.id} is not to be landed")
    fault: LandingFault
    try:
        return await deps.blobs.copy(upload.landing_key, upload.blob_key, etag=upload.etag, size_bytes=upload.size_bytes)
    except BlobChanged:
        fault = "bytes_replaced"
    except BlobMissing:
        fault = "bytes_gone"
    # Nobody but this copies to that key, and only judged bytes: whoever was killed may have done so before.
    # But what was released may have been sent there once more under an address that was still good: that is not it.
    head = await deps.blobs.head(upload.blob_key)
    is_copy = head is not None and (not is_released(upload) or head.etag == upload.etag)
    return head.etag if head is not None and is_copy else fault


async def _note(deps: Deps, upload: Upload, found: str | LandingFault) -> None:
    async with deps.work.unit(_origin()) as unit:
        await lock_drive(unit.connection, upload.owner_id)
        before = await lock_upload(unit.connection, upload.id)
        if before is None or before.state != "cleared" or before.landing_key is None or before.etag != upload.etag:
            return
        if found in _FAULTS:
            await write_down(unit, before, rules.miss_landing(before, found, unit.now))
            await end_lease(unit.connection, before.id)
            return
        await write_down(unit, before, rules.land(before, found))
        await doom(unit.connection, before.landing_key, reason="landed", now=unit.now, not_before=unit.now)


_FAULTS: frozenset[LandingFault] = frozenset({"bytes_replaced", "bytes_gone", "bucket_away"})


async def _commit(deps: Deps, upload: Upload) -> None:
    """Apart from the landing: what keeps it from being committed must not have the bytes copied again. The sweeper tries
    again what fails here.
    """
    try:
        async with deps.work.unit(_origin()) as unit:
            drive = await lock_drive(unit.connection, upload.owner_id)
            before = await lock_upload(unit.connection, upload.id) if drive else None
            if drive is None or before is None or before.state != "cleared" or before.landing_key is not None:
                return
            after = await commit_upload(unit, drive, before)
            await write_down(unit, before, after)
        if after.item_id is not None and after.actor_kind != "link":
            deps.interactions.note(after.uploader_id, after.item_id)
    except Exception as error:  # noqa: BLE001  # the sweeper sees to it
        log.warning("landed_commit_failed", upload_id=upload.id, error=repr(error))


async def _put_off(deps: Deps, upload: Upload) -> bool:
    """Whether it was given up."""
    now = deps.work.clock.now()
    try:
        if now >= upload.changed_at + BUCKET_PATIENCE:
            await _note(deps, upload, "bucket_away")
            return True
        async with deps.work.engine.begin() as connection:
            await postpone_landing(connection, upload.id, now + AGAIN)
    except Exception as error:  # noqa: BLE001  # the lease ends by itself
        log.warning("landing_not_put_off", upload_id=upload.id, error=repr(error))
    return False


def _origin() -> Origin:
    return Origin.system(new_id())
