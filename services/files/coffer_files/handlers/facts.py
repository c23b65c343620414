"""Facts as they are published: made here from rows, so that every kind of fact carries the same state."""

from typing import Any, TypeVar

from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files import (
    ContentFact,
    ItemFact,
    UploadConflictedV1,
    UploadExpiredV1,
    UploadFact,
    UploadFailedV1,
    UploadReceivedV1,
    UploadRejectedV1,
)
from coffer_contracts.ids import BlobId, ItemId
from coffer_files.domain.items import Item
from coffer_files.domain.uploads import Upload
from coffer_files.store.versions import Version, version

F = TypeVar("F", bound=ItemFact)


async def content_of(unit: Unit, item: Item) -> ContentFact | None:
    """The bytes of a file's current version; None for folders."""
    if item.version_id is None:
        return None
    current = await version(unit.connection, item.version_id)
    if current is None:
        raise LookupError(f"item {item.id} names a version that does not exist")
    return content_fact(item, blob_id=current.blob_id, blob_key=current.blob_key, etag=current.etag)


def content_fact(item: Item, *, blob_id: BlobId, blob_key: str, etag: str) -> ContentFact:
    """The bytes of a file, from its own row and what is known of the stored object."""
    if item.version_id is None or item.mime_type is None or item.media_kind is None:
        raise LookupError(f"item {item.id} has no content")
    return ContentFact(
        version_id=item.version_id,
        blob_id=blob_id,
        blob_key=blob_key,
        etag=etag,
        size_bytes=item.size_bytes,
        mime_type=item.mime_type,
        media_kind=item.media_kind,
        flags=tuple(item.flags),
        content_hash=item.content_hash,
    )


def content_of_version(content: Version) -> ContentFact:
    """The bytes of a version, current or not."""
    return ContentFact(
        version_id=content.id,
        blob_id=content.blob_id,
        blob_key=content.blob_key,
        etag=content.etag,
        size_bytes=content.size_bytes,
        mime_type=content.mime_type,
        media_kind=content.media_kind,
        flags=tuple(content.flags),
        content_hash=content.content_hash,
    )


def item_fact(kind: type[F], item: Item, ancestor_ids: tuple[ItemId, ...], content: ContentFact | None, **more: Any) -> F:
    """A fact about an item with its whole state."""
    return kind(
        item_id=item.id,
        kind=item.kind,
        owner_id=item.owner_id,
        parent_id=item.parent_id,
        ancestor_ids=ancestor_ids,
        name=item.name,
        content=content,
        created_by=item.created_by,
        created_at=item.created_at,
        modified_at=item.modified_at,
        changed_at=item.changed_at,
        trashed_at=item.trashed_at,
        tags=tuple(item.tags) or None,
        **more,
    )


def received_fact(upload: Upload) -> UploadReceivedV1:
    """The question to the media worker."""
    if upload.etag is None:
        raise LookupError(f"upload {upload.id} was received without an ETag")
    return UploadReceivedV1(
        **_standing(upload),
        blob_id=upload.blob_id,
        blob_key=upload.bytes_key,
        etag=upload.etag,
        claimed_mime_type=upload.claimed_mime_type,
        attempt=upload.attempts,
    )


def standing_fact(upload: Upload) -> UploadFact | None:
    """The fact that others hear when an upload comes to its state; None where nobody is told."""
    if upload.state == "conflict":
        return UploadConflictedV1(**_standing(upload), suggested_name=upload.suggested_name)
    kinds = {"rejected": UploadRejectedV1, "failed": UploadFailedV1, "expired": UploadExpiredV1}
    kind = kinds.get(upload.state)
    return kind(**_standing(upload)) if kind else None


def _standing(upload: Upload) -> dict[str, Any]:
    return {
        "upload_id": upload.id,
        "owner_id": upload.owner_id,
        "uploader_id": upload.uploader_id,
        "parent_id": upload.parent_id,
        "name": upload.name,
        "size_bytes": upload.size_bytes,
        "state": upload.state,
        "reason": upload.reason,
        "detail": upload.detail,
        "created_at": upload.created_at,
        "changed_at": upload.changed_at,
    }
