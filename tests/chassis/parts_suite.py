"""What a bucket does with objects that come in parts, whichever it is: one suite, inherited by the tests of each kind."""

import hashlib
from abc import abstractmethod
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from coffer_chassis.blobs import BlobChanged, BlobMissing, Blobs
from coffer_chassis.multiparts import (
    MAX_PART_BYTES,
    MIN_PART_BYTES,
    Assembled,
    BlobExists,
    MultipartMissing,
    PartsRefused,
    StoredPart,
    composite,
)

LONG = bytes(range(256)) * (MIN_PART_BYTES // 256)
SHORT = b"the end"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class PartsSuite:
    """Subclasses give the fixtures `blobs` and `key`, and say how a client sends a part."""

    tells_digests: ClassVar[bool] = True
    """Whether this bucket tells the SHA-256 of parts and of the whole, as S3 does."""
    refuses_small_parts: ClassVar[bool] = True
    """Whether this bucket wants 5 MiB in every part but the last, as S3 does."""
    knows_abort: ClassVar[bool] = True
    """Whether this bucket tells as S3 does that a multipart upload is gone when it is to be completed."""

    @abstractmethod
    async def put_part(self, blobs: Any, key: str, multipart_id: str, number: int, content: bytes, *, hashed: bool) -> bool:
        """Send a part under its signed address; whether the bucket took it."""

    async def begun(self, blobs: Blobs, key: str, *, hashed: bool = True) -> tuple[str, list[StoredPart]]:
        """A multipart upload with two parts, the later one sent first."""
        multipart_id = await blobs.begin_multipart(key, content_type="video/mp4", hashed=hashed)
        for number, content in ((2, SHORT), (1, LONG)):
            assert await self.put_part(blobs, key, multipart_id, number, content, hashed=hashed)
        return multipart_id, await blobs.parts(key, multipart_id)

    @pytest.mark.parametrize("hashed", [True, False])
    async def test_parts_become_an_object(self, blobs: Blobs, key: str, hashed: bool) -> None:
        multipart_id, parts = await self.begun(blobs, key, hashed=hashed)
        assert [(part.number, part.size_bytes) for part in parts] == [(1, len(LONG)), (2, len(SHORT))]
        assert [part.etag for part in parts] == [
            hashlib.md5(content, usedforsecurity=False).hexdigest() for content in (LONG, SHORT)
        ]
        assert all(part.stored_at < datetime.now(UTC) + timedelta(minutes=5) for part in parts)
        whole = composite([digest(LONG), digest(SHORT)]) if hashed and self.tells_digests else None
        if self.tells_digests:
            assert [part.sha256 for part in parts] == ([digest(LONG), digest(SHORT)] if hashed else [None, None])
        assert await blobs.head(key) is None
        done = await blobs.complete_multipart(key, multipart_id, parts, hashed=hashed)
        assert done == Assembled(done.etag, whole)
        assert done.etag.endswith("-2")
        head = await blobs.head(key)
        assert head
        assert (head.size_bytes, head.etag, head.content_type) == (len(LONG) + len(SHORT), done.etag, "video/mp4")
        if self.tells_digests:
            assert head.sha256 == whole
        assert await blobs.read_range(key, len(LONG) - 2, len(LONG) + 2, etag=done.etag) == LONG[-2:] + SHORT[:3]
        with pytest.raises(BlobChanged):
            await blobs.read_range(key, 0, 1, etag="0" * 32)

    async def test_completing_twice_answers_the_same_or_says_that_it_is_done(self, blobs: Blobs, key: str) -> None:
        multipart_id, parts = await self.begun(blobs, key)
        done = await blobs.complete_multipart(key, multipart_id, parts, hashed=True)
        try:
            again = await blobs.complete_multipart(key, multipart_id, parts, hashed=True)
        except (MultipartMissing, BlobExists):
            return
        assert again.etag == done.etag

    async def test_what_lies_there_is_not_overwritten(self, blobs: Blobs, key: str) -> None:
        await blobs.write(key, SHORT, content_type="text/plain")
        multipart_id, parts = await self.begun(blobs, key)
        with pytest.raises(BlobExists):
            await blobs.complete_multipart(key, multipart_id, parts, hashed=True)
        assert await blobs.read(key) == SHORT
        await blobs.abort_multipart(key, multipart_id)

    async def test_a_part_sent_again_counts(self, blobs: Blobs, key: str) -> None:
        multipart_id, before = await self.begun(blobs, key)
        assert await self.put_part(blobs, key, multipart_id, 2, SHORT[::-1], hashed=True)
        with pytest.raises(PartsRefused):
            await blobs.complete_multipart(key, multipart_id, before, hashed=True)
        parts = await blobs.parts(key, multipart_id)
        await blobs.complete_multipart(key, multipart_id, parts, hashed=True)
        assert await blobs.read(key) == LONG + SHORT[::-1]

    @pytest.mark.parametrize("wrong", ["absent", "another etag", "too small"])
    async def test_refuses_parts_that_are_not_as_named(self, blobs: Blobs, key: str, wrong: str) -> None:
        multipart_id, (long, short) = await self.begun(blobs, key)
        if wrong == "too small":
            assert await self.put_part(blobs, key, multipart_id, 1, SHORT, hashed=True)
            named = await blobs.parts(key, multipart_id)
        else:
            named = [long, replace(short, number=3) if wrong == "absent" else replace(short, etag="0" * 32)]
        refused = wrong != "too small" or self.refuses_small_parts
        with pytest.raises(PartsRefused) if refused else nullcontext():
            await blobs.complete_multipart(key, multipart_id, named, hashed=True)
        assert (await blobs.head(key) is None) is refused
        await blobs.abort_multipart(key, multipart_id)

    async def test_an_empty_object_is_one_empty_part(self, blobs: Blobs, key: str) -> None:
        multipart_id = await blobs.begin_multipart(key, content_type="text/plain", hashed=True)
        assert await self.put_part(blobs, key, multipart_id, 1, b"", hashed=True)
        await blobs.complete_multipart(key, multipart_id, await blobs.parts(key, multipart_id), hashed=True)
        assert await blobs.read(key) == b""

    async def test_what_was_aborted_is_gone(self, blobs: Blobs, key: str) -> None:
        multipart_id, parts = await self.begun(blobs, key)
        for _ in range(2):
            await blobs.abort_multipart(key, multipart_id)
        with pytest.raises(MultipartMissing):
            await blobs.parts(key, multipart_id)
        assert await self.put_part(blobs, key, multipart_id, 1, LONG, hashed=True) is False
        if self.knows_abort:
            with pytest.raises(MultipartMissing):
                await blobs.complete_multipart(key, multipart_id, parts, hashed=True)
        assert await blobs.head(key) is None

    @pytest.mark.parametrize(("number", "length"), [(0, 1), (10_001, 1), (1, -1), (1, MAX_PART_BYTES + 1)])
    async def test_signs_no_part_that_s3_would_not_take(self, blobs: Blobs, key: str, number: int, length: int) -> None:
        with pytest.raises(ValueError, match="part"):
            blobs.presign_part(key, "id", number, length=length, sha256_hex=None, expires_seconds=60)

    async def test_a_copy_that_is_too_long_for_one_request_is_made_in_parts(self, blobs: Blobs, key: str) -> None:
        etag = await blobs.write(key, LONG + SHORT, content_type="video/mp4")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("coffer_chassis.blobs_aws.PUT_BYTES", len(LONG))
            patch.setattr("coffer_chassis.blobs_aws_multiparts.COPY_PART_BYTES", len(LONG))
            for _ in range(2):
                await blobs.copy(key, f"{key}-copy", etag=etag)
            with pytest.raises(BlobMissing):
                await blobs.copy(f"{key}-absent", f"{key}-copy")
        head = await blobs.head(f"{key}-copy")
        assert head
        assert (head.size_bytes, head.content_type) == (len(LONG + SHORT), "video/mp4")
        assert await blobs.read(f"{key}-copy") == LONG + SHORT
        assert [one async for one in blobs.open_multiparts("blobs/owner/") if one.key == f"{key}-copy"] == []
