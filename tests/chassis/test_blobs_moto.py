"""The bucket over S3 keeps the suite on moto, an AWS that was written by others; it takes any signature and any condition."""

import pytest

from chassis.signed_suite import SignedSuite, blobs, client
from factories.moto_cloud import MotoCloud

__all__ = ["blobs", "client"]

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def cloud(moto: MotoCloud) -> MotoCloud:
    return moto


class TestMotoBlobs(SignedSuite):
    checks_signatures = False
    checks_copies = False
    tells_digests = False
    knows_abort = False
