"""Objects in parts over S3: begun and put together here, filled by clients under signed addresses."""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from coffer_chassis.blobs import LISTED_AT_ONCE, BlobHead, checksum
from coffer_chassis.clock import Clock
from coffer_chassis.encryption import Encryption
from coffer_chassis.multiparts import (
    MAX_PARTS,
    Assembled,
    BlobExists,
    MultipartMissing,
    OpenMultipart,
    PartsRefused,
    StoredPart,
    check_part,
)
from coffer_chassis.object_keys import checked_key, checked_prefix
from coffer_chassis.presign import Presigner, SigningKey
from coffer_chassis.signed import SignedRequest

COPY_PART_BYTES = 512 * 1024**2
COPIED_AT_ONCE = 4

_GONE = frozenset({"NoSuchUpload", "404"})
_REFUSED = frozenset({"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "EntityTooLarge", "BadDigest", "InvalidRequest"})
_EXISTS = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"})
"""Something lies there already, or is about to: two who complete at once, of which one was first."""


class S3Multiparts:
    """The part of Blobs that handles parts, over a long-lived S3 client."""

    _client: Any
    _bucket: str
    _presigner: Presigner
    _clock: Clock
    _credentials: Callable[[], SigningKey]
    _encryption: Encryption

    async def begin_multipart(self, key: str, *, content_type: str, hashed: bool) -> str:
        """See Multiparts."""
        # Once named, S3 takes no part without it ("Checking object integrity for data uploads", S3 user guide).
        extra = {"ChecksumAlgorithm": "SHA256", "ChecksumType": "COMPOSITE"} if hashed else {}
        answer = await self._client.create_multipart_upload(
            Bucket=self._bucket, Key=checked_key(key), ContentType=content_type, **extra, **self._encryption.arguments
        )
        return str(answer["UploadId"])

    async def parts(self, key: str, multipart_id: str) -> list[StoredPart]:
        """See Multiparts."""
        found: list[StoredPart] = []
        page: dict[str, Any] = {"Bucket": self._bucket, "Key": checked_key(key), "UploadId": multipart_id}
        with _translated():
            while True:
                answer = await self._client.list_parts(**page)
                found += [_part(one) for one in answer.get("Parts", ())]
                if not answer.get("IsTruncated") or not answer.get("Parts"):
                    return found
                page["PartNumberMarker"] = found[-1].number

    async def complete_multipart(self, key: str, multipart_id: str, parts: Sequence[StoredPart], *, hashed: bool) -> Assembled:
        """See Multiparts."""
        named = [
            {"PartNumber": part.number, "ETag": f'"{part.etag}"'}
            | ({"ChecksumSHA256": checksum(bytes.fromhex(part.sha256))} if hashed and part.sha256 else {})
            for part in parts
        ]
        size = sum(part.size_bytes for part in parts)
        with _translated():
            answer = await self._complete(key, multipart_id, named, MpuObjectSize=size, IfNoneMatch="*")
        return Assembled(str(answer["ETag"]).strip('"'), sha256_of(answer.get("ChecksumSHA256")))

    async def _complete(self, key: str, multipart_id: str, parts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await self._client.complete_multipart_upload(
            Bucket=self._bucket, Key=checked_key(key), UploadId=multipart_id, MultipartUpload={"Parts": parts}, **more
        )
        return answer

    async def copy_in_parts(self, source: str, target: str, head: BlobHead, *, etag: str | None) -> str:
        """Copy an object that is too long for one request; the ETag of the copy. What is begun and fails is aborted; raises
        what S3 answers.
        """
        length = max(COPY_PART_BYTES, -(-head.size_bytes // MAX_PARTS))
        multipart_id = await self.begin_multipart(target, content_type=head.content_type or "", hashed=False)
        turn = asyncio.Semaphore(COPIED_AT_ONCE)

        async def one(number: int) -> dict[str, Any]:
            first = (number - 1) * length
            async with turn:
                answer = await self._client.upload_part_copy(
                    Bucket=self._bucket,
                    Key=checked_key(target),
                    UploadId=multipart_id,
                    PartNumber=number,
                    CopySource={"Bucket": self._bucket, "Key": checked_key(source)},
                    CopySourceRange=f"bytes={first}-{min(first + length, head.size_bytes) - 1}",
                    CopySourceIfMatch=f'"{etag or head.etag}"',
                )
            return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

        try:
            async with asyncio.TaskGroup() as group:
                numbers = range(1, -(-head.size_bytes // length) + 1)
                copied = [group.create_task(one(number)) for number in numbers]
            answer = await self._complete(target, multipart_id, [task.result() for task in copied])
            return str(answer["ETag"]).strip('"')
        except BaseException as error:
            await self.abort_multipart(target, multipart_id)
            if isinstance(error, BaseExceptionGroup):
                raise error.exceptions[0] from error
            raise

    async def open_multiparts(self, prefix: str) -> AsyncIterator[OpenMultipart]:
        """See Multiparts."""
        page: dict[str, Any] = {"Bucket": self._bucket, "Prefix": checked_prefix(prefix), "MaxUploads": LISTED_AT_ONCE}
        while True:
            answer = await self._client.list_multipart_uploads(**page)
            for one in answer.get("Uploads", ()):
                yield OpenMultipart(one["Key"], one["UploadId"], one["Initiated"])
            if not answer["IsTruncated"]:
                return
            page |= {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer["NextUploadIdMarker"]}

    async def abort_multipart(self, key: str, multipart_id: str) -> None:
        """See Multiparts."""
        try:
            await self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=multipart_id)
        except ClientError as error:
            if _code(error) not in _GONE:
                raise

    def presign_part(
        self, key: str, multipart_id: str, number: int, *, length: int, sha256_hex: str | None, expires_seconds: int
    ) -> SignedRequest:
        """See Multiparts."""
        check_part(number, length)
        headers = {"content-length": str(length)}
        if sha256_hex is not None:
            headers["x-amz-checksum-sha256"] = checksum(bytes.fromhex(sha256_hex))
        url = self._presigner.sign(
            "PUT",
            checked_key(key),
            self._credentials(),
            now=self._clock.now(),
            expires_seconds=expires_seconds,
            headers=headers,
            query={"partNumber": str(number), "uploadId": multipart_id},
        )
        return SignedRequest("PUT", url, headers)


def _part(one: dict[str, Any]) -> StoredPart:
    digest = sha256_of(one.get("ChecksumSHA256"))
    return StoredPart(one["PartNumber"], one["Size"], one["ETag"].strip('"'), one["LastModified"], digest)


def sha256_of(text: str | None) -> str | None:
    """A SHA-256 as S3 tells it, as hexadecimal; that of a whole in parts ends with their number. None for anything else."""
    if not text:
        return None
    try:
        digest = base64.b64decode(text.partition("-")[0], validate=True)
    except binascii.Error:
        return None
    return digest.hex() if len(digest) == 32 else None


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = _code(error)
        if code in _GONE:
            raise MultipartMissing(str(error)) from error
        if code in _EXISTS:
            raise BlobExists(str(error)) from error
        if code in _REFUSED:
            raise PartsRefused(str(error)) from error
        raise


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
