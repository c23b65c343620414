"""The bucket over S3 keeps the suite on the local cloud, which checks every signature."""

import pytest

from chassis.signed_suite import RefusalSuite, SignedSuite, blobs, client

__all__ = ["blobs", "client"]

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


class TestMinistackBlobs(SignedSuite, RefusalSuite):
    checks_signatures = True
    refuses_small_parts = False
