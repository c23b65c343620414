"""The life of a photo that a person sends: announced, received, and then ready, rejected or given up.

Every function takes a photo and returns it as it stands after; when nothing is to happen it returns the very same object. So
each may run twice and in any order with the others. Whose photo is shown is decided by numbers: a later one wins whenever it is
ready, and an earlier one that comes late loses.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from coffer_contracts.ids import PhotoId, UserId
from coffer_contracts.problems import FieldError, TooLarge, ValidationFailed

PhotoState = Literal["created", "received", "ready", "rejected", "failed", "replaced", "expired"]
OPEN: tuple[PhotoState, ...] = ("created", "received")

PHOTO_BYTES = 5 * 1024 * 1024
TYPES = frozenset(f"image/{kind}" for kind in ("avif", "bmp", "gif", "heic", "heif", "jpeg", "png", "tiff", "webp"))
"""What the media worker can draw; HEIC only where it has a decoder for that, and otherwise it says so."""
STORED_TYPE = "image/webp"
SIDES = range(64, 401)
"""Sizes that may be asked for, in pixels. One picture is kept; whoever wants it smaller scales it."""

ADDRESS_LIFE = timedelta(minutes=15)
"""How long the signed address takes bytes."""
LATE_BYTES = timedelta(hours=1)
"""How long after that bytes may still come: a request that was begun in time may be a slow one."""
VERDICT_PATIENCE = timedelta(minutes=2)
MOST_ASKED = 3
MOST_OPEN = 10
"""Photos of one person under way at once: each may lie in the bucket for a while, and none counts to a quota."""
KEPT_AFTER_END = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo on its way. `number` counts the photos of its person; `revision` the facts about it."""

    id: PhotoId
    user_id: UserId
    number: int
    state: PhotoState
    size_bytes: int
    mime_type: str | None
    created_at: datetime
    expires_at: datetime
    revision: int = 0
    etag: str | None = None
    attempts: int = 0
    asked_at: datetime | None = None
    received_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str | None = None
    detail: str | None = None

    @property
    def incoming_key(self) -> str:
        """Where its bytes go."""
        return f"photos/incoming/{self.user_id}/{self.id}"

    @property
    def is_open(self) -> bool:
        """Whether it may still become the person's photo."""
        return self.state in OPEN


def accept_size(size_bytes: int) -> int:
    """A length that may be sent. Raises TooLarge, ValidationFailed."""
    if size_bytes > PHOTO_BYTES:
        raise TooLarge("A photo has at most 5 MiB.", limit=PHOTO_BYTES)
    if size_bytes < 1:
        raise ValidationFailed("A photo has bytes.", errors=(FieldError("/size", "too_small", "A photo has bytes."),))
    return size_bytes


def accept_type(mime_type: str) -> str:
    """A type that photos are made of. Raises ValidationFailed."""
    if mime_type not in TYPES:
        told = f"A photo is one of {', '.join(sorted(TYPES))}."
        raise ValidationFailed(told, errors=(FieldError("/mime_type", "not_allowed", told),))
    return mime_type


def stored_key(user_id: UserId, name: str) -> str:
    """Where the square of a photo lies."""
    return f"photos/{user_id}/{name}"


def owner_of_key(key: str) -> tuple[UserId, PhotoId] | None:
    """Whose photo, and which, an incoming object is; None for any other key."""
    match key.split("/"):
        case ["photos", "incoming", user_id, photo_id]:
            return UserId(user_id), PhotoId(photo_id)
    return None


def receive(photo: Photo, etag: str, size_bytes: int, now: datetime) -> Photo:
    """The bytes are there: the media worker is asked, or they are refused for their length."""
    if not photo.is_open or photo.etag == etag:
        return photo
    if size_bytes != photo.size_bytes:
        return end(photo, "rejected", now, reason="size_mismatch", detail="The file has another length than was announced.")
    return _asked(replace(photo, state="received", etag=etag, received_at=photo.received_at or now), now)


def ask_again(photo: Photo, now: datetime) -> Photo:
    """The media worker did not answer in time: it is asked again, a few times."""
    if photo.state != "received" or photo.asked_at is None or now - photo.asked_at < VERDICT_PATIENCE:
        return photo
    if photo.attempts >= MOST_ASKED:
        return end(photo, "failed", now, reason="no_verdict", detail="The photo could not be checked. Send it again.")
    return _asked(photo, now)


def expire(photo: Photo, now: datetime) -> Photo:
    """Nothing was sent in time."""
    return end(photo, "expired", now) if photo.state == "created" and now >= photo.expires_at else photo


def end(photo: Photo, state: PhotoState, now: datetime, *, reason: str | None = None, detail: str | None = None) -> Photo:
    """It is over; one that is over already stays as it is."""
    if not photo.is_open:
        return photo
    return replace(photo, state=state, ended_at=now, reason=reason, detail=detail)


def _asked(photo: Photo, now: datetime) -> Photo:
    return replace(photo, attempts=photo.attempts + 1, asked_at=now, revision=photo.revision + 1)
