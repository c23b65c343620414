"""What a bucket does, whichever it is: one suite, inherited by the tests of each kind."""

import hashlib
from abc import abstractmethod
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from coffer_chassis.blobs import LISTED_AT_ONCE, PUT_BYTES, BlobChanged, BlobMissing, Blobs
from coffer_chassis.blobs_streams import STREAM_CHUNK_BYTES
from coffer_chassis.object_keys import KEY_BYTES, KeyRefused

CONTENT = b"0123456789" * 10
OTHER = b"9876543210" * 10
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class BlobSuite:
    """Subclasses give the fixture `blobs` and say how a multipart upload is begun there."""

    @abstractmethod
    async def begin_multipart(self, blobs: Any, key: str) -> str:
        """Begin a multipart upload and send none of its parts; its id."""

    checks_copies: ClassVar[bool] = True
    """Whether this bucket copies only what has the ETag that was asked for, as S3 does."""

    @pytest.fixture
    def key(self, request: pytest.FixtureRequest) -> str:
        return f"blobs/owner/{hashlib.sha256(request.node.name.encode()).hexdigest()[:16]}"

    async def test_what_is_written_is_read(self, blobs: Blobs, key: str) -> None:
        etag = await blobs.write(key, CONTENT, content_type="image/png", cache_control="private, max-age=60")
        head = await blobs.head(key)
        assert head
        assert (head.size_bytes, head.etag, head.content_type) == (len(CONTENT), etag, "image/png")
        assert head.modified_at.tzinfo is not None
        assert await blobs.read(key) == await blobs.read(key, etag=etag) == CONTENT

    async def test_an_etag_of_a_small_object_is_its_md5_without_quotes(self, blobs: Blobs, key: str) -> None:
        etag = await blobs.write(key, CONTENT, content_type="text/plain")
        assert etag == hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()

    async def test_writing_again_overwrites(self, blobs: Blobs, key: str) -> None:
        for content in (CONTENT, OTHER, OTHER):
            await blobs.write(key, content, content_type="text/plain")
        assert await blobs.read(key) == OTHER

    async def test_an_object_of_megabytes_is_stored_byte_by_byte(self, blobs: Blobs, key: str) -> None:
        content = bytes(range(256)) * 4 * 2048
        await blobs.write(key, content, content_type="application/octet-stream")
        assert await blobs.read(key) == content

    async def test_an_object_is_streamed_in_pieces_and_from_its_middle(self, blobs: Blobs, key: str) -> None:
        content = bytes(range(256)) * 2048
        etag = await blobs.write(key, content, content_type="text/plain")
        for first in (0, 1, len(content) - 1, len(content), len(content) + 7):
            async with blobs.stream(key, first=first, etag=etag) as pieces:
                taken = [piece async for piece in pieces]
            assert b"".join(taken) == content[first:]
            assert all(0 < len(piece) <= STREAM_CHUNK_BYTES for piece in taken)
        async with blobs.stream(key) as pieces:
            assert content.startswith(await anext(aiter(pieces)))  # and left there
        assert await blobs.read(key) == content

    async def test_what_is_not_there_or_another_one_is_not_streamed(self, blobs: Blobs, key: str) -> None:
        with pytest.raises(BlobMissing):
            async with blobs.stream(key):
                pass
        await blobs.write(key, CONTENT, content_type="text/plain")
        with pytest.raises(BlobChanged):
            async with blobs.stream(key, etag="d41d8cd98f00b204e9800998ecf8427e"):
                pass
        with pytest.raises(ValueError, match="no byte"):
            async with blobs.stream(key, first=-1):
                pass

    async def test_ranges(self, blobs: Blobs, key: str) -> None:
        etag = await blobs.write(key, CONTENT, content_type="text/plain")
        assert await blobs.read_range(key, 0, 3) == CONTENT[:4]
        assert await blobs.read_range(key, 95, 1000, etag=etag) == CONTENT[95:]
        assert await blobs.read_range(key, 1000, 2000) == b""

    async def test_an_empty_object(self, blobs: Blobs, key: str) -> None:
        await blobs.write(key, b"", content_type="text/plain")
        assert await blobs.read_range(key, 0, 100) == b""
        assert await blobs.read(key) == b""

    @pytest.mark.parametrize(("first", "last"), [(5, 4), (-1, 3), (0, -1)])
    async def test_refuses_a_range_that_is_none(self, blobs: Blobs, key: str, first: int, last: int) -> None:
        await blobs.write(key, CONTENT, content_type="text/plain")
        with pytest.raises(ValueError, match="no range"):
            await blobs.read_range(key, first, last)

    async def test_what_is_absent(self, blobs: Blobs, key: str) -> None:
        assert await blobs.head(key) is None
        with pytest.raises(BlobMissing):
            await blobs.read(key)
        with pytest.raises(BlobMissing):
            await blobs.read_range(key, 0, 1)
        with pytest.raises(BlobMissing):
            await blobs.copy(key, f"{key}-copy")
        await blobs.delete([key])
        await blobs.delete([])

    async def test_what_changed_meanwhile_is_not_read(self, blobs: Blobs, key: str) -> None:
        judged = await blobs.write(key, CONTENT, content_type="text/plain")
        assert await blobs.write(key, OTHER, content_type="text/plain") != judged
        with pytest.raises(BlobChanged):
            await blobs.read(key, etag=judged)
        with pytest.raises(BlobChanged):
            await blobs.read_range(key, 0, 1, etag=judged)

    async def test_what_changed_meanwhile_is_not_copied(self, blobs: Blobs, key: str) -> None:
        judged = await blobs.write(key, CONTENT, content_type="text/plain")
        await blobs.write(key, OTHER, content_type="text/plain")
        with pytest.raises(BlobChanged) if self.checks_copies else nullcontext():
            await blobs.copy(key, f"{key}-copy", etag=judged)
        assert bool(await blobs.head(f"{key}-copy")) is not self.checks_copies

    async def test_copies_the_bytes_that_were_judged(self, blobs: Blobs, key: str) -> None:
        etag = await blobs.write(key, CONTENT, content_type="image/png")
        for _ in range(2):
            await blobs.copy(key, f"{key}-copy", etag=etag)
        head = await blobs.head(f"{key}-copy")
        assert head
        assert (head.etag, head.content_type) == (etag, "image/png")

    async def test_deletes_many_and_twice(self, blobs: Blobs, key: str) -> None:
        keys = [f"{key}-{number}" for number in range(3)]
        for name in keys:
            await blobs.write(name, CONTENT, content_type="text/plain")
        await blobs.delete([*keys, f"{key}-absent"])
        await blobs.delete(keys)
        assert [await blobs.head(name) for name in keys] == [None] * 3

    async def test_deletes_more_than_one_request_takes(self, blobs: Blobs, key: str) -> None:
        keys = [f"{key}-{number}" for number in range(1001)]
        for name in (keys[0], keys[-1]):
            await blobs.write(name, CONTENT, content_type="text/plain")
        await blobs.delete(keys)
        assert [await blobs.head(name) for name in (keys[0], keys[-1])] == [None] * 2

    async def test_lists_what_lies_below_a_prefix_in_order_and_in_pages(self, blobs: Blobs, key: str) -> None:
        names = [f"{key}/{name}" for name in ("0", "a", "a-b", "a.c", "a/b", "a_b", "z")]
        for name in reversed(names):
            await blobs.write(name, CONTENT, content_type="text/plain")
        await blobs.write(f"{key}0", CONTENT, content_type="text/plain")
        page = await blobs.listed(f"{key}/")
        assert [one.key for one in page] == sorted(names)
        head = await blobs.head(names[0])
        assert head
        assert (page[0].size_bytes, page[0].etag, page[0].modified_at.tzinfo is not None) == (100, head.etag, True)
        assert abs((page[0].modified_at - head.modified_at).total_seconds()) < 1.5
        found: list[str] = []
        while more := await blobs.listed(f"{key}/", after=found[-1] if found else "", limit=3):
            found += [one.key for one in more]
            assert len(more) == 3 or len(found) == len(names)
        assert found == sorted(names)
        assert await blobs.listed(f"{key}/nothing/") == []

    @pytest.mark.parametrize("limit", [0, -1, LISTED_AT_ONCE + 1])
    async def test_lists_no_page_that_s3_would_not_give(self, blobs: Blobs, key: str, limit: int) -> None:
        with pytest.raises(ValueError, match="page"):
            await blobs.listed(f"{key}/", limit=limit)

    @pytest.mark.parametrize("odd", ["", "blobs", "../", "blobs/*/", "ü/"])
    async def test_lists_no_prefix_that_coffer_never_uses(self, blobs: Blobs, odd: str) -> None:
        with pytest.raises(KeyRefused):
            await blobs.listed(odd)
        with pytest.raises(KeyRefused):
            [one async for one in blobs.open_multiparts(odd)]

    async def test_finds_and_aborts_what_was_begun_and_never_finished(self, blobs: Blobs, key: str) -> None:
        begun = {(f"{key}/{number}", await self.begin_multipart(blobs, f"{key}/{number}")) for number in (2, 1, 1)}
        found = [one async for one in blobs.open_multiparts(f"{key}/")]
        assert {(one.key, one.multipart_id) for one in found} == begun
        assert all(one.begun_at < datetime.now(UTC) + timedelta(minutes=5) for one in found)
        assert [one async for one in blobs.open_multiparts(f"{key}/2/")] == []
        assert await blobs.listed(f"{key}/") == []
        for _ in range(2):
            await blobs.abort_multipart(found[0].key, found[0].multipart_id)
        assert [one async for one in blobs.open_multiparts(f"{key}/")] == found[1:]
        for one in found:
            await blobs.abort_multipart(one.key, one.multipart_id)
        assert [one async for one in blobs.open_multiparts(f"{key}/")] == []

    async def test_finds_more_of_them_than_one_page_holds(self, blobs: Blobs, key: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("coffer_chassis.blobs_aws_listing.LISTED_AT_ONCE", 2)
            begun = {await self.begin_multipart(blobs, f"{key}/{number // 3}") for number in range(7)}
            found = [one async for one in blobs.open_multiparts(f"{key}/")]
        assert {one.multipart_id for one in found} == begun
        assert len(found) == 7

    @pytest.mark.parametrize(
        "odd",
        [*"/ A", "", "/blobs/a", "blobs//a", "blobs/", "blobs/../a", "blobs/.", "blobs/ü", "blobs/a+b", "a\n", "b" * 201],
    )
    async def test_refuses_a_key_that_coffer_never_uses(self, blobs: Blobs, odd: str) -> None:
        with pytest.raises(KeyRefused):
            await blobs.head(odd)
        with pytest.raises(KeyRefused):
            await blobs.read(odd)
        with pytest.raises(KeyRefused):
            await blobs.read_range(odd, 0, 1)
        with pytest.raises(KeyRefused):
            await blobs.write(odd, CONTENT, content_type="text/plain")
        with pytest.raises(KeyRefused):
            await blobs.copy("blobs/a", odd)
        with pytest.raises(KeyRefused):
            await blobs.copy(odd, "blobs/a")
        with pytest.raises(KeyRefused):
            await blobs.delete(["blobs/a", odd])
        with pytest.raises(KeyRefused):
            blobs.presign_put(odd, length=1, content_type="a/b", sha256_hex=None, expires_seconds=60)
        with pytest.raises(KeyRefused):
            blobs.presign_get(odd, content_type="a/b", disposition="inline", expires_seconds=60)

    async def test_takes_the_longest_key(self, blobs: Blobs) -> None:
        longest = f"blobs/{'a.b_c-9' * 28}"[:KEY_BYTES]
        await blobs.write(longest, CONTENT, content_type="text/plain")
        assert await blobs.read(longest) == CONTENT

    async def test_a_signed_put_names_what_must_be_sent(self, blobs: Blobs, key: str) -> None:
        request = blobs.presign_put(key, length=100, content_type="a/b", sha256_hex=DIGEST, expires_seconds=60)
        assert request.method == "PUT"
        assert {**request.headers, "x-amz-checksum-sha256": ""} == {
            "content-length": "100",
            "content-type": "a/b",
            "if-none-match": "*",
            "x-amz-checksum-sha256": "",
        }

    @pytest.mark.parametrize(
        ("length", "digest"),
        [
            pytest.param(-1, None, id="less than nothing"),
            pytest.param(PUT_BYTES + 1, None, id="more than one PUT takes"),
            pytest.param(1, "", id="no digest"),
            pytest.param(1, DIGEST[:-2], id="half a digest"),
            pytest.param(1, "z" * 64, id="not hexadecimal"),
        ],
    )
    async def test_signs_no_put_that_s3_would_refuse(self, blobs: Blobs, key: str, length: int, digest: str | None) -> None:
        with pytest.raises(ValueError, match=r"bytes|hexadecimal"):
            blobs.presign_put(key, length=length, content_type="a/b", sha256_hex=digest, expires_seconds=60)
        assert blobs.presign_put(key, length=PUT_BYTES, content_type="a/b", sha256_hex=DIGEST, expires_seconds=60).url
