"""Stored objects: what services do with S3, and the signed addresses under which clients do the rest.

Bytes of whole files never pass through a service; only the media worker reads ranges.
"""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import ClientError

from coffer_chassis.clock import Clock
from coffer_chassis.presign import MAX_EXPIRES_SECONDS, Presigner, SigningKey

GET_ROUNDING = timedelta(minutes=15)
"""Signing time of downloads is rounded down to this, so that a browser finds the same address in its cache."""

_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
_CHANGED = frozenset({"412", "PreconditionFailed"})


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


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request a client may make by itself: method, address, and headers it must send exactly so."""

    method: str
    url: str
    headers: Mapping[str, str]


class Blobs(Protocol):
    """The bucket. All methods may be repeated; keys are chosen by services and never hold names."""

    async def head(self, key: str) -> BlobHead | None:
        """What lies under `key`; None if nothing does."""

    async def read(self, key: str, *, etag: str | None = None) -> bytes:
        """The whole object. Raises BlobMissing, BlobChanged."""

    async def read_range(self, key: str, first: int, last: int, *, etag: str | None = None) -> bytes:
        """Bytes `first` to `last`, both included, as far as there are any. Raises BlobMissing, BlobChanged."""

    async def write(self, key: str, content: bytes, *, content_type: str, cache_control: str | None = None) -> str:
        """Store an object; its ETag. Overwrites."""

    async def copy(self, source: str, target: str, *, etag: str | None = None) -> None:
        """Copy within the bucket, up to 5 GiB. Raises BlobMissing, BlobChanged."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects, up to 1000; absent ones are no error. Raises BlobsNotDeleted."""

    def presign_put(
        self, key: str, *, length: int, content_type: str, sha256_hex: str | None, expires_seconds: int
    ) -> SignedRequest:
        """A single PUT of exactly `length` bytes of that type, once: an existing object is not overwritten."""

    def presign_get(self, key: str, *, content_type: str, disposition: str, expires_seconds: int, fresh: bool = False) -> str:
        """An address that answers with the given type and disposition, whatever is stored. It lives `expires_seconds`
        at least; `fresh` keeps it from living longer for the sake of caches.
        """


class S3Blobs:
    """Blobs over a long-lived S3 client; `credentials` tells with what to sign at this moment, without waiting."""

    def __init__(
        self, client: Any, *, bucket: str, presigner: Presigner, clock: Clock, credentials: Callable[[], SigningKey]
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._presigner = presigner
        self._clock = clock
        self._credentials = credentials

    async def head(self, key: str) -> BlobHead | None:
        """See Blobs."""
        try:
            answer = await self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _code(error) in _ABSENT:
                return None
            raise
        return BlobHead(answer["ContentLength"], answer["ETag"].strip('"'), answer["LastModified"], answer.get("ContentType"))

    async def read(self, key: str, *, etag: str | None = None) -> bytes:
        """See Blobs."""
        return await self._get({"Bucket": self._bucket, "Key": key}, etag)

    async def read_range(self, key: str, first: int, last: int, *, etag: str | None = None) -> bytes:
        """See Blobs."""
        try:
            return await self._get({"Bucket": self._bucket, "Key": key, "Range": f"bytes={first}-{last}"}, etag)
        except ClientError as error:
            if _code(error) == "InvalidRange":
                return b""
            raise

    async def _get(self, arguments: dict[str, Any], etag: str | None) -> bytes:
        if etag is not None:
            arguments["IfMatch"] = f'"{etag}"'
        with _translated():
            answer = await self._client.get_object(**arguments)
            async with answer["Body"] as stream:
                content: bytes = await stream.read()
                return content

    async def write(self, key: str, content: bytes, *, content_type: str, cache_control: str | None = None) -> str:
        """See Blobs."""
        extra = {"CacheControl": cache_control} if cache_control else {}
        answer = await self._client.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=content_type, **extra)
        return str(answer["ETag"]).strip('"')

    async def copy(self, source: str, target: str, *, etag: str | None = None) -> None:
        """See Blobs."""
        extra = {"CopySourceIfMatch": f'"{etag}"'} if etag else {}
        with _translated():
            await self._client.copy_object(
                Bucket=self._bucket, Key=target, CopySource={"Bucket": self._bucket, "Key": source}, **extra
            )

    async def delete(self, keys: Sequence[str]) -> None:
        """See Blobs."""
        if not keys:
            return
        answer = await self._client.delete_objects(
            Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
        )
        if failures := answer.get("Errors"):
            raise BlobsNotDeleted(f"{len(failures)} of {len(keys)}: {failures[0].get('Code')}")

    def presign_put(
        self, key: str, *, length: int, content_type: str, sha256_hex: str | None, expires_seconds: int
    ) -> SignedRequest:
        """See Blobs."""
        headers = {"content-length": str(length), "content-type": content_type, "if-none-match": "*"}
        if sha256_hex is not None:
            headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(sha256_hex)).decode()
        url = self._presigner.sign(
            "PUT", key, self._credentials(), now=self._clock.now(), expires_seconds=expires_seconds, headers=headers
        )
        return SignedRequest("PUT", url, headers)

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
            "GET", key, self._credentials(), now=signed_at, expires_seconds=expires_seconds, query=query
        )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if _code(error) in _ABSENT:
            raise BlobMissing(str(error)) from error
        if _code(error) in _CHANGED:
            raise BlobChanged(str(error)) from error
        raise


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
