"""What people do with uploads they have begun: look, report the bytes, resolve a conflict, try again, give up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from coffer_chassis.blobs import BlobHead
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.files import ConflictPolicy, UploadState
from coffer_contracts.ids import UploadId
from coffer_contracts.problems import (
    KindConflict,
    NameConflict,
    NotFound,
    PreconditionFailed,
    Problem,
    QuotaExceeded,
    StateConflict,
    UploadIncomplete,
)
from coffer_files.domain import uploads as rules
from coffer_files.domain.names import accept_name
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.committing import Obstacle, place_upload
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.items import hold_folder
from coffer_files.handlers.naming import described
from coffer_files.handlers.receiving import go_on, receive_upload, write_down
from coffer_files.handlers.sight import Seen, seen_by
from coffer_files.store import items as item_rows
from coffer_files.store import uploads as rows
from coffer_files.store.drives import Drive, lock_drive


async def find_upload(deps: Deps, principal: Principal, upload_id: UploadId) -> Upload:
    """The upload as it stands. Its uploader and the owner of the drive may see it; raises NotFound to all others."""
    async with deps.work.read() as connection:
        upload = await rows.upload_by_id(connection, upload_id)
    if upload is None or principal.user_id not in {upload.uploader_id, upload.owner_id}:
        raise NotFound
    return upload


async def list_uploads(
    deps: Deps, principal: Principal, *, states: Sequence[UploadState], limit: int, before: UploadId | None
) -> list[Upload]:
    """A page of the caller's uploads and of those that others send into their drive, newest first."""
    async with deps.work.read() as connection:
        return await rows.uploads_of(connection, principal.user_id, states=states, limit=limit, before=before)


async def complete_upload(deps: Deps, principal: Principal, origin: Origin, upload_id: UploadId) -> Upload:
    """The client says that the bytes are there; the bucket is asked. May run any number of times.

    Raises NotFound, UploadIncomplete.
    """
    upload = await find_upload(deps, principal, upload_id)
    if upload.state != "created":
        return upload
    head = await _bytes_of(deps, upload)
    async with deps.work.unit(origin) as unit:
        after = await receive_upload(unit, deps, upload.owner_id, upload.id, etag=head.etag, size_bytes=head.size_bytes)
    return after or upload


async def retry_upload(deps: Deps, principal: Principal, origin: Origin, upload_id: UploadId) -> Upload:
    """Have a failed upload checked again. May run twice. Raises NotFound, UploadIncomplete, SizeMismatch, StateConflict, and
    RateLimited when that was done too often.
    """
    upload = await find_upload(deps, principal, upload_id)
    if upload.state != "failed":
        return rules.retry(upload, upload.etag or "", upload.size_bytes, deps.work.clock.now())
    head = await _bytes_of(deps, upload)
    async with deps.work.unit(origin) as unit:
        drive = await lock_drive(unit.connection, upload.owner_id)
        current = await rows.lock_upload(unit.connection, upload.id)
        if drive is None or current is None:
            raise NotFound
        return await go_on(unit, deps, drive, current, rules.retry(current, head.etag, head.size_bytes, unit.now))


async def _bytes_of(deps: Deps, upload: Upload) -> BlobHead:
    head = await deps.blobs.head(upload.bytes_key)
    if head is None:
        raise UploadIncomplete("The bytes have not arrived.")
    return head


async def abort_upload(deps: Deps, principal: Principal, origin: Origin, upload_id: UploadId) -> Upload:
    """Give an upload up. May run twice. Raises NotFound, StateConflict while it is checked and once it has ended."""
    upload = await find_upload(deps, principal, upload_id)
    async with deps.work.unit(origin) as unit:
        await lock_drive(unit.connection, upload.owner_id)
        current = await rows.lock_upload(unit.connection, upload_id)
        if current is None:
            raise NotFound
        after = rules.abort(current, unit.now)
        if after is not current:
            await write_down(unit, current, after)
        return after


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a conflict is to be resolved; None leaves it as it is."""

    name: str | None = None
    parent: str | None = None
    conflict: ConflictPolicy | None = None


async def resolve_upload(deps: Deps, principal: Principal, origin: Origin, upload_id: UploadId, wish: Resolution) -> Upload:
    """Commit an upload that is in conflict under another name, into another folder or with another policy. An upload
    that is committed already is answered as it is, so it may run twice.

    Raises NotFound, Forbidden, NameInvalid, NameConflict, KindConflict, PreconditionFailed, QuotaExceeded, StateConflict;
    then nothing has changed.
    """
    upload = await find_upload(deps, principal, upload_id)
    name = accept_name(wish.name) if wish.name is not None else None
    async with deps.work.unit(origin) as unit:
        drive = await lock_drive(unit.connection, upload.owner_id)
        current = await rows.lock_upload(unit.connection, upload_id)
        if current is None or drive is None:
            raise NotFound
        if current.state == "committed":
            return current
        if current.state != "conflict":
            raise StateConflict("There is no conflict to resolve.", state=current.state)
        wanted = replace(current, name=name or current.name, conflict=wish.conflict or current.conflict)
        if wish.parent is not None:
            folder = await hold_folder(unit, deps, principal, wish.parent)
            if folder.at.item.owner_id != current.owner_id:
                raise StateConflict("The bytes lie in another drive.", state=current.state)
            wanted = replace(wanted, parent_id=folder.at.item.id)
        if wish.parent is not None or name is not None:
            wanted = replace(wanted, target_id=None)
        # Whoever decides anew has seen what is there now.
        wanted = replace(wanted, base_version_id=None if wish != Resolution() else current.base_version_id)
        placed = await place_upload(unit, drive, wanted, decides=principal.grantee)
        if isinstance(placed, Obstacle):
            raise _refusal(placed, current, drive if drive.owner_id == principal.user_id else None)
        kept = placed
        if principal.user_id != current.uploader_id:
            # What the owner made of it is not the uploader's to see: their upload goes on naming what they asked for.
            kept = replace(placed, parent_id=current.parent_id, name=current.name, target_id=current.target_id)
        await write_down(unit, current, kept)
        return placed


def _refusal(obstacle: Obstacle, upload: Upload, drive: Drive | None) -> Problem:
    """What is in the way; how full the drive is only for those who may know it."""
    existing = described(obstacle.existing)
    if obstacle.reason == "name_taken":
        return NameConflict(obstacle.detail, existing=existing, suggested_name=obstacle.suggested_name)
    if obstacle.reason == "kind_conflict":
        return KindConflict(obstacle.detail, existing=existing)
    if obstacle.reason == "base_version_changed":
        return PreconditionFailed(obstacle.detail, current_etag=existing["etag"] if existing else None)
    if obstacle.reason == "quota_exceeded":
        if drive is None:
            return QuotaExceeded(obstacle.detail, needed=upload.size_bytes)
        return QuotaExceeded(obstacle.detail, used=drive.used_bytes, limit=drive.quota_bytes, needed=upload.size_bytes)
    return StateConflict(obstacle.detail, state=upload.state, reason=obstacle.reason)


async def committed_item(deps: Deps, principal: Principal, upload: Upload) -> Seen | None:
    """The file that an upload became, if it did and the caller may still see it."""
    if upload.item_id is None:
        return None
    async with deps.work.read() as connection:
        found = await item_rows.locate(connection, upload.item_id, principal.grantee)
    return seen_by(found, principal.grantee, deps.work.clock.now()) if found else None
