"""The bucket over S3. It asks for checksums itself, because S3-compatible servers differ in those that an SDK adds."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError

from coffer_chassis.blobs import (
    PUT_BYTES,
    BlobHead,
    BlobMissing,
    BlobsNotDeleted,
    SignedForm,
    check_range,
    checksum,
    put_headers,
)
from coffer_chassis.blobs_aws_errors import ABSENT, code_of, translated
from coffer_chassis.blobs_aws_listing import S3Listing
from coffer_chassis.blobs_aws_multiparts import S3Multiparts, sha256_of
from coffer_chassis.blobs_aws_streams import S3Streams
from coffer_chassis.clock import Clock
from coffer_chassis.encryption import PLAIN, Encryption
from coffer_chassis.object_keys import checked_key
from coffer_chassis.presign import MAX_EXPIRES_SECONDS, Presigner, SigningKey
from coffer_chassis.signed import SignedRequest

GET_ROUNDING = timedelta(minutes=15)
"""Signing time of downloads is rounded down to this, so that a browser finds the same address in its cache."""

DELETED_AT_ONCE = 1000
"""Keys of one DeleteObjects (S3 API reference)."""


class S3Blobs(S3Listing, S3Multiparts, S3Streams):
    """Blobs over a long-lived S3 client; `credentials` tells with what to sign at this moment, without waiting."""

    def __init__(
        self,
        client: Any,
        *,
        bucket: str,
        presigner: Presigner,
        clock: Clock,
        credentials: Callable[[], SigningKey],
        encryption: Encryption = PLAIN,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._presigner = presigner
        self._clock = clock
        self._credentials = credentials
        self._encryption = encryption

    async def head(self, key: str) -> BlobHead | None:
        """See Blobs."""
        try:
            answer = await self._client.head_object(**self._object(key), ChecksumMode="ENABLED")
        except ClientError as error:
            if code_of(error) in ABSENT:
                return None
            raise
        return BlobHead(
            answer["ContentLength"],
            answer["ETag"].strip('"'),
            answer["LastModified"],
            answer.get("ContentType"),
            sha256_of(answer.get("ChecksumSHA256")),
        )

    async def read(self, key: str, *, etag: str | None = None) -> bytes:
        """See Blobs."""
        return await self._get(self._object(key), etag)

    async def read_range(self, key: str, first: int, last: int, *, etag: str | None = None) -> bytes:
        """See Blobs."""
        check_range(first, last)
        try:
            return await self._get(self._object(key) | {"Range": f"bytes={first}-{last}"}, etag)
        except ClientError as error:
            if code_of(error) == "InvalidRange":
                return b""
            raise

    async def _get(self, arguments: dict[str, Any], etag: str | None) -> bytes:
        if etag is not None:
            arguments["IfMatch"] = f'"{etag}"'
        with translated():
            answer = await self._client.get_object(**arguments)
            async with answer["Body"] as stream:
                content: bytes = await stream.read()
                return content

    async def write(self, key: str, content: bytes, *, content_type: str, cache_control: str | None = None) -> str:
        """See Blobs."""
        extra = {**self._encryption.arguments, **({"CacheControl": cache_control} if cache_control else {})}
        answer = await self._client.put_object(
            **self._object(key),
            # Raw bytes of a mebibyte and more would be sent without letting anything else run.
            Body=BytesIO(content),
            ContentType=content_type,
            ChecksumSHA256=checksum(hashlib.sha256(content).digest()),
            **extra,
        )
        return str(answer["ETag"]).strip('"')

    async def copy(self, source: str, target: str, *, etag: str | None = None, size_bytes: int | None = None) -> str:
        """See Blobs."""
        checked_key(target)
        if size_bytes is None or size_bytes > PUT_BYTES:
            head = await self.head(source)
            if head is None:
                raise BlobMissing(source)
            if head.size_bytes > PUT_BYTES:
                with translated():
                    return await self.copy_in_parts(source, target, head, etag=etag)
        extra = {**self._encryption.arguments, **({"CopySourceIfMatch": f'"{etag}"'} if etag else {})}
        with translated():
            answer = await self._client.copy_object(**self._object(target), CopySource=self._object(source), **extra)
        return str(answer["CopyObjectResult"]["ETag"]).strip('"')

    async def delete(self, keys: Sequence[str]) -> None:
        """See Blobs."""
        objects = [{"Key": checked_key(key)} for key in keys]
        failures: list[dict[str, Any]] = []
        for start in range(0, len(objects), DELETED_AT_ONCE):
            answer = await self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": objects[start : start + DELETED_AT_ONCE], "Quiet": True}
            )
            failures += answer.get("Errors", ())
        if failures:
            raise BlobsNotDeleted(f"{len(failures)} of {len(keys)}: {failures[0].get('Code')}")

    def presign_put(
        self, key: str, *, length: int, content_type: str, sha256_hex: str | None, expires_seconds: int
    ) -> SignedRequest:
        """See Blobs."""
        headers = put_headers(length=length, content_type=content_type, sha256_hex=sha256_hex) | self._encryption.headers
        url = self._presigner.sign(
            "PUT",
            checked_key(key),
            self._credentials(),
            now=self._clock.now(),
            expires_seconds=expires_seconds,
            headers=headers,
        )
        return SignedRequest("PUT", url, headers)

    def presign_post(self, key: str, *, length: int, expires_seconds: int) -> SignedForm:
        """See Blobs."""
        if not 0 <= length <= PUT_BYTES:
            raise ValueError(f"S3 takes 0 to {PUT_BYTES} bytes in one form, not {length}")
        fields = self._presigner.sign_form(
            checked_key(key),
            self._credentials(),
            now=self._clock.now(),
            expires_seconds=expires_seconds,
            bucket=self._bucket,
            length=length,
            more=self._encryption.headers,
        )
        return SignedForm(self._presigner.base_url, fields)

    def presign_get(self, key: str, *, content_type: str, disposition: str, expires_seconds: int, fresh: bool = False) -> str:
        """See Blobs."""
        now = self._clock.now()
        signed_at = now
        if not fresh:
            signed_at = datetime.fromtimestamp(
                now.timestamp() // GET_ROUNDING.total_seconds() * GET_ROUNDING.total_seconds(), now.tzinfo
            )
            expires_seconds = min(MAX_EXPIRES_SECONDS, expires_seconds + int(GET_ROUNDING.total_seconds()))
        query = {"response-content-type": content_type, "response-content-disposition": disposition}
        return self._presigner.sign(
            "GET", checked_key(key), self._credentials(), now=signed_at, expires_seconds=expires_seconds, query=query
        )

    def _object(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": checked_key(key)}
