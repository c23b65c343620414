"""From checked bytes to a file that everyone can see: the second and decisive look at rights, folder, quota and name.

Runs inside the transaction that recorded the verdict, or the one of the person who resolves a conflict.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from coffer_chassis.access import Rights
from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files import ItemCommittedV1
from coffer_contracts.ids import BlobId, ItemId, VersionId
from coffer_files.domain import uploads as rules
from coffer_files.domain.items import ChangeReason, Item, Located
from coffer_files.domain.locks import Lock, covering, in_the_way
from coffer_files.domain.names import MAX_DEPTH, name_key
from coffer_files.domain.upload_states import ConflictReason
from coffer_files.domain.uploads import Upload, Verdict
from coffer_files.handlers.deps import on_behalf_of
from coffer_files.handlers.facts import content_fact, item_fact
from coffer_files.handlers.keeping import kept_out
from coffer_files.handlers.naming import free_name
from coffer_files.handlers.room import put_into, taken
from coffer_files.handlers.sight import collects, rights_at
from coffer_files.store import items as rows
from coffer_files.store.changes import note_change
from coffer_files.store.drives import Drive
from coffer_files.store.versions import Version, insert_version

RACES = 5


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why checked bytes cannot become the file that was asked for."""

    reason: ConflictReason
    detail: str
    suggested_name: str | None = None
    existing: Item | None = None
    lock: Lock | None = None


async def commit_upload(unit: Unit, drive: Drive, upload: Upload) -> Upload:
    """Commit an upload that is cleared, or let it wait in conflict. The drive is locked. What is returned is not yet
    written to the upload's row.
    """
    placed = await place_upload(unit, drive, upload)
    if isinstance(placed, Obstacle):
        return rules.contest(upload, placed.reason, placed.detail, placed.suggested_name, unit.now)
    return placed


async def place_upload(
    unit: Unit, drive: Drive, upload: Upload, *, decides: str | None = None, source: Version | None = None
) -> Upload | Obstacle:
    """Make the file, or the version of one; the upload as committed, or what is in the way, with nothing written.

    `decides` is whose rights count, as grants name them: the uploader's, unless somebody else resolves a conflict. `source` is
    the content whose object is shared, with all that is known of it; that object is held, so nobody deletes it meanwhile.
    """
    decides = decides or upload.grantee
    if upload.verdict is None or upload.etag is None:
        raise LookupError(f"upload {upload.id} is {upload.state} without a verdict")
    file = _file(upload, upload.verdict, VersionId(new_id()), unit.now)
    if source is not None:
        file = file._replace(preview_status=source.preview_status, preview_reason=source.preview_reason)
    if upload.target_id is not None:
        placed = await _onto_file(unit, drive, upload, upload.target_id, file, decides)
    else:
        placed = await _into_folder(unit, drive, upload, file, decides)
    if isinstance(placed, Obstacle):
        return placed
    await _write_version(unit, drive, upload, placed, source)
    stored = (upload.blob_id, upload.blob_key, upload.etag)
    await _tell(unit, drive, upload, placed, (source.blob_id, source.blob_key, source.etag) if source else stored)
    # Under which name it came to lie tells whoever sees nothing of the folder what else lies there.
    name = upload.name if placed.unseen else placed.item.name
    return rules.commit(upload, placed.item.id, VersionId(str(file.version_id)), name, unit.now)


@dataclass(frozen=True, slots=True)
class _Placed:
    """The item that now holds the content, as it was before unless it is new, and the folders above it."""

    item: Item
    before: Item | None
    above: tuple[ItemId, ...]
    unseen: bool = False
    """Whoever put it there sees nothing of the folder."""


async def _tell(unit: Unit, drive: Drive, upload: Upload, placed: _Placed, stored: tuple[BlobId, str, str]) -> None:
    item, before = placed.item, placed.before
    previous: dict[str, Any] = {}
    if before is not None:
        previous = {"previous_version_id": before.version_id, "previous_size_bytes": before.size_bytes}
    with on_behalf_of(unit, upload):
        reason: ChangeReason = "content" if before else "created"
        await note_change(unit.connection, item, reason, placed.above, actor_id=unit.origin.actor_id, now=unit.now)
        blob_id, blob_key, etag = stored
        content = content_fact(item, blob_id=blob_id, blob_key=blob_key, etag=etag)
        more = {"upload_id": upload.id, "is_new": before is None, "locate": drive.keep_locations or None, **previous}
        more["uploader_name"] = upload.uploader_name
        unit.emit(item_fact(ItemCommittedV1, item, placed.above, content, **more), sequence=item.revision)


def _refused(unit: Unit, drive: Drive, upload: Upload, place: Located, decides: str) -> Obstacle | None:
    """What is in the way whatever the name is."""
    unseen = collects(place, decides, unit.now)
    if not unseen and Rights.WRITE not in rights_at(place, decides, unit.now):
        return Obstacle("rights_lost", "The uploader may no longer write there.")
    lock = in_the_way(covering(place.locks, place.item.id, place.ancestor_ids, unit.now), decides)
    if lock is not None:
        return Obstacle("locked", _TAKEN["locked"], lock=None if unseen else lock)
    if not drive.has_room(upload.size_bytes, reserved=True):
        return Obstacle("quota_exceeded", "The drive is full.")
    return None


async def _onto_file(
    unit: Unit, drive: Drive, upload: Upload, target_id: ItemId, file: Item, decides: str
) -> _Placed | Obstacle:
    """New content for a file that is there, wherever it lies and whatever it is called by now."""
    found = await rows.lock(unit.connection, target_id, decides)
    if found is None or not found.is_live or found.item.owner_id != upload.owner_id:
        return Obstacle("parent_gone", "The file is gone.")
    if obstacle := _refused(unit, drive, upload, found, decides):
        return obstacle
    if upload.base_version_id not in {None, found.item.version_id}:
        return Obstacle("base_version_changed", _TAKEN["base_version_changed"], None, found.item)
    after = await rows.update_item(unit.connection, found.item, **_content_of(file))
    return _Placed(after, found.item, found.ancestor_ids)


async def _into_folder(unit: Unit, drive: Drive, upload: Upload, file: Item, decides: str) -> _Placed | Obstacle:
    parent = await rows.hold(unit.connection, upload.parent_id, decides)
    if parent is None or not parent.is_live or parent.item.kind != "folder":
        return Obstacle("parent_gone", "The folder is gone.")
    if parent.item.owner_id != upload.owner_id:
        return Obstacle("parent_gone", "The folder now belongs to another drive.")
    if obstacle := _refused(unit, drive, upload, parent, decides):
        return obstacle
    if len(parent.ids_down_to_it) > MAX_DEPTH:
        return Obstacle("too_deep", f"Folders can be nested {MAX_DEPTH} levels deep.")
    if not collects(parent, decides, unit.now):
        return await _place_item(unit, parent, upload, file, decides)
    # Whatever was wished when more was allowed: who only adds takes nobody's place.
    upload = replace(upload, conflict="rename", base_version_id=None)
    placed = await _place_item(unit, parent, upload, file, decides)
    return replace(placed, unseen=True) if isinstance(placed, _Placed) else replace(placed, suggested_name=None)


async def _place_item(unit: Unit, parent: Located, upload: Upload, file: Item, decides: str) -> _Placed | Obstacle:
    """The insert itself asks whether the name is free: two who race for it cannot both be told yes."""
    connection, parent_id = unit.connection, parent.item.id
    if upload.conflict == "replace" and upload.base_version_id is not None:
        holder = await rows.child_named(connection, parent_id, name_key(file.name), locked=True)
        if holder is None or holder.version_id != upload.base_version_id:
            return await _taken(unit, parent_id, upload, holder, "base_version_changed")
    for _ in range(RACES):
        if await rows.insert_item(connection, file, name_key(file.name)):
            return _Placed(file, None, parent.ids_down_to_it)
        holder = await rows.child_named(connection, parent_id, name_key(file.name), locked=True)
        if holder is None:
            continue  # whoever held the name has just let go of it
        if upload.conflict == "rename":
            file = file._replace(name=await free_name(connection, parent_id, upload.name, "file"))
            continue
        if upload.conflict == "fail":
            return await _taken(unit, parent_id, upload, holder, "name_taken")
        if holder.kind != "file":
            return await _taken(unit, parent_id, upload, holder, "kind_conflict")
        if (lock := await kept_out(unit, holder.id, parent.ids_down_to_it, decides)) is not None:
            return replace(await _taken(unit, parent_id, upload, holder, "locked"), lock=lock)
        after = await rows.update_item(connection, holder, **_content_of(file))
        return _Placed(after, holder, parent.ids_down_to_it)
    return await _taken(unit, parent_id, upload, None, "name_taken")


async def _taken(unit: Unit, parent_id: ItemId, upload: Upload, holder: Item | None, reason: ConflictReason) -> Obstacle:
    suggested = await free_name(unit.connection, parent_id, upload.name, "file")
    return Obstacle(reason, _TAKEN[reason], suggested, holder)


_TAKEN: dict[ConflictReason, str] = {
    "name_taken": "The folder already holds this name.",
    "kind_conflict": "A file cannot replace a folder.",
    "base_version_changed": "The file has changed since the upload began.",
    "locked": "Somebody keeps others from changing it for the time being.",
}


def _content_of(file: Item) -> dict[str, Any]:
    return {name: getattr(file, name) for name in _CONTENT_FIELDS}


_CONTENT_FIELDS = (
    "version_id", "size_bytes", "mime_type", "media_kind", "flags", "content_hash", "preview_status",
    "preview_reason", "modified_at", "changed_at",
)  # fmt: skip
"""What a new version changes about a file."""


def _file(upload: Upload, verdict: Verdict, version_id: VersionId, now: datetime) -> Item:
    """The file as it will stand if it is a new one."""
    return Item(
        id=ItemId(new_id()),
        owner_id=upload.owner_id,
        parent_id=upload.parent_id,
        kind="file",
        name=upload.name,
        revision=1,
        version_id=version_id,
        size_bytes=upload.size_bytes,
        mime_type=verdict.mime_type,
        media_kind=verdict.media_kind,
        flags=list(verdict.flags),
        content_hash=upload.content_hash,
        preview_status="pending" if verdict.previewable else "none",
        preview_reason=None,
        created_by=upload.uploader_id,
        created_at=now,
        modified_at=upload.modified_at or upload.created_at,
        changed_at=now,
        trashed_at=None,
    )


async def _write_version(unit: Unit, drive: Drive, upload: Upload, placed: _Placed, source: Version | None) -> None:
    """What the upload had reserved is used from now on."""
    item, verdict = placed.item, upload.verdict
    if verdict is None:
        raise LookupError(f"upload {upload.id} is {upload.state} without a verdict")
    blob: dict[str, Any] = {
        "id": upload.blob_id,
        "owner_id": upload.owner_id,
        "key": upload.blob_key,
        "etag": upload.etag,
        "size_bytes": upload.size_bytes,
        "created_at": unit.now,
        "content_hash": upload.content_hash,
    }
    version: dict[str, Any] = {
        "id": item.version_id,
        "item_id": item.id,
        "blob_id": source.blob_id if source else upload.blob_id,
        "upload_id": upload.id,
        "size_bytes": upload.size_bytes,
        "mime_type": verdict.mime_type,
        "media_kind": verdict.media_kind,
        "flags": list(verdict.flags),
        "content_hash": upload.content_hash,
        "width": verdict.width,
        "height": verdict.height,
        "created_by": upload.uploader_id,
        "created_at": unit.now,
        "modified_at": item.modified_at,
        "preview_status": item.preview_status,
    }
    if source is not None:
        version |= {name: getattr(source, name) for name in _KNOWN_OF_PREVIEWS}
    counted = taken(unit, drive, put_into(placed.item, placed.before)).columns
    if upload.rule.reserves_quota:
        counted = {**counted, "reserved_bytes": -upload.size_bytes}
    await insert_version(
        unit.connection,
        version,
        None if source else blob,
        owner_id=drive.owner_id,
        replaces=placed.before.version_id if placed.before else None,
        counted=counted,
    )


_KNOWN_OF_PREVIEWS = ("preview_reason", "preview_images", "placeholder", "preview_at", "preview_started_at")
"""What is known of the previews of an object goes with every content that shares it."""
