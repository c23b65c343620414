"""Stored objects: what services do with S3, and the signed addresses under which clients do the rest (`blobs_aws`).

Bytes of whole files never pass through a service; only the media worker reads ranges.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from coffer_chassis.blobs_streams import Streams
from coffer_chassis.multiparts import Multiparts
from coffer_chassis.signed import SignedRequest

PUT_BYTES = 5 * 1024**3
"""S3 takes no longer object in one PUT or one copy (S3 user guide, uploading objects)."""

LISTED_AT_ONCE = 1000
"""Entries of one page of a listing (S3 API reference, ListObjectsV2 and ListMultipartUploads)."""


class BlobMissing(Exception):
    """There is no object under the key."""


class BlobChanged(Exception):
    """The object is not the one that was asked for: its ETag differs."""


class BlobsNotDeleted(Exception):
    """S3 kept some of the objects that were to be deleted; try again."""


@dataclass(frozen=True, slots=True)
class BlobHead:
    """What S3 says about an object."""

    size_bytes: int
    etag: str
    modified_at: datetime
    content_type: str | None = None
    sha256: str | None = None
    """What the bucket computed or checked, hexadecimal; over the SHA-256s of the parts if it came in parts."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing shows it. Its key is whatever lies in the bucket, also one that Coffer would never use."""

    key: str
    size_bytes: int
    etag: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class SignedForm:
    """A form a client may send by itself: POST to the address, these fields as they are, and `file` as the last one."""

    url: str
    fields: Mapping[str, str]


def put_headers(*, length: int, content_type: str, sha256_hex: str | None) -> dict[str, str]:
    """What a client must send with its one PUT. Raises ValueError for a length or a digest that S3 does not take."""
    if not 0 <= length <= PUT_BYTES:
        raise ValueError(f"S3 takes 0 to {PUT_BYTES} bytes in one PUT, not {length}")
    headers = {"content-length": str(length), "content-type": content_type, "if-none-match": "*"}
    if sha256_hex is not None:
        headers["x-amz-checksum-sha256"] = checksum(bytes.fromhex(sha256_hex))
    return headers


def check_range(first: int, last: int) -> None:
    """Raise ValueError for a range that none is: S3 ignores it and answers with the whole object (RFC 9110, 14.1.1)."""
    if not 0 <= first <= last:
        raise ValueError(f"bytes {first} to {last} are no range")


def checksum(digest: bytes) -> str:
    """A SHA-256 as S3 writes it. Raises ValueError for another length."""
    if len(digest) != 32:
        raise ValueError(f"{len(digest)} bytes are no SHA-256")
    return base64.b64encode(digest).decode()


class Blobs(Multiparts, Streams, Protocol):
    """The bucket. All methods may be repeated; keys are chosen by services and never hold names.

    Every method but `abort_multipart` raises KeyRefused for a key or prefix that Coffer never uses (object_keys).
    """

    async def head(self, key: str) -> BlobHead | None:
        """What lies under `key`; None if nothing does."""

    async def read(self, key: str, *, etag: str | None = None) -> bytes:
        """The whole object. Raises BlobMissing, BlobChanged."""

    async def read_range(self, key: str, first: int, last: int, *, etag: str | None = None) -> bytes:
        """Bytes `first` to `last`, both included, as far as there are any. Raises BlobMissing, BlobChanged, ValueError."""

    async def write(self, key: str, content: bytes, *, content_type: str, cache_control: str | None = None) -> str:
        """Store an object; its ETag. Overwrites."""

    async def copy(self, source: str, target: str, *, etag: str | None = None, size_bytes: int | None = None) -> str:
        """Copy within the bucket, of any length: above PUT_BYTES in parts. The ETag of the copy, which may be another one.
        Whoever knows the length saves a question. Raises BlobMissing, BlobChanged.
        """

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete any number of objects; absent ones are no error. Raises BlobsNotDeleted."""

    async def listed(self, prefix: str, *, after: str = "", limit: int = LISTED_AT_ONCE) -> list[Listed]:
        """The next objects below `prefix` behind the key `after`, by the code points of their keys; fewer than `limit` only
        at the end. Raises ValueError for a limit that is not within 1 to LISTED_AT_ONCE.
        """

    def presign_put(
        self, key: str, *, length: int, content_type: str, sha256_hex: str | None, expires_seconds: int
    ) -> SignedRequest:
        """A single PUT of exactly `length` bytes of that type, once: an existing object is not overwritten.

        Raises ValueError for more than PUT_BYTES, a digest that is no SHA-256, or a life that S3 refuses.
        """

    def presign_post(self, key: str, *, length: int, expires_seconds: int) -> SignedForm:
        """A form that stores exactly `length` bytes, for plain HTML. Unlike a PUT it may be sent twice and then overwrites.

        Raises ValueError for more than PUT_BYTES, or a life that S3 refuses.
        """

    def presign_get(self, key: str, *, content_type: str, disposition: str, expires_seconds: int, fresh: bool = False) -> str:
        """An address that answers with the given type and disposition, whatever is stored. It lives `expires_seconds`
        at least; `fresh` keeps it from living longer for the sake of caches.
        """
