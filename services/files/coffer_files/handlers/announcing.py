"""How an upload begins: what is announced is held against rights, quota and names before a byte is sent."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError

from coffer_chassis.access import Rights
from coffer_chassis.idempotency import Claim, once
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.outages import is_crossed
from coffer_chassis.signed import SignedRequest
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files import ConflictPolicy
from coffer_contracts.ids import BlobId, ItemId, UploadId, UserId, VersionId
from coffer_contracts.problems import (
    KindConflict,
    PreconditionFailed,
    Problem,
    QuotaExceeded,
)
from coffer_files.domain.content import blob_key, content_hash, incoming_key
from coffer_files.domain.items import accept_depth
from coffer_files.domain.names import accept_name, name_key
from coffer_files.domain.parts import Mode, part_bytes_for, strategy_for
from coffer_files.domain.upload_states import STATES, Step, Strategy
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.naming import described, etag, free_name, name_conflict
from coffer_files.handlers.parts import collect_parts
from coffer_files.handlers.reusing import reuse_content
from coffer_files.handlers.sight import Seen, seen
from coffer_files.handlers.uploads import abort_upload, find_upload
from coffer_files.handlers.visitors import beside_others, hold_target, only_adds, room_through, sender_of, too_many
from coffer_files.store import items as item_rows
from coffer_files.store import uploads as rows
from coffer_files.store.drives import drive_of, reserve
from coffer_files.store.parts import insert_digests

T = TypeVar("T")

RACES = 3
"""How often an upload is begun anew when its locks crossed those of others."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A file that somebody wants to send: into a folder under a name, or as new content of the file `target`."""

    parent: str
    name: str
    size_bytes: int
    target: ItemId | None = None
    mime_type: str | None = None
    conflict: ConflictPolicy = "fail"
    base_version_id: VersionId | None = None
    blocks_sha256: tuple[str, ...] | None = None
    modified_at: datetime | None = None
    parts_sha256: bool = False
    """The sender gives the SHA-256 of each part when it asks for its address."""
    mode: Mode = "auto"
    uploader_name: str | None = None
    """What a visitor of a public link calls themselves."""


@dataclass(frozen=True, slots=True)
class _Way:
    """How the bytes will travel, and what is known of them before."""

    strategy: Strategy
    part_bytes: int | None = None
    parts_hashed: bool = False
    content_hash: str | None = None
    checksum_sha256: str | None = None


def _way_of(announced: Announcement, deps: Deps) -> _Way:
    """Raises TooLarge, ValidationFailed.

    Only checksums that the bucket enforces make the content hash more than the client's word: a single PUT takes one, that of
    a file of one block, and parts of the length of a block take all.
    """
    strategy = strategy_for(announced.mode, announced.size_bytes, deps.settings.single_put_max_bytes)
    hashed = None
    if announced.blocks_sha256 is not None:
        hashed = content_hash(announced.blocks_sha256, announced.size_bytes)
    if strategy == "post_form":
        return _Way(strategy)
    if strategy == "multipart":
        part_bytes = part_bytes_for(announced.size_bytes)
        return _Way(strategy, part_bytes, announced.parts_sha256 or hashed is not None, hashed)
    if announced.blocks_sha256 is not None and len(announced.blocks_sha256) == 1:
        return _Way(strategy, content_hash=hashed, checksum_sha256=announced.blocks_sha256[0])
    return _Way(strategy)


async def start_upload(
    deps: Deps, principal: Principal, origin: Origin, claim: Claim | None, announced: Announcement
) -> tuple[Upload, bool]:
    """Open an upload: quota is reserved, the name is looked at for the first time. And whether it is a replay.

    Raises NotFound, Forbidden, NameInvalid, NameConflict, KindConflict, PreconditionFailed, QuotaExceeded, TooLarge.
    """
    wanted = accept_name(announced.name) if announced.target is None else ""
    sender = sender_of(principal, announced.uploader_name)
    way = _way_of(announced, deps)

    opened: Upload | None = None

    async def run(unit: Unit) -> dict[str, Any]:
        nonlocal opened
        if not await room_through(unit, deps, principal, 1):
            raise too_many(deps)
        opened = await reuse_content(unit, deps, principal, announced)
        if opened is not None:
            return {"upload_id": opened.id}
        if announced.target is not None:
            opened = await _new_content(unit, principal, announced.target, announced, way)
        else:
            opened = await _new_file(unit, deps, principal, announced, wanted, way)
        opened = replace(opened, session_id=sender.session_id, uploader_name=sender.name)
        grace = timedelta(seconds=deps.settings.sweep_grace_seconds)
        await rows.insert_upload(unit.connection, opened, check_at=unit.now + grace)
        if way.parts_hashed and announced.blocks_sha256 is not None:
            await insert_digests(unit.connection, opened.id, announced.blocks_sha256)
        # The owner's row comes last: others wait for it until this unit ends.
        if not await reserve(unit.connection, opened.owner_id, opened.size_bytes):
            raise await _over_quota(unit, principal, opened.owner_id, opened.size_bytes)
        return {"upload_id": opened.id}

    result, replayed = await _unless_crossed(lambda: once(deps.work, origin, claim, run))
    upload = opened
    if upload is None or upload.id != result["upload_id"]:
        # A replay, also of what somebody else did under the same key while this one was begun anew.
        upload = await find_upload(deps, principal, UploadId(result["upload_id"]))
    try:
        return await collect_parts(deps, upload), replayed
    except Exception:
        if claim is None:
            # Nobody will find this one again: its room must not wait for the deadline.
            await abort_upload(deps, principal, origin, upload.id)
        raise


async def _unless_crossed(run: Callable[[], Awaitable[T]]) -> T:
    """Run a unit that takes the owner's row last, and again when that crossed the way of one that took it first."""
    for _ in range(RACES):
        try:
            return await run()
        except DBAPIError as error:
            if not is_crossed(error):
                raise
    return await run()


async def _new_file(unit: Unit, deps: Deps, principal: Principal, announced: Announcement, name: str, way: _Way) -> Upload:
    """An upload into a folder. Whoever may only add to it is not told who holds the name: that shows at the commit."""
    folder = await hold_target(unit, deps, principal, announced.parent)
    accept_depth(len(folder.at.ids_down_to_it))
    above = folder.at.item
    if only_adds(folder):
        announced = replace(announced, conflict=beside_others(announced.conflict), base_version_id=None)
    else:
        name = await _resolved_name(unit, folder, announced, name)
    return _new_upload(unit, principal, above.owner_id, above.id, announced, name, way)


async def _resolved_name(unit: Unit, folder: Seen, announced: Announcement, name: str) -> str:
    """The name as far as one can tell now. The decisive look comes at commit."""
    parent_id = folder.at.item.id
    holder = await item_rows.child_named(unit.connection, parent_id, name_key(name))
    if announced.conflict == "replace" and announced.base_version_id is not None:
        current = etag(holder) if holder else None
        if holder is None or holder.version_id != announced.base_version_id:
            raise PreconditionFailed("The file is not at that version.", current_etag=current)
    if holder is None:
        return name
    if announced.conflict == "rename":
        return await free_name(unit.connection, parent_id, name, "file")
    if announced.conflict == "fail":
        raise await name_conflict(unit, parent_id, name, "file", holder)
    if holder.kind != "file":
        raise KindConflict("A file cannot replace a folder.", existing=described(holder))
    return name


async def _new_content(unit: Unit, principal: Principal, target: ItemId, announced: Announcement, way: _Way) -> Upload:
    """An upload to a file that is there: whoever may write to it need not see the folder that it lies in. The file is not
    locked: a commit holds the owner's row and waits for the file, and this is about to do the opposite.
    """
    found = await item_rows.locate(unit.connection, target, principal.grantee)
    file = seen(found, principal.grantee, unit.now).require(Rights.WRITE).at.item
    if file.kind != "file" or file.parent_id is None:
        raise KindConflict("Only a file can be given new content.", existing=described(file))
    if announced.base_version_id not in {None, file.version_id}:
        raise PreconditionFailed("The file is not at that version.", current_etag=etag(file))
    return _new_upload(unit, principal, file.owner_id, file.parent_id, announced, file.name, way)


def _new_upload(
    unit: Unit,
    principal: Principal,
    owner_id: UserId,
    parent_id: ItemId,
    announced: Announcement,
    name: str,
    way: _Way,
) -> Upload:
    blob_id = BlobId(new_id())
    upload_id = UploadId(new_id())
    life = STATES["created"].deadline or timedelta()
    return Upload(
        id=upload_id,
        owner_id=owner_id,
        uploader_id=principal.user_id,
        parent_id=parent_id,
        name=name,
        conflict="replace" if announced.target else announced.conflict,
        size_bytes=announced.size_bytes,
        blob_id=blob_id,
        blob_key=blob_key(owner_id, blob_id),
        state="created",
        revision=1,
        created_at=unit.now,
        changed_at=unit.now,
        deadline_at=unit.now + life,
        actor_kind=unit.origin.actor_kind,
        correlation_id=unit.origin.correlation_id,
        traceparent=unit.origin.traceparent,
        landing_key=incoming_key(upload_id) if way.strategy == "post_form" else None,
        target_id=announced.target,
        base_version_id=announced.base_version_id,
        claimed_mime_type=announced.mime_type,
        modified_at=announced.modified_at,
        strategy=way.strategy,
        part_bytes=way.part_bytes,
        parts_hashed=way.parts_hashed,
        content_hash=way.content_hash,
        checksum_sha256=way.checksum_sha256,
        steps=(Step("created", unit.now),),
    )


async def _over_quota(unit: Unit, principal: Principal, owner_id: UserId, needed: int) -> Problem:
    """How full a drive is, is its owner's to know."""
    if principal.user_id != owner_id:
        return QuotaExceeded("There is not enough room left in its owner's drive.", needed=needed)
    drive = await drive_of(unit.connection, owner_id)
    used, limit = (drive.used_bytes + drive.reserved_bytes, drive.quota_bytes) if drive else (0, 0)
    return QuotaExceeded("There is not enough room left.", used=used, limit=limit, needed=needed)


def sign_put(deps: Deps, upload: Upload) -> SignedRequest | None:
    """The request that sends the bytes of an open upload; None once they are there or it has ended. It binds length, type,
    checksum where one was announced, and that nothing lies under the key yet; it never outlives the upload.
    """
    if upload.state != "created" or upload.strategy != "single" or upload.deadline_at is None:
        return None
    left = int((upload.deadline_at - deps.work.clock.now()).total_seconds())
    if left < 1:
        return None
    return deps.blobs.presign_put(
        upload.blob_key,
        length=upload.size_bytes,
        content_type=upload.claimed_mime_type or "application/octet-stream",
        sha256_hex=upload.checksum_sha256,
        expires_seconds=min(left, deps.settings.put_url_seconds),
    )
