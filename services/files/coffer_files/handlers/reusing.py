"""Uploads without bytes: the drive holds the same content already.

Only of one's own drive and into it: whether somebody else has a certain file is theirs to tell, and what a person sends into
another's drive must not find out what lies there. And only for callers who may read, because the answer tells something.
"""

from typing import TYPE_CHECKING

from coffer_chassis.access import Rights
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import BlobId, ItemId, UploadId, UserId
from coffer_contracts.problems import KindConflict, QuotaExceeded
from coffer_files.domain.content import blob_key, content_hash
from coffer_files.domain.items import accept_depth
from coffer_files.domain.names import accept_name
from coffer_files.domain.upload_states import Step
from coffer_files.domain.uploads import Upload, Verdict
from coffer_files.handlers.committing import Obstacle, place_upload
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.items import ROOT, hold_folder
from coffer_files.handlers.naming import described
from coffer_files.handlers.receiving import write_down
from coffer_files.handlers.refusing import refusal_of
from coffer_files.handlers.sight import seen
from coffer_files.store import uploads as rows
from coffer_files.store.drives import Drive, lock_drive, reserve
from coffer_files.store.items import locate
from coffer_files.store.reuse import hold_content, is_known, owner_of
from coffer_files.store.versions import Version

if TYPE_CHECKING:
    from coffer_files.handlers.announcing import Announcement

READ = "files:read"


async def reuse_content(unit: Unit, deps: Deps, principal: Principal, announced: "Announcement") -> Upload | None:
    """The upload as it was committed without bytes; None if these are to be sent, with nothing written or locked that sending
    them must not hold.

    Raises NotFound, Forbidden, NameInvalid, NameConflict, KindConflict, PreconditionFailed, QuotaExceeded, StateConflict.
    """
    if announced.blocks_sha256 is None or announced.mode != "auto" or not _may_read(principal):
        return None
    hashed = content_hash(announced.blocks_sha256, announced.size_bytes)
    owner_id = principal.user_id
    # The drive is locked before everything else, so whether it is needed is found out without a lock.
    if not await is_known(unit.connection, owner_id, hashed, announced.size_bytes):
        return None
    if await _drive_of(unit, principal, announced) != owner_id:
        return None
    drive = await lock_drive(unit.connection, owner_id)
    source = await hold_content(unit.connection, owner_id, hashed, announced.size_bytes) if drive else None
    if drive is None or source is None:
        return None  # its last reference has just gone
    return await _place(unit, deps, principal, announced, drive, source)


def _may_read(principal: Principal) -> bool:
    return principal.kind == "user" or (principal.kind == "token" and READ in principal.scopes)


async def _drive_of(unit: Unit, principal: Principal, announced: "Announcement") -> UserId | None:
    into = announced.target or announced.parent
    return principal.user_id if into == ROOT else await owner_of(unit.connection, ItemId(into))


async def _goal(unit: Unit, deps: Deps, principal: Principal, announced: "Announcement") -> tuple[ItemId, str]:
    """The folder and the name that it is for."""
    if announced.target is None:
        name = accept_name(announced.name)
        folder = await hold_folder(unit, deps, principal, announced.parent)
        accept_depth(len(folder.at.ids_down_to_it))
        return folder.at.item.id, name
    found = await locate(unit.connection, announced.target, principal.grantee)
    file = seen(found, principal.grantee, unit.now).require(Rights.WRITE).at.item
    if file.kind != "file" or file.parent_id is None:
        raise KindConflict("Only a file can be given new content.", existing=described(file))
    return file.parent_id, file.name


async def _place(
    unit: Unit, deps: Deps, principal: Principal, announced: "Announcement", drive: Drive, source: Version
) -> Upload:
    """What is in the way is refused at once: nothing waits in conflict that nobody has sent."""
    parent_id, name = await _goal(unit, deps, principal, announced)
    blob_id = BlobId(new_id())
    opened = Upload(
        id=UploadId(new_id()),
        owner_id=drive.owner_id,
        uploader_id=principal.user_id,
        parent_id=parent_id,
        name=name,
        conflict="replace" if announced.target else announced.conflict,
        size_bytes=announced.size_bytes,
        # Of its own, as every upload has them: nothing is ever sent there.
        blob_id=blob_id,
        blob_key=blob_key(drive.owner_id, blob_id),
        state="cleared",
        revision=1,
        created_at=unit.now,
        changed_at=unit.now,
        deadline_at=None,
        actor_kind=unit.origin.actor_kind,
        correlation_id=unit.origin.correlation_id,
        traceparent=unit.origin.traceparent,
        strategy="reuse",
        target_id=announced.target,
        base_version_id=announced.base_version_id,
        claimed_mime_type=announced.mime_type,
        modified_at=announced.modified_at,
        content_hash=source.content_hash,
        etag=source.etag,
        verdict=Verdict(
            cleared=True,
            etag=source.etag,
            mime_type=source.mime_type,
            media_kind=source.media_kind,
            flags=tuple(source.flags),
            width=source.width,
            height=source.height,
            previewable=source.preview_status != "none",
        ),
        steps=(Step("created", unit.now),),
    )
    await rows.insert_upload(unit.connection, opened, check_at=unit.now)
    if not await reserve(unit.connection, drive.owner_id, opened.size_bytes):
        used = drive.used_bytes + drive.reserved_bytes
        raise QuotaExceeded("There is not enough room left.", used=used, limit=drive.quota_bytes, needed=opened.size_bytes)
    placed = await place_upload(unit, drive, opened, source=source)
    if isinstance(placed, Obstacle):
        raise refusal_of(placed, opened, drive)
    await write_down(unit, opened, placed)
    if placed.item_id is not None:
        deps.interactions.note(placed.uploader_id, placed.item_id)
    return placed
