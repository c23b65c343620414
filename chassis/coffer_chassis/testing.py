"""What tests of services need: a clock that stands still, a bucket in memory, waiting with a deadline."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from coffer_chassis.blobs import (
    LISTED_AT_ONCE,
    BlobChanged,
    BlobHead,
    BlobMissing,
    Listed,
    SignedForm,
    check_range,
    put_headers,
)
from coffer_chassis.blobs_streams import STREAM_CHUNK_BYTES
from coffer_chassis.memory_multiparts import MemoryMultiparts, MemoryObject
from coffer_chassis.object_keys import checked_key, checked_prefix
from coffer_chassis.signed import SignedRequest

T = TypeVar("T")

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class FixedClock:
    """A clock that moves only when told to."""

    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """The moment it was set to."""
        return self.moment

    def advance(self, **parts: float) -> None:
        """Move by a `timedelta`'s keyword arguments."""
        self.moment += timedelta(**parts)


class MemoryBlobs(MemoryMultiparts):
    """A bucket in memory. It signs addresses that nobody can open."""

    def __init__(self, clock: FixedClock | None = None) -> None:
        self.clock: FixedClock = clock or FixedClock()
        self.objects = {}
        self.begun = {}
        self.completed = {}

    async def head(self, key: str) -> BlobHead | None:
        """See Blobs."""
        found = self.objects.get(checked_key(key))
        if found is None:
            return None
        return BlobHead(len(found.content), found.etag, found.modified_at, found.content_type, found.sha256)

    async def read(self, key: str, *, etag: str | None = None) -> bytes:
        """See Blobs."""
        return self._open(key, etag).content

    async def read_range(self, key: str, first: int, last: int, *, etag: str | None = None) -> bytes:
        """See Blobs."""
        check_range(first, last)
        return self._open(key, etag).content[first : last + 1]

    @asynccontextmanager
    async def stream(self, key: str, *, first: int = 0, etag: str | None = None) -> AsyncIterator[AsyncIterator[bytes]]:
        """See Blobs."""
        if first < 0:
            raise ValueError(f"an object has no byte {first}")
        content = self._open(key, etag).content

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(first, len(content), STREAM_CHUNK_BYTES):
                yield content[start : start + STREAM_CHUNK_BYTES]

        yield pieces()

    async def write(self, key: str, content: bytes, *, content_type: str, cache_control: str | None = None) -> str:
        """See Blobs."""
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        self.objects[checked_key(key)] = MemoryObject(content, content_type, etag, self.clock.now())
        return etag

    async def copy(self, source: str, target: str, *, etag: str | None = None, size_bytes: int | None = None) -> str:
        """See Blobs."""
        checked_key(target)
        self.objects[target] = self._open(source, etag)
        return self.objects[target].etag

    async def delete(self, keys: Sequence[str]) -> None:
        """See Blobs."""
        for key in [checked_key(key) for key in keys]:
            self.objects.pop(key, None)

    async def listed(self, prefix: str, *, after: str = "", limit: int = LISTED_AT_ONCE) -> list[Listed]:
        """See Blobs."""
        if not 1 <= limit <= LISTED_AT_ONCE:
            raise ValueError(f"a page holds 1 to {LISTED_AT_ONCE} objects, not {limit}")
        checked_prefix(prefix)
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        found = [(key, self.objects[key]) for key in keys[:limit]]
        return [Listed(key, len(one.content), one.etag, one.modified_at) for key, one in found]

    def presign_put(
        self, key: str, *, length: int, content_type: str, sha256_hex: str | None, expires_seconds: int
    ) -> SignedRequest:
        """See Blobs."""
        headers = put_headers(length=length, content_type=content_type, sha256_hex=sha256_hex)
        return SignedRequest("PUT", f"https://bucket.invalid/{checked_key(key)}?expires={expires_seconds}", headers)

    def presign_post(self, key: str, *, length: int, expires_seconds: int) -> SignedForm:
        """See Blobs."""
        put_headers(length=length, content_type="", sha256_hex=None)
        fields = {"key": checked_key(key), "length": str(length), "expires": str(expires_seconds)}
        return SignedForm("https://bucket.invalid/", fields)

    def presign_get(self, key: str, *, content_type: str, disposition: str, expires_seconds: int, fresh: bool = False) -> str:
        """See Blobs."""
        return (
            f"https://bucket.invalid/{checked_key(key)}?type={content_type}&disposition={disposition}&expires={expires_seconds}"
        )

    def _open(self, key: str, etag: str | None) -> MemoryObject:
        found = self.objects.get(checked_key(key))
        if found is None:
            raise BlobMissing(key)
        if etag is not None and etag != found.etag:
            raise BlobChanged(key)
        return found


async def eventually(probe: Callable[[], Awaitable[T]], *, within_seconds: float = 30, every_seconds: float = 0.02) -> T:
    """Ask `probe` until it answers something true; that answer. Raises AssertionError with the last answer at the deadline."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_seconds
    while True:
        answer = await probe()
        if answer:
            return answer
        if loop.time() > deadline:
            raise AssertionError(f"still {answer!r} after {within_seconds} s")
        await asyncio.sleep(every_seconds)
