"""Where a job's bytes come from: the worker fetches what a job asks for, of one object as it was judged."""

from collections import OrderedDict
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


class Remembered:
    """Small pieces of objects that were read lately. Whoever leafs through a document has it opened again for every page, and
    most of what that reads is the same each time.
    """

    def __init__(self, most_bytes: int = 16 << 20, largest_bytes: int = 64 << 10) -> None:
        self._left = most_bytes
        self._largest = largest_bytes
        self._pieces: OrderedDict[tuple[str, str, int, int], bytes] = OrderedDict()

    def find(self, key: str, etag: str, first: int, last: int) -> bytes | None:
        """The very same piece, if it is there."""
        named = key, etag, first, last
        if named in self._pieces:
            self._pieces.move_to_end(named)
        return self._pieces.get(named)

    def keep(self, key: str, etag: str, first: int, last: int, content: bytes) -> None:
        """Keep a piece, unless it is large; those that nobody asked for longest make room."""
        if len(content) > self._largest or (key, etag, first, last) in self._pieces:
            return
        self._pieces[key, etag, first, last] = content
        self._left -= len(content)
        while self._left < 0:
            self._left += len(self._pieces.popitem(last=False)[1])


@dataclass(slots=True)
class Stored:
    """An object in the bucket, as long as it is the one with this ETag: otherwise reading raises BlobMissing, BlobChanged, but
    for what is `remembered`. `requests` and `read_bytes` count what was fetched.
    """

    blobs: Blobs
    key: str
    etag: str
    size_bytes: int
    known: bytes = b""
    requests: int = 0
    read_bytes: int = 0
    remembered: Remembered | None = None

    async def read_range(self, first: int, last: int) -> bytes:
        """As of `Source`."""
        known = self.remembered.find(self.key, self.etag, first, last) if self.remembered is not None else None
        if known is not None:
            return known
        self.requests += 1
        self.read_bytes += last - first + 1
        content = await self.blobs.read_range(self.key, first, last, etag=self.etag)
        if self.remembered is not None:
            self.remembered.keep(self.key, self.etag, first, last, content)
        return content
