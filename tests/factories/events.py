"""Envelopes as they arrive at a consumer, with as little said as the test needs."""

from datetime import UTC, datetime
from typing import Any, TypeVar

from coffer_chassis.ids import new_id
from coffer_contracts.catalog import envelope_of, schema_address
from coffer_contracts.event import Envelope, Event, sequence_text
from coffer_contracts.files import ContentFact, ItemCommittedV1, ItemPurgedV1, MediaKind, UploadReceivedV1, VersionDeletedV1
from coffer_contracts.files_previews import PreviewRequestedV1, WantedPage
from coffer_contracts.ids import BlobId, EventId, ItemId, PageId, UploadId, UserId, VersionId

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
E = TypeVar("E", bound=Event)


def arrived(event: E, *, sequence: int = 1, source: str = "/files") -> Envelope[E]:
    """The event in its envelope; every call makes another delivery id, the same fact sent twice has one envelope."""
    return envelope_of(type(event))(  # type: ignore[return-value]  # the parameter is known only at run time
        id=EventId(new_id()),
        source=source,
        type=event.type,
        subject=event.subject,
        time=NOON,
        dataschema=schema_address(type(event)),
        partitionkey=event.owner or event.subject,
        sequence=sequence_text(sequence),
        ownerid=event.owner,
        actorid=event.owner,
        actorkind="user",
        correlationid=new_id(),
        data=event,
    )


def upload_received(
    *, key: str, etag: str, size_bytes: int, name: str = "photo.jpg", claimed: str | None = "image/jpeg", attempt: int = 1
) -> UploadReceivedV1:
    """Bytes that wait for a verdict."""
    owner = UserId(new_id())
    return UploadReceivedV1(
        upload_id=UploadId(new_id()),
        owner_id=owner,
        uploader_id=owner,
        parent_id=ItemId(new_id()),
        name=name,
        size_bytes=size_bytes,
        state="received",
        created_at=NOON,
        changed_at=NOON,
        blob_id=BlobId(new_id()),
        blob_key=key,
        etag=etag,
        claimed_mime_type=claimed,
        attempt=attempt,
    )


def item_committed(
    *,
    key: str,
    etag: str,
    size_bytes: int,
    mime_type: str = "image/jpeg",
    media_kind: MediaKind = "image",
    blob_id: BlobId | None = None,
    item_id: ItemId | None = None,
) -> ItemCommittedV1:
    """A file that became visible."""
    owner = UserId(new_id())
    root = ItemId(new_id())
    return ItemCommittedV1(
        item_id=item_id or ItemId(new_id()),
        kind="file",
        owner_id=owner,
        parent_id=root,
        ancestor_ids=(root,),
        name="photo.jpg",
        content=ContentFact(
            version_id=VersionId(new_id()),
            blob_id=blob_id or BlobId(new_id()),
            blob_key=key,
            etag=etag,
            size_bytes=size_bytes,
            mime_type=mime_type,
            media_kind=media_kind,
        ),
        created_by=owner,
        created_at=NOON,
        modified_at=NOON,
        changed_at=NOON,
        upload_id=UploadId(new_id()),
        is_new=True,
    )


def preview_requested(committed: ItemCommittedV1, *, requested_at: datetime = NOON, **changes: Any) -> PreviewRequestedV1:
    """Somebody waits for the preview of a commit; with `wanted="jpeg"` for its pictures as JPEG."""
    content = committed.content
    assert content is not None
    values: dict[str, Any] = {"wanted": "all", **changes}
    return PreviewRequestedV1(
        version_id=content.version_id,
        item_id=committed.item_id,
        owner_id=committed.owner_id,
        ancestor_ids=committed.ancestor_ids,
        content=content,
        requested_at=requested_at,
        **values,
    )


def page_requested(
    committed: ItemCommittedV1,
    page: int,
    *,
    box: int = 400,
    mime_type: str = "image/webp",
    attempt: int = 1,
    sequence: int = 1,
) -> Envelope[PreviewRequestedV1]:
    """Somebody turned to a page of a commit."""
    wanted = WantedPage(page_id=PageId(new_id()), page=page, box_pixels=box, mime_type=mime_type, attempt=attempt)
    return arrived(preview_requested(committed, wanted="page", page=wanted), sequence=sequence)


def version_deleted(committed: ItemCommittedV1, *blob_ids: BlobId) -> VersionDeletedV1:
    """The version of a commit was deleted; of these objects it was the last."""
    content = committed.content
    assert content is not None
    return VersionDeletedV1(
        version_id=content.version_id,
        item_id=committed.item_id,
        owner_id=committed.owner_id,
        ancestor_ids=committed.ancestor_ids,
        blob_id=content.blob_id,
        size_bytes=content.size_bytes,
        reason="deleted",
        blob_ids=blob_ids,
        deleted_at=NOON,
    )


def item_purged(committed: ItemCommittedV1) -> ItemPurgedV1:
    """The tombstone of a file that was committed."""
    assert committed.content is not None
    return ItemPurgedV1(
        item_id=committed.item_id,
        kind="file",
        owner_id=committed.owner_id,
        parent_id=committed.parent_id,
        ancestor_ids=committed.ancestor_ids,
        name=committed.name,
        blob_ids=(committed.content.blob_id,),
        purged_at=NOON,
    )
