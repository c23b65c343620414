"""Provisioning keeps the suite on moto, an AWS that was written by others."""

import pytest

from chassis.provision_suite import ProvisionSuite, ground
from factories.moto_cloud import MotoCloud

__all__ = ["ground"]

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def cloud(moto: MotoCloud) -> MotoCloud:
    return moto


class TestMotoProvision(ProvisionSuite):
    pass
