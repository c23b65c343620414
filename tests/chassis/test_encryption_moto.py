"""Encryption on moto, an AWS that was written by others; it takes any signature."""

import pytest

from chassis.encryption_suite import EncryptionSuite, blobs, encryption, plain
from factories.moto_cloud import MotoCloud

__all__ = ["blobs", "encryption", "plain"]

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def cloud(moto: MotoCloud) -> MotoCloud:
    return moto


class TestMotoEncryption(EncryptionSuite):
    checks_signatures = False
    tells_bucket_keys = frozenset({"write", "copy", "put"})
    encrypts_forms = False
