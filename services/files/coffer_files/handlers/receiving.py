"""The way of an upload from the bucket to the media worker and out of every state it can be in.

Three reporters lead here (bucket, client, sweeper), in any order and number. `write_down` is the only place where an
upload's row, what it reserves of its owner's quota, the fate of its bytes and the facts about it change, so the four cannot
disagree. A commit has booked what it uses with the version that it wrote.
"""

from dataclasses import replace

from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import UploadId, UserId
from coffer_files.domain import landing
from coffer_files.domain import uploads as rules
from coffer_files.domain.content import quarantine_key
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.committing import commit_upload
from coffer_files.handlers.deps import Deps, on_behalf_of
from coffer_files.handlers.facts import received_fact, standing_fact
from coffer_files.store.dispatching import lock_next_in_line, turns
from coffer_files.store.drives import Drive, lock_drive
from coffer_files.store.parts import forget_digests
from coffer_files.store.uploads import lock_upload, save
from coffer_files.store.versions import doom, is_stored

LANDINGS = "landings"
"""The topic of those who cleared bytes that a form has sent, for whoever copies them."""


async def receive_upload(
    unit: Unit,
    deps: Deps,
    owner_id: UserId,
    upload_id: UploadId,
    *,
    etag: str,
    size_bytes: int,
    sha256: str | None = None,
) -> Upload | None:
    """The bytes of an upload are in the bucket. Safe from any reporter, any number of times; None if it is unknown."""
    drive = await lock_drive(unit.connection, owner_id)
    upload = await lock_upload(unit.connection, upload_id) if drive else None
    if drive is None or upload is None:
        return None
    return await receive_bytes(unit, deps, drive, upload, etag=etag, size_bytes=size_bytes, sha256=sha256)


async def receive_bytes(
    unit: Unit, deps: Deps, drive: Drive, upload: Upload, *, etag: str, size_bytes: int, sha256: str | None = None
) -> Upload:
    """The same, with drive and upload locked already."""
    if upload.rule.is_end and not await is_stored(unit.connection, upload.blob_id):
        # Its signed address works until it expires, and what once lay there may be gone: nobody refers to these bytes.
        await _bury_late_bytes(unit, upload)
        return upload
    return await go_on(unit, deps, drive, upload, landing.receive(upload, etag, size_bytes, unit.now, sha256=sha256))


async def go_on(unit: Unit, deps: Deps, drive: Drive, before: Upload, after: Upload) -> Upload:
    """Write down a step that an upload has taken, and take those that follow from it at once: dispatch if there is
    room, commit what is cleared, dispatch others in the room it left. The drive is locked; how the upload stands after.
    """
    if after is before:
        return before
    if after.waits_for_dispatch:
        asked, others_wait = await turns(unit.connection, after.owner_id, deps.settings.dispatch_per_owner)
        if not others_wait and asked < deps.settings.dispatch_per_owner:
            after = rules.dispatch(after, unit.now)
    if after.state == "cleared" and after.landing_key is not None:
        unit.wake(LANDINGS)
    elif after.state == "cleared":
        after = await commit_upload(unit, drive, after)
    await write_down(unit, before, after)
    if after.state == "committed" and after.item_id is not None and after.actor_kind != "link":
        deps.interactions.note(after.uploader_id, after.item_id)
    if before.state == "received" and after.state != "received":
        await dispatch_waiting(unit, deps, after.owner_id)
    return after


async def dispatch_waiting(unit: Unit, deps: Deps, owner_id: UserId) -> int:
    """Ask about the owner's uploads that have waited longest, as many as there is room for; how many. The drive is
    locked, so two who make room at once cannot both overlook the same upload.
    """
    asked, somebody_waits = await turns(unit.connection, owner_id, deps.settings.dispatch_per_owner)
    room = deps.settings.dispatch_per_owner - asked
    if not somebody_waits or room <= 0:
        return 0
    chosen = await lock_next_in_line(unit.connection, owner_id, room)
    for upload in chosen:
        await write_down(unit, upload, rules.dispatch(upload, unit.now))
    return len(chosen)


async def write_down(unit: Unit, before: Upload, after: Upload) -> None:
    """Make an upload stand as it does after a step: row, quota, bytes, facts."""
    asked, asked_before = ((upload.attempts, upload.dispatched_at, upload.etag) for upload in (after, before))
    with on_behalf_of(unit, after):
        if after.state == "received" and after.dispatched_at is not None and asked != asked_before:
            after = replace(after, asked_event_id=unit.emit(received_fact(after), sequence=after.revision))
        if after.state != before.state and (fact := standing_fact(after)):
            unit.emit(fact, sequence=after.revision)
    # What is committed was booked with the version that was written.
    reserves = before.rule.reserves_quota if after.state == "committed" else after.rule.reserves_quota
    await save(unit.connection, after, reserved=(reserves - before.rule.reserves_quota) * after.size_bytes)
    if before.state == "created" and before.parts_hashed and after.state != "created":
        await forget_digests(unit.connection, after.id)
    if after.rule.bytes_are not in {before.rule.bytes_are, "kept"}:
        await _doom_bytes(unit, before, after)


async def _doom_bytes(unit: Unit, before: Upload, after: Upload) -> None:
    """Until its deadline the signed address of an upload may still bring bytes; if they come, the bucket tells. Parts become
    an object through this service alone, so they go at once. Of what a form has sent a copy may have been made that nothing
    tells of. What was released and goes back still lies in quarantine.
    """
    is_moved = after.rule.bytes_are == "quarantined" and before.state == "received"
    target = quarantine_key(after.blob_id) if is_moved else None
    end = before.deadline_at if before.state == "created" and before.strategy != "multipart" else None
    not_before = max(unit.now, end) if end else unit.now
    reason = after.reason or after.state
    await doom(
        unit.connection,
        after.bytes_key,
        reason=reason,
        now=unit.now,
        not_before=not_before,
        quarantine_key=target,
        multipart_id=before.multipart_id,
    )
    if after.landing_key is not None:
        await doom(unit.connection, after.blob_key, reason=reason, now=unit.now, not_before=not_before)


async def _bury_late_bytes(unit: Unit, upload: Upload) -> None:
    await doom(unit.connection, upload.blob_key, reason="late", now=unit.now, not_before=unit.now)
