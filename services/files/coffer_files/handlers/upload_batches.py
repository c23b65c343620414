"""Many small files announced at once, each with a result of its own: one that is refused does not keep the others out.

Folders on the way are made where they are missing, one statement for every level of them; the drive is locked once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from coffer_chassis.idempotency import Claim, once
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.problems import document
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import BlobId, ItemId, UploadId
from coffer_contracts.problems import Forbidden, NotFound, Problem, QuotaExceeded
from coffer_files.domain.content import blob_key
from coffer_files.domain.upload_batches import BatchFile, accepted, fitting
from coffer_files.domain.upload_states import STATES, Step
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.drives import drive_owner, ensure_drive
from coffer_files.handlers.folder_paths import Folder, ensure_folders
from coffer_files.handlers.free_places import Place, names_for
from coffer_files.handlers.items import ROOT
from coffer_files.handlers.sight import Seen
from coffer_files.handlers.visitors import (
    Sender,
    beside_others,
    hold_target,
    only_adds,
    require_link,
    room_through,
    sender_of,
    too_many,
)
from coffer_files.store import uploads as rows
from coffer_files.store.drives import Drive, lock_drive, reserve
from coffer_files.store.reuse import owner_of
from coffer_files.store.upload_batches import uploads_by_id


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file or upload: how it stands, or the refusal."""

    status: int
    ref: str | None = None
    upload: Upload | None = None
    problem: Mapping[str, Any] | None = None


async def start_uploads(
    deps: Deps,
    principal: Principal,
    origin: Origin,
    claim: Claim | None,
    parent: str,
    files: Sequence[BatchFile],
    *,
    problem_base: str,
    uploader_name: str | None = None,
) -> tuple[list[Result], bool]:
    """Open an upload for each of the files that can be sent; the results in their order, and whether this is a replay.

    Raises NotFound, Forbidden, KindConflict for the folder that all of them go into; then nothing was done.
    """
    sender = sender_of(principal, uploader_name)

    async def run(unit: Unit) -> dict[str, Any]:
        more = await room_through(unit, deps, principal, len(files))
        drive = await _drive_of(unit, deps, principal, parent)
        folder = await hold_target(unit, deps, principal, parent)
        if folder.at.item.owner_id != drive.owner_id:
            raise NotFound
        into = _Into(principal, sender, drive, folder)
        opened = await _open(unit, deps, into, _as_many(deps, [_accepted(file, folder, deps) for file in files], more))
        return {"results": [_noted(file, one, problem_base) for file, one in zip(files, opened, strict=True)]}

    noted, replayed = await once(deps.work, origin, claim, run)
    async with deps.work.read() as connection:
        if replayed:
            await require_link(connection, deps, principal)
        known = await uploads_by_id(connection, [one["upload"] for one in noted["results"] if "upload" in one])
    results = [
        Result(one["status"], one["ref"], known.get(one["upload"]) if "upload" in one else None, one.get("problem"))
        for one in noted["results"]
    ]
    return results, replayed


@dataclass(frozen=True, slots=True)
class _Into:
    """Where a batch goes, and who sends it."""

    principal: Principal
    sender: Sender
    drive: Drive
    folder: Seen


def _noted(file: BatchFile, one: Upload | Problem, problem_base: str) -> dict[str, Any]:
    if isinstance(one, Problem):
        return {"ref": file.ref, "status": one.status, "problem": document(one, base=problem_base)}
    return {"ref": file.ref, "status": 201, "upload": one.id}


async def _drive_of(unit: Unit, deps: Deps, principal: Principal, parent: str) -> Drive:
    """The drive that the folder lies in, locked. Whether the caller may write there is looked at later."""
    owner_id = drive_owner(principal) if parent == ROOT else await owner_of(unit.connection, ItemId(parent))
    drive = await lock_drive(unit.connection, owner_id) if owner_id else None
    if drive is None and parent == ROOT:
        await ensure_drive(unit, principal.user_id, deps)
        drive = await lock_drive(unit.connection, principal.user_id)
    if drive is None:
        raise NotFound
    return drive


def _as_many(deps: Deps, files: Sequence[BatchFile | Problem], more: int) -> list[BatchFile | Problem]:
    """The same, where no more may begin through a link with the refusal of each."""
    taken: list[BatchFile | Problem] = []
    for file in files:
        taken.append(file if isinstance(file, Problem) or more > 0 else too_many(deps))
        more -= isinstance(file, BatchFile)
    return taken


async def _open(unit: Unit, deps: Deps, into: _Into, looked_at: Sequence[BatchFile | Problem]) -> list[Upload | Problem]:
    """One upload or refusal for each of the files. Nothing is made for those that are refused by themselves or have no room."""
    drive = into.drive
    outcome: dict[int, Upload | Problem] = {number: one for number, one in enumerate(looked_at) if isinstance(one, Problem)}
    waiting = {number: one for number, one in enumerate(looked_at) if isinstance(one, BatchFile)}
    room = drive.free_bytes
    used: set[Place] = set()
    opened: list[Upload] = []
    while waiting:
        fits = dict(zip(waiting, fitting([*waiting.values()], room), strict=True))
        wanted = {number: file for number, file in waiting.items() if fits[number]}
        waiting = {number: file for number, file in waiting.items() if not fits[number]}
        some = await _open_some(unit, into, wanted, used)
        outcome |= some
        new = [one for one in some.values() if isinstance(one, Upload)]
        opened += new
        room -= sum(upload.size_bytes for upload in new)
        if len(new) == len(some):
            break  # what was refused for another reason leaves its room to those that had none
    outcome |= {number: _no_room(into.principal, drive, file) for number, file in waiting.items()}
    grace = timedelta(seconds=deps.settings.sweep_grace_seconds)
    await rows.insert_uploads(unit.connection, opened, check_at=unit.now + grace)
    total = sum(upload.size_bytes for upload in opened)
    if total and not await reserve(unit.connection, drive.owner_id, total):
        raise LookupError(f"drive {drive.owner_id} has no room left although it is locked")
    return [outcome[number] for number in range(len(looked_at))]


async def _open_some(unit: Unit, batch: _Into, files: Mapping[int, BatchFile], used: set[Place]) -> dict[int, Upload | Problem]:
    """One upload, not yet written, or refusal for each of the files, for which there is room."""
    outcome: dict[int, Upload | Problem] = {}
    folders = await ensure_folders(unit, batch.principal, batch.folder.at, files.values())
    placed: dict[int, tuple[BatchFile, Folder]] = {}
    for number, file in files.items():
        into = folders[file.place]
        if isinstance(into, Problem):
            outcome[number] = into
        else:
            placed[number] = (file, into)
    if only_adds(batch.folder):
        return outcome | {number: _upload(unit, batch, into, file) for number, (file, into) in placed.items()}
    named = await names_for(unit.connection, placed, used)
    for number, (file, into) in placed.items():
        name = named[number]
        outcome[number] = name if isinstance(name, Problem) else _upload(unit, batch, into, replace(file, name=name))
    return outcome


def _accepted(file: BatchFile, folder: Seen, deps: Deps) -> BatchFile | Problem:
    try:
        if only_adds(folder):
            if file.folder:
                raise Forbidden("This link takes files and no folders.")
            file = replace(file, conflict=beside_others(file.conflict))
        return accepted(file, above=len(folder.at.ids_down_to_it), longest=deps.settings.single_put_max_bytes)
    except Problem as refusal:
        return refusal


def _no_room(principal: Principal, drive: Drive, file: BatchFile) -> Problem:
    """How full a drive is, is its owner's to know."""
    if principal.user_id != drive.owner_id:
        return QuotaExceeded("There is not enough room left in its owner's drive.", needed=file.size_bytes)
    used = drive.used_bytes + drive.reserved_bytes
    return QuotaExceeded("There is not enough room left.", used=used, limit=drive.quota_bytes, needed=file.size_bytes)


def _upload(unit: Unit, batch: _Into, into: Folder, file: BatchFile) -> Upload:
    blob_id = BlobId(new_id())
    owner_id = batch.drive.owner_id
    hashed, checksum = file.hashes
    life = STATES["created"].deadline or timedelta()
    return Upload(
        id=UploadId(new_id()),
        owner_id=owner_id,
        uploader_id=batch.principal.user_id,
        parent_id=into.id,
        name=file.name,
        conflict=file.conflict,
        size_bytes=file.size_bytes,
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
        session_id=batch.sender.session_id,
        uploader_name=batch.sender.name,
        claimed_mime_type=file.mime_type,
        modified_at=file.modified_at,
        content_hash=hashed,
        checksum_sha256=checksum,
        steps=(Step("created", unit.now),),
    )
