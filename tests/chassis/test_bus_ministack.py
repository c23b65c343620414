"""The bus over SNS and SQS keeps the suite on the local cloud."""

import pytest

from chassis.aws_bus_suite import AwsBusSuite, bus, names

__all__ = ["bus", "names"]

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


class TestMinistackBus(AwsBusSuite):
    pass
