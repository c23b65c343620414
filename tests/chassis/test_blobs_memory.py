"""The bucket in memory keeps the suite."""

import pytest

from chassis.blob_suite import BlobSuite
from coffer_chassis.blobs import Blobs, OpenMultipart
from coffer_chassis.clock import SystemClock
from coffer_chassis.ids import new_id
from coffer_chassis.testing import MemoryBlobs


class TestMemoryBlobs(BlobSuite):
    @pytest.fixture
    def blobs(self) -> Blobs:
        return MemoryBlobs()

    async def begin_multipart(self, blobs: Blobs, key: str) -> str:
        assert isinstance(blobs, MemoryBlobs)
        begun = OpenMultipart(key, new_id(), SystemClock().now())
        blobs.multiparts.add(begun)
        return begun.multipart_id
