"""Facts that the media worker publishes: verdicts on uploads, previews of items, and photos of people."""

from typing import ClassVar

from coffer_contracts.event import Event, Moment, Shape, described
from coffer_contracts.files import OpenMediaKind
from coffer_contracts.ids import BlobId, ItemId, PhotoId, UploadId, UserId, VersionId
from coffer_contracts.operators import OperatorFact
from coffer_contracts.sightings import SightingFact

PREVIEW_FAILURES = (
    "`unsupported`, `corrupt`, `too_many_pixels`, `too_large`, `timeout`, `memory`, `crashed`, `encrypted`, `bomb`"
)


class VerdictFact(Event):
    """What the media worker judged about the bytes of one upload."""

    upload_id: UploadId = described(description="The upload that was judged.")
    owner_id: UserId = described(description="Whose drive it goes to.")
    blob_id: BlobId = described(description="The stored object.")
    blob_key: str = described(description="Object key below the bucket.")
    etag: str = described(description="The ETag of the bytes that were judged; the verdict holds for these only.")
    size_bytes: int = described(description="Length of the content.", ge=0)
    mime_type: str = described(description="Type judged from the bytes.")
    media_kind: OpenMediaKind = described(description="Coarse kind for icons and filters.")
    flags: tuple[str, ...] = described((), description="What was noticed, e.g. `executable`, `active_content`.")
    started_at: Moment | None = described(None, description="When the media worker began to look, by its own clock.")

    @property
    def subject(self) -> str:
        return f"upload/{self.upload_id}"


class UploadClearedV1(VerdictFact):
    """The bytes may enter the drive."""

    type: ClassVar[str] = "media.upload.cleared.v1"

    width: int | None = described(None, description="Pixels across, if known from the header.", ge=1)
    height: int | None = described(None, description="Pixels down, if known from the header.", ge=1)
    previewable: bool = described(description="Whether a preview will be tried once the file is committed.")


class UploadRejectedV1(VerdictFact):
    """The bytes must not enter the drive. Final: the same bytes are refused again."""

    type: ClassVar[str] = "media.upload.rejected.v1"

    reason: str = described(description="A stable word: `executable_in_disguise`, `polyglot`, `test_virus`, ...")
    detail: str = described(description="The reason in a sentence for the owner.")


class PreviewImage(Shape):
    """One stored preview picture."""

    box_pixels: int = described(description="The box in pixels that the picture fits into: 400, 1024 or 2048.", ge=1)
    key: str = described(description="Object key below the bucket.")
    mime_type: str = described(description="Type of the picture, e.g. `image/webp`.")
    width: int = described(description="Pixels across.", ge=1)
    height: int = described(description="Pixels down.", ge=1)
    size_bytes: int = described(description="Length of the picture.", ge=1)


class ExtractedText(Shape):
    """The text of a file, for search: UTF-8, stored where the event says."""

    key: str = described(description="Object key below the bucket.")
    size_bytes: int = described(description="Length of the text.", ge=0)


class MediaFacts(Shape):
    """What is known of a file's content besides its type; each of these only where the file tells it."""

    frame_count: int | None = described(None, description="How many frames an animation has.", ge=1)
    page_count: int | None = described(None, description="How many pages or slides a document has.", ge=0)
    duration_milliseconds: int | None = described(
        None, description="How long a film or recording plays, in milliseconds.", ge=0
    )
    video_codec: str | None = described(None, description="What a film is coded with, e.g. `h264`.", max_length=32)
    audio_codec: str | None = described(None, description="What a film's sound is coded with, e.g. `aac`.", max_length=32)
    title: str | None = described(None, description="What a film or recording is called.", max_length=200)
    artist: str | None = described(None, description="Who is heard in a recording.", max_length=200)
    album: str | None = described(None, description="What a recording was published in.", max_length=200)
    waveform: str | None = described(
        None,
        description="How loud a recording is over time, from its beginning: base64 of up to 800 bytes, 255 for full scale.",
        max_length=1068,
        pattern=r"^[A-Za-z0-9+/]*=*$",
    )
    waveform_milliseconds: int | None = described(
        None, description="How much of a recording that covers, in milliseconds.", ge=0
    )
    taken: str | None = described(
        None,
        description="When a photograph was taken, by the camera's clock: ISO 8601, with an offset if the camera knew it.",
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:\d\d)?$",
    )
    camera_make: str | None = described(None, description="Who made the camera.", max_length=100)
    camera_model: str | None = described(None, description="Which camera it was.", max_length=100)
    colour: str | None = described(None, description="The mean colour, e.g. `#7f5539`.", pattern="^#[0-9a-f]{6}$")
    dhash: str | None = described(
        None,
        description="64 bits in hex of how brightness falls from left to right (dHash): alike pictures differ in few bits.",
        pattern="^[0-9a-f]{16}$",
    )
    location: str | None = described(
        None,
        description="Where it was taken, only if its owner wants to know: degrees north and east as ISO 6709, "
        "e.g. `+48.85826+002.29450/`. For nobody but the owner.",
        pattern=r"^[+-]\d\d\.\d{5}[+-]\d{3}\.\d{5}/$",
    )
    sha256: str | None = described(
        None, description="SHA-256 of the content in hex, where all of it was read.", pattern="^[0-9a-f]{64}$"
    )


class PreviewFact(Event):
    """What became of the preview of one version of a file."""

    item_id: ItemId = described(description="The file.")
    version_id: VersionId = described(description="The version that was previewed.")
    owner_id: UserId = described(description="Whose drive it lives in.")
    ancestor_ids: tuple[ItemId, ...] = described(description="Folders above it when it was committed, root first.")
    blob_id: BlobId = described(description="The stored object.")
    started_at: Moment | None = described(None, description="When the media worker began to make it, by its own clock.")

    @property
    def subject(self) -> str:
        return f"preview/{self.version_id}"


class PreviewReadyV1(PreviewFact):
    """Preview pictures are stored and may be shown."""

    type: ClassVar[str] = "media.preview.ready.v1"

    images: tuple[PreviewImage, ...] = described(description="The pictures, smallest first.", min_length=1)
    width: int | None = described(None, description="Pixels across of the original, upright.", ge=1)
    height: int | None = described(None, description="Pixels down of the original, upright.", ge=1)
    placeholder: str | None = described(
        None, description="A 16-pixel WebP as base64, small enough to stand in listings.", max_length=1024
    )
    facts: MediaFacts | None = described(None, description="What else is known of the content.")
    text: ExtractedText | None = described(
        None, description="What the file says, if it has words; belongs to the stored object."
    )


class PreviewOmittedV1(PreviewFact):
    """There is no picture of this version: its kind has none, or the file carries none. What is known of it stands here."""

    type: ClassVar[str] = "media.preview.omitted.v1"

    facts: MediaFacts | None = described(None, description="What is known of the content.")
    text: ExtractedText | None = described(
        None, description="What the file says, if it has words; belongs to the stored object."
    )


class PreviewFailedV1(PreviewFact):
    """There will be no preview of this version; the file itself is usable."""

    type: ClassVar[str] = "media.preview.failed.v1"

    reason: str = described(description=f"Why there is none, a stable word; more may come: {PREVIEW_FAILURES}.")


class PhotoFact(Event):
    """What became of a photo that a person sent."""

    photo_id: PhotoId = described(description="The photo that was sent.")
    user_id: UserId = described(description="Who sent it.")
    etag: str = described(description="The ETag of the bytes that were judged; the fact holds for these only.")

    @property
    def subject(self) -> str:
        return f"photo/{self.photo_id}"

    @property
    def owner(self) -> UserId:
        return self.user_id


class PhotoReadyV1(PhotoFact):
    """The photo is stored as a square, upright, in sRGB and without anything else that was in the file."""

    type: ClassVar[str] = "media.photo.ready.v1"

    name: str = described(description="Names the stored picture among the person's; another photo has another name.")
    key: str = described(description="Object key of the stored picture below the bucket.")
    mime_type: str = described(description="Type of the stored picture, e.g. `image/webp`.")
    side_pixels: int = described(description="Pixels across, and as many down.", ge=1)
    size_bytes: int = described(description="Length of the stored picture.", ge=1)


class PhotoRejectedV1(PhotoFact):
    """No photo can be made of these bytes; they are deleted. Final: the same bytes are refused again."""

    type: ClassVar[str] = "media.photo.rejected.v1"

    reason: str = described(
        description=f"Why, a stable word: `not_an_image`, a reason of rejected uploads, or {PREVIEW_FAILURES}."
    )
    detail: str = described(description="The reason in a sentence for the person.")


class OperatorActedV1(OperatorFact):
    """An operator changed what the media worker does with messages by hand."""

    type: ClassVar[str] = "media.operator.acted.v1"


class SightingNotedV1(SightingFact):
    """A personal access token was used at the media worker."""

    type: ClassVar[str] = "media.sighting.noted.v1"
