"""Facts that files publishes: items of a drive and uploads on their way into it.

Item facts carry the whole item after the fact and the chain of its ancestors, so that no reader has to call back.
"""

from typing import Annotated, ClassVar, Literal

from coffer_contracts.event import Event, Moment, Shape, described
from coffer_contracts.ids import BlobId, ItemId, UploadId, UserId, VersionId
from coffer_contracts.operators import OperatorFact
from coffer_contracts.sightings import SightingFact
from coffer_contracts.words import Open

ItemKind = Literal["file", "folder"]
MediaKind = Literal["image", "video", "audio", "document", "archive", "text", "other"]
UploadState = Literal["created", "received", "cleared", "committed", "conflict", "rejected", "failed", "expired", "aborted"]
ConflictPolicy = Literal["fail", "replace", "rename"]
PreviewStatus = Literal["none", "pending", "ready", "failed"]

OpenItemKind = Annotated[ItemKind, Open("file")]
"""As events carry it. What is neither is a file to whoever does not know it: a name in a folder, with nothing below it."""

OpenMediaKind = Annotated[MediaKind, Open("other")]
"""As events carry it."""


class ContentFact(Shape):
    """The bytes of a file's current version."""

    version_id: VersionId = described(description="The version that these bytes are.")
    blob_id: BlobId = described(description="The stored object, shared by versions with the same bytes of one owner.")
    blob_key: str = described(description="Object key below the bucket.")
    etag: str = described(description="The object's ETag, without quotes. Not a hash for multipart objects.")
    size_bytes: int = described(description="Length of the content.", ge=0)
    mime_type: str = described(description="Type judged from the bytes, never the client's word.")
    media_kind: OpenMediaKind = described(description="Coarse kind for icons and filters.")
    flags: tuple[str, ...] = described((), description="What the media worker noticed, e.g. `active_content`.")
    content_hash: str | None = described(
        None,
        description="SHA-256 over the concatenated SHA-256s of 8 MiB blocks, hexadecimal, if the client gave them.",
    )


class ItemFact(Event):
    """A file or folder as it stands after the fact."""

    item_id: ItemId = described(description="The file or folder.")
    kind: OpenItemKind = described(description="What it is.")
    owner_id: UserId = described(description="Whose drive it lives in.")
    parent_id: ItemId | None = described(None, description="The folder it lies in; absent for the root folder of a drive.")
    ancestor_ids: tuple[ItemId, ...] = described(description="Folders above it, the drive's root first, parent last.")
    name: str = described(description="Name in NFC; empty for a root folder.")
    content: ContentFact | None = described(None, description="The current version; null for folders.")
    created_by: UserId = described(description="Who made the item.")
    created_at: Moment = described(description="When it was made here.")
    modified_at: Moment = described(description="When its content was changed, as far as the client knew.")
    changed_at: Moment = described(description="When Coffer last changed anything about it.")
    trashed_at: Moment | None = described(None, description="When it went to the trash; null while it is live.")
    tags: tuple[str, ...] | None = described(
        None, description="Labels that its owner and editors gave it, as they spell them, at most twenty; absent without any."
    )

    @property
    def subject(self) -> str:
        return f"item/{self.item_id}"


class ItemCreatedV1(ItemFact):
    """A folder was made (the root folder of a drive included)."""

    type: ClassVar[str] = "files.item.created.v1"


class ItemCommittedV1(ItemFact):
    """A file, or a new version of one, became visible: its bytes were checked and it has its name."""

    type: ClassVar[str] = "files.item.committed.v1"

    upload_id: UploadId | None = described(None, description="The upload that brought the bytes.")
    is_new: bool = described(description="True for a new item, false for a new version of one.")
    previous_version_id: VersionId | None = described(None, description="The version before, of a new version.")
    previous_size_bytes: int | None = described(None, description="Length of the content before, of a new version.", ge=0)
    locate: bool | None = described(
        None, description="True where the owner of the drive wants to be told where pictures were taken; absent otherwise."
    )
    uploader_name: str | None = described(
        None,
        description="What the visitor of a public link who sent it calls themselves; nobody has checked it. Absent otherwise.",
        max_length=100,
    )


class ItemChangedV1(ItemFact):
    """Name, place or other metadata changed; the content did not. Told with no changes, it only says how the item stands."""

    type: ClassVar[str] = "files.item.changed.v1"

    changes: tuple[str, ...] = described(
        description="Which fields changed, e.g. `name`; none when the item is only told again for readers that lost their copy."
    )
    previous_name: str | None = described(None, description="The name before, if it changed.")
    previous_parent_id: ItemId | None = described(None, description="The folder before, if it changed.")
    previous_modified_at: Moment | None = described(None, description="The time of the content before, if it changed.")
    previous_tags: tuple[str, ...] | None = described(None, description="The labels before, if they changed.")


class ItemTrashedV1(ItemFact):
    """The item went to the trash; with a folder goes everything below it."""

    type: ClassVar[str] = "files.item.trashed.v1"


class ItemRestoredV1(ItemFact):
    """The item came back from the trash."""

    type: ClassVar[str] = "files.item.restored.v1"

    previous_name: str | None = described(
        None, description="The name that it went to the trash with, if it has another one now."
    )
    previous_parent_id: ItemId | None = described(
        None, description="The folder that it was put into the trash from, if it came back into another one."
    )


class ItemPurgedV1(Event):
    """The item is gone for good. A tombstone: readers keep its sequence, so that a late older fact cannot raise the dead."""

    type: ClassVar[str] = "files.item.purged.v1"

    item_id: ItemId = described(description="The item that was.")
    kind: OpenItemKind = described(description="What it was.")
    owner_id: UserId = described(description="Whose drive it lived in.")
    parent_id: ItemId | None = described(None, description="The folder it lay in; absent for a root folder.")
    ancestor_ids: tuple[ItemId, ...] = described(description="Folders above it, the drive's root first, parent last.")
    name: str = described(description="The name it had.")
    blob_ids: tuple[BlobId, ...] = described(
        (), description="Stored objects that no version refers to any more; the first thousand."
    )
    purged_at: Moment = described(description="When it was removed.")

    @property
    def subject(self) -> str:
        return f"item/{self.item_id}"


class VersionDeletedV1(Event):
    """A version of a file that was not its current one is gone for good; the file itself is not changed by that."""

    type: ClassVar[str] = "files.version.deleted.v1"

    version_id: VersionId = described(description="The version that was.")
    item_id: ItemId = described(description="The file that it was a version of.")
    owner_id: UserId = described(description="Whose drive the file lives in.")
    ancestor_ids: tuple[ItemId, ...] = described(description="Folders above the file, the drive's root first, parent last.")
    blob_id: BlobId = described(description="The stored object that held its bytes.")
    size_bytes: int = described(description="Length of its content.", ge=0)
    reason: str = described(description="A stable word: `deleted` by its owner, `retention` by age or number.")
    blob_ids: tuple[BlobId, ...] = described((), description="Stored objects that no version refers to any more.")
    deleted_at: Moment = described(description="When it was removed.")
    item_name: str | None = described(None, description="The name of the file at that moment.")

    @property
    def subject(self) -> str:
        return f"version/{self.version_id}"


class UsageCrossedV1(Event):
    """A drive became so full that its owner should know: a share of its quota is reached that was not reached before."""

    type: ClassVar[str] = "files.usage.crossed.v1"

    owner_id: UserId = described(description="Whose drive it is.")
    percent: int = described(description="The share that is reached: 80, 95 or 100.", ge=1)
    used_bytes: int = described(description="What all versions of all files take.", ge=0)
    quota_bytes: int = described(description="What the drive may hold.", ge=0)
    crossed_at: Moment = described(description="When it was reached.")

    @property
    def subject(self) -> str:
        return f"usage/{self.owner_id}"


class UploadFact(Event):
    """An upload as it stands after the fact.

    `state` is closed: every type of fact goes with one state, so a state that is new comes with a type that is new.
    """

    upload_id: UploadId = described(description="The upload.")
    owner_id: UserId = described(description="Whose drive it goes to and whose quota it uses.")
    uploader_id: UserId = described(description="Who is sending the bytes.")
    parent_id: ItemId = described(description="The folder it goes into.")
    name: str = described(description="The name it asks for.")
    size_bytes: int = described(description="Announced length, bound by the signed address.", ge=0)
    state: UploadState = described(description="Where it stands.")
    reason: str | None = described(None, description="Why it stands there: a stable word such as `name_taken`.")
    detail: str | None = described(None, description="The reason in a sentence.")
    created_at: Moment = described(description="When it was announced.")
    changed_at: Moment = described(description="When it came to this state.")

    @property
    def subject(self) -> str:
        return f"upload/{self.upload_id}"


class UploadReceivedV1(UploadFact):
    """The bytes are in the bucket and wait for the media worker's verdict."""

    type: ClassVar[str] = "files.upload.received.v1"

    blob_id: BlobId = described(description="The stored object.")
    blob_key: str = described(description="Object key below the bucket.")
    etag: str = described(description="The object's ETag, without quotes; the verdict holds for this one only.")
    claimed_mime_type: str | None = described(None, description="What the client said it is.")
    attempt: int = described(description="1 for the first dispatch; more when the sweeper drove it again.", ge=1)


class UploadConflictedV1(UploadFact):
    """The bytes are good but cannot be placed: name taken, folder gone or rights lost meanwhile. They are kept."""

    type: ClassVar[str] = "files.upload.conflicted.v1"

    suggested_name: str | None = described(None, description="A free name in the same folder.")


class UploadRejectedV1(UploadFact):
    """The media worker refused the bytes; they are in quarantine."""

    type: ClassVar[str] = "files.upload.rejected.v1"


class UploadFailedV1(UploadFact):
    """Coffer gave the upload up, with a reason; the owner may retry it."""

    type: ClassVar[str] = "files.upload.failed.v1"


class UploadExpiredV1(UploadFact):
    """Nobody finished the upload in time; bytes deleted, quota freed."""

    type: ClassVar[str] = "files.upload.expired.v1"


class OperatorActedV1(OperatorFact):
    """An operator changed what files does with messages by hand."""

    type: ClassVar[str] = "files.operator.acted.v1"


class SightingNotedV1(SightingFact):
    """A personal access token was used at files."""

    type: ClassVar[str] = "files.sighting.noted.v1"
