"""The bus over SNS and SQS keeps the suite on moto, an AWS that was written by others."""

import pytest

from chassis.aws_bus_suite import AwsBusSuite, bus, names
from factories.moto_cloud import MotoCloud

__all__ = ["bus", "names"]

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def cloud(moto: MotoCloud) -> MotoCloud:
    return moto


class TestMotoBus(AwsBusSuite):
    pass
