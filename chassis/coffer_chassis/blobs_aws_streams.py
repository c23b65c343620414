"""Streaming out of the bucket over S3."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from botocore.exceptions import ClientError

from coffer_chassis.blobs_aws_errors import code_of, translated
from coffer_chassis.blobs_streams import STREAM_CHUNK_BYTES
from coffer_chassis.object_keys import checked_key


class S3Streams:
    """The part of Blobs that streams, over a long-lived S3 client."""

    _client: Any
    _bucket: str

    @asynccontextmanager
    async def stream(self, key: str, *, first: int = 0, etag: str | None = None) -> AsyncIterator[AsyncIterator[bytes]]:
        """See Streams."""
        if first < 0:
            raise ValueError(f"an object has no byte {first}")
        arguments: dict[str, Any] = {"Bucket": self._bucket, "Key": checked_key(key)}
        if first:
            arguments["Range"] = f"bytes={first}-"
        if etag is not None:
            arguments["IfMatch"] = f'"{etag}"'
        try:
            with translated():
                answer = await self._client.get_object(**arguments)
        except ClientError as error:
            if code_of(error) != "InvalidRange":
                raise
            yield _nothing()
            return
        # Left before its end, the answer is closed with its connection and not read to the end.
        async with answer["Body"] as body:
            yield body.iter_chunks(STREAM_CHUNK_BYTES)


async def _nothing() -> AsyncIterator[bytes]:
    for piece in tuple[bytes, ...]():
        yield piece
