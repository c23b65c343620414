"""The bucket in memory keeps the suite."""

import pytest

from chassis.blob_suite import BlobSuite
from coffer_chassis.blobs import Blobs
from coffer_chassis.testing import MemoryBlobs


class TestMemoryBlobs(BlobSuite):
    @pytest.fixture
    def blobs(self) -> Blobs:
        return MemoryBlobs()
