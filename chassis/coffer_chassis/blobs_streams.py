"""Reading an object piece by piece, for what passes a whole one on without holding it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

STREAM_CHUNK_BYTES = 128 * 1024
"""No piece is longer."""


class Streams(Protocol):
    """The part of Blobs that streams."""

    def stream(self, key: str, *, first: int = 0, etag: str | None = None) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The object from byte `first` on, in pieces of up to STREAM_CHUNK_BYTES, read from the bucket as they are taken.

        Entering raises BlobMissing, BlobChanged, KeyRefused, and ValueError for a negative `first`; one behind the end gives
        nothing. Taking may raise what the connection does. Leaving early drops the connection: no more is read.
        """
