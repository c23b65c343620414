"""The bucket in memory keeps the suite."""

import hashlib
from typing import Any

import pytest

from chassis.blob_suite import BlobSuite
from chassis.parts_suite import PartsSuite
from coffer_chassis.blobs import Blobs
from coffer_chassis.multiparts import MultipartMissing
from coffer_chassis.testing import MemoryBlobs


class TestMemoryBlobs(BlobSuite, PartsSuite):
    @pytest.fixture
    def blobs(self) -> Blobs:
        return MemoryBlobs()

    async def begin_multipart(self, blobs: Blobs, key: str) -> str:
        return await blobs.begin_multipart(key, content_type="text/plain", hashed=False)

    async def put_part(self, blobs: Any, key: str, multipart_id: str, number: int, content: bytes, *, hashed: bool) -> bool:
        try:
            sha256 = hashlib.sha256(content).hexdigest() if hashed else None
            await blobs.put_part(key, multipart_id, number, content, sha256=sha256)
        except MultipartMissing:
            return False
        return True
