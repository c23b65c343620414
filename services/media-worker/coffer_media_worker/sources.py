"""Where a job's bytes come from: the worker fetches what a job asks for, of one object as it was judged."""

from dataclasses import dataclass
from typing import Protocol

from coffer_chassis.blobs import Blobs


class Source(Protocol):
    """A file that a job is about."""

    @property
    def size_bytes(self) -> int:
        """Its length."""

    @property
    def known(self) -> bytes:
        """Its beginning, as far as it is here already."""

    async def read_range(self, first: int, last: int) -> bytes:
        """Bytes from `first` to `last`, both inclusive, which lie within the file."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A file that is here."""

    known: bytes

    @property
    def size_bytes(self) -> int:
        """Its length."""
        return len(self.known)

    async def read_range(self, first: int, last: int) -> bytes:
        """As of `Source`."""
        return self.known[first : last + 1]


@dataclass(slots=True)
class Stored:
    """An object in the bucket, as long as it is the one with this ETag: otherwise reading raises BlobMissing, BlobChanged.
    `requests` and `read_bytes` count what was fetched.
    """

    blobs: Blobs
    key: str
    etag: str
    size_bytes: int
    known: bytes = b""
    requests: int = 0
    read_bytes: int = 0

    async def read_range(self, first: int, last: int) -> bytes:
        """As of `Source`."""
        self.requests += 1
        self.read_bytes += last - first + 1
        return await self.blobs.read_range(self.key, first, last, etag=self.etag)
