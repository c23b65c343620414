"""Facts that auth publishes about photos of people: bytes that wait for the media worker."""

from typing import ClassVar

from coffer_contracts.event import Event, Moment, described
from coffer_contracts.ids import PhotoId, UserId


class PhotoReceivedV1(Event):
    """The bytes of a photo are in the bucket. The media worker makes a square of them, or says why not."""

    type: ClassVar[str] = "auth.photo.received.v1"

    photo_id: PhotoId = described(description="The photo that was sent.")
    user_id: UserId = described(description="Whose photo it is to be.")
    key: str = described(description="Object key below the bucket; read once, then deleted.")
    etag: str = described(description="The ETag of the bytes, without quotes.")
    size_bytes: int = described(description="Length of the bytes.", ge=0)
    claimed_mime_type: str | None = described(None, description="As the person announced it; nobody relies on it.")
    attempt: int = described(description="How often the media worker was asked about these bytes.", ge=1)
    received_at: Moment = described(description="When the bytes were first seen.")

    @property
    def subject(self) -> str:
        return f"photo/{self.photo_id}"

    @property
    def owner(self) -> UserId:
        return self.user_id
