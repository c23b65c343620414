"""What people do with the versions of a file: look, label, keep, bring one back, delete one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coffer_chassis.access import Rights
from coffer_chassis.etags import Conditions
from coffer_chassis.idempotency import Claim, once
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files import ItemCommittedV1, VersionDeletedV1
from coffer_contracts.ids import ItemId, UserId, VersionId
from coffer_contracts.problems import Forbidden, KindConflict, NotFound, StateConflict
from coffer_files.domain.items import Item, Located
from coffer_files.domain.usage import total
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.facts import content_fact, item_fact
from coffer_files.handlers.items import find_item
from coffer_files.handlers.naming import guard
from coffer_files.handlers.room import put_into, require_room, taken
from coffer_files.handlers.sight import Seen, seen
from coffer_files.store import items as rows
from coffer_files.store.changes import note_change
from coffer_files.store.drives import Drive, book, lock_drive
from coffer_files.store.histories import mark_version, versions_of
from coffer_files.store.versions import Gone, Version, doom_unused, insert_version, release_versions, version

Place = tuple[datetime, VersionId]


@dataclass(frozen=True, slots=True)
class VersionPage:
    """Part of a file's versions, newest first. `after` is where the next page begins, None at the end."""

    versions: list[Version]
    after: Place | None


async def list_versions(
    deps: Deps, principal: Principal, origin: Origin, item_id: ItemId, *, limit: int, after: Place | None
) -> VersionPage:
    """A page of a file's versions, for everybody who may read it. Raises NotFound, KindConflict for a folder."""
    await _file(deps, principal, origin, item_id)
    async with deps.work.read() as connection:
        page = await versions_of(connection, item_id, limit + 1, after)
    last = page[limit - 1] if len(page) > limit else None
    return VersionPage(page[:limit], (last.created_at, last.id) if last else None)


async def find_version(deps: Deps, principal: Principal, origin: Origin, item_id: ItemId, version_id: VersionId) -> Version:
    """One version of a file, for everybody who may read it. Raises NotFound, KindConflict for a folder."""
    await _file(deps, principal, origin, item_id)
    async with deps.work.read() as connection:
        found = await version(connection, version_id)
    return _of(item_id, found)


async def change_version(
    deps: Deps, principal: Principal, origin: Origin, item_id: ItemId, version_id: VersionId, marks: dict[str, Any]
) -> Version:
    """Give a version another `label` (None for none) or `keep_forever`. May run twice. Raises NotFound, Forbidden,
    KindConflict.
    """
    async with deps.work.unit(origin) as unit:
        found = await rows.locate(unit.connection, item_id, principal.grantee)
        _file_of(seen(found, principal.grantee, unit.now).require(Rights.WRITE))
        if marks and not await mark_version(unit.connection, item_id, version_id, **marks):
            raise NotFound
        return _of(item_id, await version(unit.connection, version_id))


async def restore_version(
    deps: Deps,
    principal: Principal,
    origin: Origin,
    claim: Claim | None,
    item_id: ItemId,
    version_id: VersionId,
    conditions: Conditions,
) -> tuple[Seen, bool]:
    """Put an older version on top as a new one, which shares its stored object; and whether this is a replay. The current
    version is there already, so bringing that back changes nothing.

    Raises NotFound, Forbidden, KindConflict, PreconditionFailed, QuotaExceeded.
    """
    restored: Seen | None = None

    async def run(unit: Unit) -> dict[str, Any]:
        nonlocal restored
        drive, at = await _locked(unit, principal, item_id)
        at.require(Rights.WRITE)
        item = _file_of(at)
        guard(conditions, item)
        wanted = _of(item_id, await version(unit.connection, version_id))
        if wanted.id != item.version_id:
            require_room(drive, wanted.size_bytes, principal.user_id)
            item = await _on_top(unit, drive, at, wanted, principal.user_id)
        restored = seen(at.at._replace(item=item), principal.grantee, unit.now)
        return {"item_id": item.id}

    _, replayed = await once(deps.work, origin, claim, run)
    if restored is None:
        restored = await find_item(deps, principal, origin, item_id, in_trash=True)
    return restored, replayed


async def _on_top(unit: Unit, drive: Drive, at: Seen, wanted: Version, user_id: UserId) -> Item:
    before = at.at.item
    content = {name: getattr(wanted, name) for name in _CONTENT}
    new = VersionId(new_id())
    changes = {**content, "version_id": new, "modified_at": wanted.modified_at, "changed_at": unit.now}
    after = await rows.update_item(unit.connection, before, **changes)
    row = {
        **content,
        **{name: getattr(wanted, name) for name in _SEEN_IN_IT},
        "id": new,
        "item_id": after.id,
        "created_by": user_id,
        "created_at": unit.now,
    }
    counted = taken(unit, drive, put_into(after, before)).columns
    await insert_version(unit.connection, row, None, owner_id=drive.owner_id, replaces=before.version_id, counted=counted)
    above = at.at.ancestor_ids
    await note_change(unit.connection, after, "content", above, actor_id=unit.origin.actor_id, now=unit.now)
    fact = content_fact(after, blob_id=wanted.blob_id, blob_key=wanted.blob_key, etag=wanted.etag)
    previous = {"previous_version_id": before.version_id, "previous_size_bytes": before.size_bytes}
    more = {"is_new": False, "locate": drive.keep_locations or None, **previous}
    unit.emit(item_fact(ItemCommittedV1, after, above, fact, **more), sequence=after.revision)
    return after


_CONTENT = ("size_bytes", "mime_type", "media_kind", "flags", "content_hash", "preview_status", "preview_reason")
"""What stands of a version with its file, too."""

_SEEN_IN_IT = (
    "blob_id", "upload_id", "width", "height", "modified_at", "preview_images", "placeholder", "preview_at",
    "preview_started_at",
)  # fmt: skip


async def delete_version(deps: Deps, principal: Principal, origin: Origin, item_id: ItemId, version_id: VersionId) -> None:
    """Delete an older version for good, also one that is to be kept. Its object goes when no other version shares it.

    Raises NotFound, also the second time, Forbidden to all but the owner, KindConflict, StateConflict for the current version.
    """
    async with deps.work.unit(origin) as unit:
        drive, at = await _locked(unit, principal, item_id)
        item = _file_of(at)
        if at.rights != Rights.OWN:
            raise Forbidden("Only the owner of a drive removes things for good.")
        if item.version_id == version_id:
            raise StateConflict("The current version goes with its file only.")
        _of(item_id, await version(unit.connection, version_id))
        gone = await release_versions(unit.connection, [version_id], kept=True)
        await forget_versions(unit, drive, at.at, gone, reason="deleted")


async def forget_versions(unit: Unit, drive: Drive, at: Located, gone: list[Gone], *, reason: str) -> None:
    """What follows from versions that were deleted: counters, objects, facts. The drive is locked."""
    unused: dict[str, Gone] = {one.blob_id: one for one in gone if one.is_unused}
    await doom_unused(unit.connection, unused.values(), reason=reason, now=unit.now)
    await book(unit.connection, drive.owner_id, total(one.booking for one in gone))
    for one in gone:
        # Told by one version of those that shared it.
        is_told = unused.get(one.blob_id) is one
        fact = VersionDeletedV1(
            version_id=one.id,
            item_id=one.item_id,
            owner_id=drive.owner_id,
            ancestor_ids=at.ancestor_ids,
            blob_id=one.blob_id,
            size_bytes=one.size_bytes,
            reason=reason,
            blob_ids=(one.blob_id,) if is_told else (),
            deleted_at=unit.now,
            item_name=at.item.name,
        )
        unit.emit(fact, sequence=1)


async def _locked(unit: Unit, principal: Principal, item_id: ItemId) -> tuple[Drive, Seen]:
    """A living file with its drive, both locked in the order that all keep to. Raises NotFound."""
    found = seen(await rows.locate(unit.connection, item_id, principal.grantee), principal.grantee, unit.now)
    drive = await lock_drive(unit.connection, found.at.item.owner_id)
    at = seen(await rows.lock(unit.connection, item_id, principal.grantee), principal.grantee, unit.now)
    if drive is None or drive.owner_id != at.at.item.owner_id:
        raise NotFound
    return drive, at


async def _file(deps: Deps, principal: Principal, origin: Origin, item_id: ItemId) -> Item:
    return _file_of(await find_item(deps, principal, origin, item_id, in_trash=True))


def _file_of(at: Seen) -> Item:
    if at.at.item.kind != "file":
        raise KindConflict("A folder has no versions.")
    return at.at.item


def _of(item_id: ItemId, found: Version | None) -> Version:
    if found is None or found.item_id != item_id:
        raise NotFound
    return found
