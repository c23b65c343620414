"""Objects in parts, in memory: what tests have instead of S3, with S3's refusals."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from coffer_chassis.clock import Clock
from coffer_chassis.ids import new_id
from coffer_chassis.multiparts import (
    MIN_PART_BYTES,
    Assembled,
    BlobExists,
    MultipartMissing,
    OpenMultipart,
    PartsRefused,
    StoredPart,
    check_part,
    composite,
)
from coffer_chassis.object_keys import checked_key, checked_prefix
from coffer_chassis.signed import SignedRequest


@dataclass
class MemoryObject:
    """An object; `sha256` only where the bucket was given one to check."""

    content: bytes
    content_type: str
    etag: str
    modified_at: datetime
    sha256: str | None = None


@dataclass
class _Begun:
    key: str
    content_type: str
    hashed: bool
    begun_at: datetime
    parts: dict[int, tuple[StoredPart, bytes]] = field(default_factory=dict)


class MemoryMultiparts:
    """The part of MemoryBlobs that handles parts."""

    clock: Clock
    objects: dict[str, MemoryObject]
    begun: dict[str, _Begun]
    completed: dict[str, tuple[str, Assembled]]
    least_part_bytes = MIN_PART_BYTES
    """Tests lower it so that they need not move megabytes."""

    @property
    def multiparts(self) -> set[OpenMultipart]:
        """What was begun and neither completed nor aborted."""
        return {OpenMultipart(one.key, multipart_id, one.begun_at) for multipart_id, one in self.begun.items()}

    def lose_multiparts(self) -> None:
        """What a bucket does that forgets, or that was tidied up by others."""
        self.begun.clear()

    async def begin_multipart(self, key: str, *, content_type: str, hashed: bool) -> str:
        """See Multiparts."""
        multipart_id = new_id()
        self.begun[multipart_id] = _Begun(checked_key(key), content_type, hashed, self.clock.now())
        return multipart_id

    async def put_part(self, key: str, multipart_id: str, number: int, content: bytes, *, sha256: str | None = None) -> str:
        """What a client does under a signed address; the part's ETag. Raises MultipartMissing, PartsRefused."""
        begun = self._begun(key, multipart_id)
        check_part(number, len(content))
        digest = hashlib.sha256(content).hexdigest()
        if begun.hashed is not (sha256 is not None) or sha256 not in {None, digest}:
            raise PartsRefused("BadDigest")
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        begun.parts[number] = (StoredPart(number, len(content), etag, self.clock.now(), sha256), content)
        return etag

    async def parts(self, key: str, multipart_id: str) -> list[StoredPart]:
        """See Multiparts."""
        begun = self._begun(key, multipart_id)
        return [begun.parts[number][0] for number in sorted(begun.parts)]

    async def complete_multipart(self, key: str, multipart_id: str, parts: Sequence[StoredPart], *, hashed: bool) -> Assembled:
        """See Multiparts."""
        if (done := self.completed.get(multipart_id)) and done[0] == key:
            return done[1]
        begun = self._begun(key, multipart_id)
        if key in self.objects:
            raise BlobExists(key)
        numbers = [part.number for part in parts]
        if not parts or numbers != sorted(set(numbers)):
            raise PartsRefused("InvalidPartOrder")
        there = [begun.parts.get(part.number) for part in parts]
        for part, stored in zip(parts, there, strict=True):
            if stored is None or (stored[0].etag, stored[0].sha256) != (part.etag, part.sha256 if hashed else None):
                raise PartsRefused("InvalidPart")
            if part is not parts[-1] and stored[0].size_bytes < self.least_part_bytes:
                raise PartsRefused("EntityTooSmall")
        content = b"".join(stored[1] for stored in there if stored)
        md5 = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts), usedforsecurity=False).hexdigest()
        digests = [part.sha256 for part in parts if part.sha256]
        answer = Assembled(f"{md5}-{len(parts)}", composite(digests) if hashed else None)
        self.objects[key] = MemoryObject(content, begun.content_type, answer.etag, self.clock.now(), answer.sha256)
        del self.begun[multipart_id]
        self.completed[multipart_id] = (key, answer)
        return answer

    async def open_multiparts(self, prefix: str) -> AsyncIterator[OpenMultipart]:
        """See Multiparts."""
        checked_prefix(prefix)
        for one in sorted(self.multiparts, key=lambda one: (one.key, one.multipart_id)):
            if one.key.startswith(prefix):
                yield one

    async def abort_multipart(self, key: str, multipart_id: str) -> None:
        """See Multiparts."""
        if multipart_id in self.begun and self.begun[multipart_id].key == key:
            del self.begun[multipart_id]

    def presign_part(
        self, key: str, multipart_id: str, number: int, *, length: int, sha256_hex: str | None, expires_seconds: int
    ) -> SignedRequest:
        """See Multiparts."""
        check_part(number, length)
        headers = {"content-length": str(length)} | ({"x-amz-checksum-sha256": sha256_hex} if sha256_hex else {})
        query = f"partNumber={number}&uploadId={multipart_id}&expires={expires_seconds}"
        return SignedRequest("PUT", f"https://bucket.invalid/{checked_key(key)}?{query}", headers)

    def _begun(self, key: str, multipart_id: str) -> _Begun:
        begun = self.begun.get(multipart_id)
        if begun is None or begun.key != checked_key(key):
            raise MultipartMissing(multipart_id)
        return begun
