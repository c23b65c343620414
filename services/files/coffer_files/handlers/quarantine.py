"""What operators do with refused bytes: look why, let them in after all, delete them before their time.

A refused upload is moved to quarantine by a job that copies and then deletes. Nothing is released or deleted before that is
over: its deleting would meet the released bytes, which go back to where they came from.
"""

from coffer_chassis.admin import acts
from coffer_chassis.admin.operations import Operations
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import UploadId
from coffer_contracts.problems import NotFound, StateConflict
from coffer_files.domain import quarantine as rules
from coffer_files.domain.content import quarantine_key
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.receiving import LANDINGS, write_down
from coffer_files.handlers.room import require_room
from coffer_files.store import quarantine as rows
from coffer_files.store.drives import lock_drive
from coffer_files.store.quarantine import Place
from coffer_files.store.uploads import lock_upload, upload_by_id
from coffer_files.store.versions import doom

RELEASED = "quarantine.released"
DISCARDED = "quarantine.discarded"


async def list_quarantine(deps: Deps, *, limit: int, before: Place | None) -> list[Upload]:
    """A page of everybody's refused uploads whose bytes are still kept, last refused first."""
    since = deps.work.clock.now() - rules.QUARANTINE
    async with deps.work.read() as connection:
        return await rows.refused_since(connection, since, limit=limit, before=before)


async def release_upload(
    deps: Deps, operations: Operations, principal: Principal, origin: Origin, upload_id: UploadId
) -> Upload:
    """Let refused bytes in: they are copied out of quarantine in the background and committed under the rules of any upload,
    with the flag `released`. One that was released is answered as it stands, so it may run twice and at once.

    Raises NotFound, QuotaExceeded, and StateConflict for what is not in quarantine, no longer, or not quite yet; then nothing
    has changed.
    """
    seen = await _find(deps, upload_id)
    head = await deps.blobs.head(quarantine_key(seen.blob_id)) if seen.state == "rejected" else None
    async with deps.work.unit(origin) as unit:
        drive = await lock_drive(unit.connection, seen.owner_id)
        before = await lock_upload(unit.connection, upload_id)
        if drive is None or before is None:
            raise NotFound
        if before.state == "rejected":
            await _require_settled(unit, before)
            if head is None:
                raise StateConflict("Its bytes are no longer in quarantine.", state=before.state)
            require_room(drive, before.size_bytes, principal.user_id)
        after = rules.release(before, head.etag if head else "", head.size_bytes if head else 0, unit.now)
        if after is not before:
            await write_down(unit, before, after)
            _record(operations, unit, RELEASED, before)
            unit.wake(LANDINGS)
        return after


async def discard_upload(deps: Deps, operations: Operations, origin: Origin, upload_id: UploadId) -> None:
    """Have refused bytes deleted before their time; the upload stays rejected. May run twice and at once.

    Raises NotFound, and StateConflict for what is not in quarantine or not quite yet.
    """
    seen = await _find(deps, upload_id)
    async with deps.work.unit(origin) as unit:
        await lock_drive(unit.connection, seen.owner_id)
        upload = await lock_upload(unit.connection, upload_id)
        if upload is None:
            raise NotFound
        if upload.state != "rejected":
            raise StateConflict(f"An upload that is {upload.state} is not in quarantine.", state=upload.state)
        if await rows.is_discarded(unit.connection, upload_id):
            return
        await _require_settled(unit, upload)
        key = quarantine_key(upload.blob_id)
        await doom(unit.connection, key, reason="discarded", now=unit.now, not_before=unit.now)
        await rows.note_discarded(unit.connection, upload_id, unit.now)
        _record(operations, unit, DISCARDED, upload)


async def _find(deps: Deps, upload_id: UploadId) -> Upload:
    async with deps.work.read() as connection:
        upload = await upload_by_id(connection, upload_id)
    if upload is None:
        raise NotFound
    return upload


async def _require_settled(unit: Unit, upload: Upload) -> None:
    """Raises StateConflict while the bytes of a refused upload, which is locked, are on their way into quarantine or out."""
    if await rows.is_discarded(unit.connection, upload.id):
        raise StateConflict("An operator had its bytes deleted.", state=upload.state)
    if await rows.is_any_doomed(unit.connection, [upload.bytes_key, upload.blob_key, quarantine_key(upload.blob_id)]):
        raise StateConflict("Its bytes are being moved. Try again in some seconds.", state=upload.state)


def _record(operations: Operations, unit: Unit, action: str, upload: Upload) -> None:
    told = {"owner": upload.owner_id, "reason": upload.reason, "size_bytes": upload.size_bytes}
    acts.record(operations, unit, action, target=f"upload/{upload.id}", count=1, **told)
