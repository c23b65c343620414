"""How items look on the wire. Listings make these by the hundred, so nothing here does more than it must."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

import msgspec
from litestar import MediaType, Response

from coffer_chassis.access import Rights
from coffer_chassis.answers import PermissionsAnswer, Timestamp, permissions_answer, timestamp
from coffer_chassis.etags import Conditions
from coffer_chassis.http import not_modified
from coffer_contracts.files import ItemKind, MediaKind, PreviewStatus
from coffer_contracts.ids import ItemId
from coffer_files.domain.items import UNMARKED, Item, Listed, Mark, Owner
from coffer_files.domain.locks import Lock, LockDepth, LockScope
from coffer_files.domain.names import NameWarning, name_warnings
from coffer_files.domain.previews import picture_for
from coffer_files.handlers.content import picture_url
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.naming import etag
from coffer_files.handlers.sight import Seen


class OwnerAnswer(msgspec.Struct, frozen=True):
    """Whose drive it is; names are null until auth has told them."""

    id: str
    username: str | None
    display_name: str | None


class PreviewAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the preview is, with the reason if it failed; the address only for those who asked with
    `include=thumbnail`, until `expires_at`.
    """

    status: PreviewStatus
    reason: str | None = None
    thumbnail_url: str | None = None
    placeholder: str | None = None
    expires_at: Timestamp | None = None


class LockAnswer(msgspec.Struct, frozen=True):
    """Somebody keeps others from changing an item, or this and everything below it (`depth`). `item_id` is the item that was
    locked, which may be a folder above.
    """

    id: str
    item_id: str
    holder_id: str
    scope: LockScope
    depth: LockDepth
    owner_info: str | None
    expires_at: Timestamp


class ItemAnswer(msgspec.Struct, frozen=True, gc=False):
    """A file or folder. `shared`: it was itself shared with others, or it reached the caller by a share. `parent_id` is null
    for the root of a drive, and where the caller may not see the folder above. `favourite` and `last_interaction_at` are the
    caller's own.
    """

    id: str
    kind: ItemKind
    name: str
    parent_id: str | None
    owner: OwnerAnswer
    size: int | None
    mime_type: str | None
    type: MediaKind | None
    content_hash: str | None
    version_id: str | None
    etag: str
    created_at: Timestamp
    modified_at: Timestamp
    changed_at: Timestamp
    created_by: str
    permissions: PermissionsAnswer
    shared: bool
    favourite: bool
    tags: Sequence[str]
    last_interaction_at: Timestamp | None
    trashed_at: Timestamp | None
    preview: PreviewAnswer
    flags: list[str]
    portable: bool
    warnings: tuple[NameWarning, ...]
    path: str | msgspec.UnsetType = msgspec.UNSET
    lock: LockAnswer | msgspec.UnsetType = msgspec.UNSET
    """Who keeps others from changing it; only of a single item, and only while somebody does."""


class ItemPage(msgspec.Struct, frozen=True):
    """Part of a listing; `next_cursor` is null at the end and nowhere else."""

    items: list[ItemAnswer]
    next_cursor: str | None
    total: int | msgspec.UnsetType = msgspec.UNSET


def page_response(page: ItemPage, conditions: Conditions) -> Response[ItemPage] | Response[None]:
    """A page with its tag, or 304 for whoever has it. The tag is made of what the page says; the cursor, which is sealed anew
    every time, counts only as being there.

    It is a weak one of a checksum: a hash would cost as much as all else here, and of four thousand million changes of a page
    one may go unseen until the next.
    """
    items = msgspec.json.encode(page.items)
    parts = (crc32(items), len(items), -1 if page.total is msgspec.UNSET else page.total, page.next_cursor is not None)
    tag = 'W/"{:08x}-{:x}-{}-{:d}"'.format(*parts)
    if conditions.not_modified(tag):
        return not_modified(tag)
    encoded = msgspec.json.encode(_Encoded(msgspec.Raw(items), page.next_cursor, page.total))
    # Encoded once: the page goes out as it was read for the tag.
    answer: Response[Any] = Response(encoded, media_type=MediaType.JSON, headers={"ETag": tag})
    return answer


class _Encoded(msgspec.Struct, frozen=True):
    items: msgspec.Raw
    next_cursor: str | None
    total: int | msgspec.UnsetType = msgspec.UNSET


_PREVIEWS: Mapping[PreviewStatus, PreviewAnswer] = {
    "none": PreviewAnswer("none"),
    "pending": PreviewAnswer("pending"),
    "ready": PreviewAnswer("ready"),
    "failed": PreviewAnswer("failed"),
}


def owner_answer(owner: Owner) -> OwnerAnswer:
    """Whose drive it is."""
    return OwnerAnswer(owner.id, owner.username, owner.display_name)


def item_answer(
    item: Item,
    owner: OwnerAnswer,
    permissions: PermissionsAnswer,
    *,
    parent_id: ItemId | None,
    shared: bool = False,
    mark: Mark = UNMARKED,
    preview: PreviewAnswer | None = None,
    path: str | msgspec.UnsetType = msgspec.UNSET,
    lock: LockAnswer | msgspec.UnsetType = msgspec.UNSET,
) -> ItemAnswer:
    """An item as the caller may see it; `parent_id` is that of the folder above, if they may see that."""
    is_file = item.kind == "file"
    warnings = name_warnings(item.name)
    created = timestamp(item.created_at)
    return ItemAnswer(
        item.id,
        item.kind,
        item.name,
        parent_id,
        owner,
        item.size_bytes if is_file else None,
        item.mime_type,
        item.media_kind,
        item.content_hash,
        item.version_id,
        etag(item),
        created,
        timestamp(item.modified_at),
        timestamp(item.changed_at),
        item.created_by,
        permissions,
        shared,
        mark.favourite_at is not None,
        item.tags,
        timestamp(mark.touched_at) if mark.touched_at else None,
        timestamp(item.trashed_at) if item.trashed_at else None,
        preview or (PreviewAnswer("failed", item.preview_reason) if item.preview_reason else _PREVIEWS[item.preview_status]),
        item.flags,
        not warnings,
        warnings,
        path,
        lock,
    )


def listed_answer(
    child: Listed,
    folder_id: ItemId,
    owner: OwnerAnswer,
    permissions: PermissionsAnswer,
    *,
    shared: bool = False,
    preview: PreviewAnswer | None = None,
    path: str | msgspec.UnsetType = msgspec.UNSET,
) -> ItemAnswer:
    """A child in a listing: the same answer as `item_answer` gives, from a row made for it."""
    warnings = name_warnings(child.name)
    return ItemAnswer(
        child.id,
        child.kind,
        child.name,
        folder_id,
        owner,
        child.size_bytes if child.kind == "file" else None,
        child.mime_type,
        child.media_kind,
        child.content_hash,
        child.version_id,
        f'"{child.revision}"',
        child.created_at,
        child.modified_at,
        child.changed_at,
        child.created_by,
        permissions,
        shared or child.shared,
        child.favourite,
        child.tags or (),
        child.touched_at,
        None,
        preview or _PREVIEWS[child.preview_status],
        child.flags or [],
        not warnings,
        warnings,
        path,
    )


def seen_answer(seen: Seen, *, with_path: bool = False, preview: PreviewAnswer | None = None) -> ItemAnswer:
    """A single item."""
    return item_answer(
        seen.at.item,
        owner_answer(seen.at.owner),
        permissions_answer(seen.rights),
        parent_id=seen.parent_id,
        shared=seen.at.is_shared or seen.rights != Rights.OWN,
        mark=seen.at.mark,
        preview=preview,
        path=seen.path if with_path else msgspec.UNSET,
        lock=lock_answer(seen.locks[0]) if seen.locks else msgspec.UNSET,
    )


def lock_answer(lock: Lock) -> LockAnswer:
    """A lock; whoever may see the item may see who holds it."""
    holder_id = lock.holder.partition("/")[2]
    expires_at = timestamp(lock.expires_at)
    return LockAnswer(lock.id, lock.item_id, holder_id, lock.scope, lock.depth, lock.owner_info, expires_at)


def preview_answer(
    deps: Deps, item: Item | Listed, pictures: Sequence[Mapping[str, Any]], placeholder: str | None, now: datetime
) -> PreviewAnswer | None:
    """The preview with an address for its thumbnail; None if there is no picture."""
    picture = picture_for(pictures, "thumb")
    if item.preview_status != "ready" or picture is None:
        return None
    url = picture_url(deps, picture["key"], picture["mime_type"])
    expires_at = now + timedelta(seconds=deps.settings.get_url_seconds)
    return PreviewAnswer("ready", None, url, placeholder, timestamp(expires_at))
