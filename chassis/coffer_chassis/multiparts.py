"""Objects that come in parts: what services do with S3's multipart uploads (S3 user guide, multipart upload overview).

A multipart upload is begun by a service, filled by clients under signed addresses, part by part in any order and number, and
put together by a service. Until then its parts cost storage and show in no listing.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from coffer_chassis.signed import SignedRequest

MAX_PARTS = 10_000
"""Parts of one object (S3 user guide, multipart upload limits)."""

MIN_PART_BYTES = 5 * 1024**2
"""Every part but the last has at least as much."""

MAX_PART_BYTES = 5 * 1024**3
"""S3 takes no longer part."""

MAX_OBJECT_BYTES = MAX_PARTS * MAX_PART_BYTES
"""48.8 TiB (S3 user guide, multipart upload limits)."""


class MultipartMissing(Exception):
    """There is no such multipart upload: it was completed or aborted, or the bucket lost it."""


class PartsRefused(Exception):
    """S3 does not put these parts together: one is not there as it was named, is too small, or the length is another."""


class BlobExists(Exception):
    """Something lies under the key already; it is not overwritten."""


@dataclass(frozen=True, slots=True)
class OpenMultipart:
    """A multipart upload that was begun and neither completed nor aborted."""

    key: str
    multipart_id: str
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part that is in the bucket. `sha256` is what the bucket computed or checked, hexadecimal; not every one tells it."""

    number: int
    size_bytes: int
    etag: str
    stored_at: datetime
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Assembled:
    """The object that parts became. `sha256` is the SHA-256 over those of its parts, where the bucket keeps them."""

    etag: str
    sha256: str | None = None


class Multiparts(Protocol):
    """The part of Blobs that handles parts. Every method but `abort_multipart` raises KeyRefused for a key that Coffer never
    uses (object_keys).
    """

    async def begin_multipart(self, key: str, *, content_type: str, hashed: bool) -> str:
        """Begin a multipart upload; its id. With `hashed` every part must come with its SHA-256, and S3 keeps those. Twice
        makes two; nothing lies under the key before one is completed.
        """

    async def parts(self, key: str, multipart_id: str) -> list[StoredPart]:
        """The parts that are there, by number; a request for each thousand. Raises MultipartMissing."""

    async def complete_multipart(self, key: str, multipart_id: str, parts: Sequence[StoredPart], *, hashed: bool) -> Assembled:
        """Put these parts together, in the order given; nothing else in the upload is kept. May run twice: the second time
        S3 answers as the first, or raises MultipartMissing, or BlobExists. Raises PartsRefused.
        """

    def open_multiparts(self, prefix: str) -> AsyncIterator[OpenMultipart]:
        """Every open multipart upload below `prefix`, asked for page by page while they are taken."""

    async def abort_multipart(self, key: str, multipart_id: str) -> None:
        """Throw an open multipart upload away with its parts, whatever its key is; one that is gone is no error."""

    def presign_part(
        self, key: str, multipart_id: str, number: int, *, length: int, sha256_hex: str | None, expires_seconds: int
    ) -> SignedRequest:
        """A PUT of one part of exactly `length` bytes, and with that SHA-256 where one is given. Sent twice, the later one
        counts. Raises ValueError for a number or a length that S3 does not take, or a life that it refuses.
        """


def check_part(number: int, length: int) -> None:
    """Raise ValueError for a part that S3 does not take. The last one may be as short as it likes."""
    if not 1 <= number <= MAX_PARTS:
        raise ValueError(f"parts are numbered 1 to {MAX_PARTS}, not {number}")
    if not 0 <= length <= MAX_PART_BYTES:
        raise ValueError(f"S3 takes 0 to {MAX_PART_BYTES} bytes in one part, not {length}")


def composite(digests: Sequence[str]) -> str:
    """SHA-256 over the concatenated SHA-256s of the parts, hexadecimal, as S3 computes it for the whole."""
    return hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests)).hexdigest()
