"""Copies: what of an item goes into its copy, and how much of a page has room.

Pure; what is read and written stands in the store, who may do it is the handlers' business.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from coffer_contracts.files import PreviewStatus
from coffer_contracts.ids import BlobId, ItemId, UploadId, UserId, VersionId
from coffer_files.domain.items import Item


class Content(NamedTuple):
    """The current content of a file that is copied: the stored object, and what is known of it beside the item's own row."""

    blob_id: BlobId
    blob_key: str
    etag: str
    upload_id: UploadId
    width: int | None
    height: int | None
    preview_images: list[dict[str, Any]]
    placeholder: str | None
    preview_at: datetime | None


class Source(NamedTuple):
    """An item that is to be copied into a folder. `position` is where the folder it lies in stands in the line of its job."""

    item: Item
    content: Content | None
    into: ItemId
    position: int = 0


class Stored(NamedTuple):
    """The object that the copy of a file refers to: the source's own within one drive, a new one in another drive."""

    blob_id: BlobId
    blob_key: str
    etag: str
    is_shared: bool


class Pair(NamedTuple):
    """A folder whose children are still to be copied, and the folder they go into. `after_key` is the name of the last child
    that was copied.
    """

    position: int
    source_id: ItemId
    target_id: ItemId
    after_key: str | None


def copy_of(
    source: Source,
    *,
    item_id: ItemId,
    version_id: VersionId | None,
    owner_id: UserId,
    asked_by: UserId,
    now: datetime,
) -> Item:
    """The copy as a new item, made now by whoever asked for it; its content is as old as the source's. Pictures are the stored
    object's: a copy that shares it has them at once, another one waits for its own.
    """
    item = source.item
    shares = owner_id == item.owner_id
    waiting: PreviewStatus = "pending" if item.preview_status != "none" else "none"
    return item._replace(
        id=item_id,
        owner_id=owner_id,
        parent_id=source.into,
        revision=1,
        version_id=version_id,
        preview_status=item.preview_status if shares else waiting,
        preview_reason=item.preview_reason if shares else None,
        created_by=asked_by,
        created_at=now,
        changed_at=now,
        trashed_at=None,
    )


def with_room(sources: Sequence[Source], room_bytes: int) -> list[Source]:
    """The first of the sources, as long as there is room for all of them. Folders need none."""
    found: list[Source] = []
    for source in sources:
        room_bytes -= source.item.size_bytes
        if room_bytes < 0 < source.item.size_bytes:
            break
        found.append(source)
    return found
