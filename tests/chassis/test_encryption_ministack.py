"""Encryption on the local cloud, which checks every signature."""

import pytest

from chassis.encryption_suite import EncryptionSuite, blobs, encryption, plain

__all__ = ["blobs", "encryption", "plain"]

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


class TestMinistackEncryption(EncryptionSuite):
    checks_signatures = True
    tells_bucket_keys = frozenset()
