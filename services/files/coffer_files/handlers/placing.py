"""Copies become items: a page of them at once, in one unit, with everything that follows from it.

The drive that they come to is locked, and the folders that they go into are held; rights were asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files import ConflictPolicy, ItemCommittedV1, ItemCreatedV1
from coffer_contracts.ids import BlobId, ItemId, UserId, VersionId
from coffer_contracts.problems import KindConflict, StateConflict
from coffer_files.domain.copying import Source, Stored, copy_of
from coffer_files.domain.items import Item, Located
from coffer_files.domain.names import name_key
from coffer_files.domain.usage import Booking, total
from coffer_files.handlers.facts import content_fact, item_fact
from coffer_files.handlers.keeping import kept_out
from coffer_files.handlers.naming import described, free_name, name_conflict
from coffer_files.handlers.room import put_into, require_room, taken
from coffer_files.handlers.sight import locked
from coffer_files.store import copying as rows
from coffer_files.store import items as tree
from coffer_files.store.drives import Drive, book

RACES = 5

_CONTENT_FIELDS = (
    "version_id", "size_bytes", "mime_type", "media_kind", "flags", "content_hash", "preview_status",
    "preview_reason", "modified_at", "changed_at",
)  # fmt: skip
"""What a new version changes about a file."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of one source: the item that is its copy, and how that was before unless it is new. A folder that was there
    stays as it is.
    """

    source: Source
    item: Item
    before: Item | None = None


@dataclass(frozen=True, slots=True)
class Placing:
    """The sources of one page, with the objects that the copies of files refer to and the folders that they go into."""

    asked_by: UserId
    conflict: ConflictPolicy
    folders: Mapping[ItemId, Located]
    objects: Mapping[ItemId, Stored] = field(default_factory=dict)
    """By the id of the source. Files that are not here are gone."""


async def place(unit: Unit, drive: Drive, sources: Sequence[Source], how: Placing) -> list[Placed]:
    """Make the copies, or new versions of what has their names. Sources whose content is gone are left out.

    Raises QuotaExceeded, NameConflict, KindConflict, StateConflict.
    """
    sources = await _with_objects(unit, drive, sources, how)
    size = sum(source.item.size_bytes for source in sources)
    require_room(drive, size, how.asked_by)
    wanted = [_wanted(unit, drive, source, how) for source in sources]
    known = await rows.holders(unit.connection, [one.item for one in wanted]) if how.conflict == "replace" else {}
    fresh = [one.item for one in wanted if (one.item.parent_id, name_key(one.item.name)) not in known]
    made = await rows.insert_items(unit.connection, fresh)
    placed = [one if one.item.id in made else await _onto(unit, one, how, known) for one in wanted]
    await _write_contents(unit, drive, placed, how)
    await _tell(unit, drive, placed, how)
    return placed


async def _with_objects(unit: Unit, drive: Drive, sources: Sequence[Source], how: Placing) -> list[Source]:
    """Those that have something to refer to: objects that are shared are counted, new ones are claimed."""
    known = {source.item.id: how.objects[source.item.id] for source in sources if source.item.id in how.objects}
    shared = await rows.share_blobs(unit.connection, [one.blob_id for one in known.values() if one.is_shared])
    new = {key: one for key, one in known.items() if not one.is_shared}
    claimed = await rows.claim_objects(unit.connection, [one.blob_key for one in new.values()], unit.now) if new else set()
    if len(claimed) < len(new):
        raise TimeoutError("objects were copied too slowly to be kept")
    stored = [
        {
            "id": one.blob_id,
            "owner_id": drive.owner_id,
            "key": one.blob_key,
            "etag": one.etag,
            "size_bytes": source.item.size_bytes,
            "created_at": unit.now,
        }
        for source in sources
        if (one := new.get(source.item.id))
    ]
    await rows.insert_blobs(unit.connection, stored)
    gone = {item_id for item_id, one in known.items() if one.is_shared and one.blob_id not in shared}
    return [source for source in sources if source.item.kind == "folder" or source.item.id in known.keys() - gone]


def _wanted(unit: Unit, drive: Drive, source: Source, how: Placing) -> Placed:
    version_id = VersionId(new_id()) if source.item.kind == "file" else None
    item = copy_of(
        source,
        item_id=ItemId(new_id()),
        version_id=version_id,
        owner_id=drive.owner_id,
        asked_by=how.asked_by,
        now=unit.now,
    )
    return Placed(source, item)


async def _onto(unit: Unit, wanted: Placed, how: Placing, known: Mapping[Any, Item]) -> Placed:
    """The name is taken: what the policy says. The insert itself asks again, and two who race cannot both be told yes."""
    item, parent_id = wanted.item, wanted.source.into
    holder = known.get((parent_id, name_key(item.name)))
    for _ in range(RACES):
        if holder is None and item.id in await rows.insert_items(unit.connection, [item]):
            return Placed(wanted.source, item)
        holder = holder or await tree.child_named(unit.connection, parent_id, name_key(item.name), locked=True)
        if holder is None:
            continue  # whoever held the name has just let go of it
        if how.conflict == "fail":
            raise await name_conflict(unit, parent_id, item.name, item.kind, holder)
        if how.conflict == "replace":
            return await _replaced(unit, wanted, holder, how)
        item = item._replace(name=await free_name(unit.connection, parent_id, wanted.item.name, item.kind))
        holder = None
    raise StateConflict("Others keep taking the name.")


async def _replaced(unit: Unit, wanted: Placed, holder: Item, how: Placing) -> Placed:
    if holder.kind != wanted.item.kind:
        raise KindConflict(f"{holder.name!r} is there as a {holder.kind}.", existing=described(holder))
    if holder.id == wanted.source.item.id:
        raise StateConflict("Nothing is replaced by a copy of itself.")
    if holder.kind == "folder":
        return Placed(wanted.source, holder, holder)
    above = how.folders[wanted.source.into].ids_down_to_it
    if (lock := await kept_out(unit, holder.id, above, f"user/{how.asked_by}")) is not None:
        raise locked(lock)
    changes = {name: getattr(wanted.item, name) for name in _CONTENT_FIELDS}
    return Placed(wanted.source, await tree.update_item(unit.connection, holder, **changes), holder)


async def _write_contents(unit: Unit, drive: Drive, placed: Sequence[Placed], how: Placing) -> None:
    written: list[dict[str, Any]] = []
    counted: list[Booking] = []
    replaced: list[VersionId] = []
    for one in placed:
        item, content = one.item, one.source.content
        if item.kind == "folder" or content is None:
            continue
        counted.append(put_into(item, one.before))
        replaced += [one.before.version_id] if one.before and one.before.version_id else []
        stored = how.objects[one.source.item.id]
        pictures: dict[str, Any] = {"preview_images": [], "placeholder": None, "preview_at": None}
        if stored.is_shared:
            pictures = {name: getattr(content, name) for name in pictures}
        written.append(
            {
                "id": item.version_id,
                "item_id": item.id,
                "blob_id": stored.blob_id,
                "upload_id": content.upload_id,
                "size_bytes": item.size_bytes,
                "mime_type": item.mime_type,
                "media_kind": item.media_kind,
                "flags": list(item.flags),
                "content_hash": item.content_hash,
                "width": content.width,
                "height": content.height,
                "created_by": how.asked_by,
                "created_at": unit.now,
                "modified_at": item.modified_at,
                "preview_status": item.preview_status,
                "preview_reason": item.preview_reason,
                **pictures,
            }
        )
    await rows.insert_versions(unit.connection, written, replaced)
    await book(unit.connection, drive.owner_id, taken(unit, drive, total(counted)))


async def _tell(unit: Unit, drive: Drive, placed: Sequence[Placed], how: Placing) -> None:
    told: list[Any] = []
    for one in placed:
        item, before = one.item, one.before
        above = how.folders[one.source.into].ids_down_to_it
        if item.kind == "folder":
            if before is None:
                told.append((item, "created", above))
                unit.emit(item_fact(ItemCreatedV1, item, above, None), sequence=item.revision)
            continue
        told.append((item, "content" if before else "created", above))
        stored = how.objects[one.source.item.id]
        content = content_fact(item, blob_id=BlobId(stored.blob_id), blob_key=stored.blob_key, etag=stored.etag)
        previous: dict[str, Any] = {}
        if before is not None:
            previous = {"previous_version_id": before.version_id, "previous_size_bytes": before.size_bytes}
        more = {"is_new": before is None, "locate": drive.keep_locations or None, **previous}
        fact = item_fact(ItemCommittedV1, item, above, content, **more)
        unit.emit(fact, sequence=item.revision)
    await rows.note_changes(unit.connection, told, actor_id=unit.origin.actor_id, now=unit.now)
