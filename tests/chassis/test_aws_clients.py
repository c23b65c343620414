"""How the clients of one process are set: what AWS's and their own defaults would get wrong."""

from typing import Any

import pytest
from pydantic import SecretStr

from coffer_chassis.aws import AwsAccess, open_clients

ACCESS = AwsAccess("us-east-1", "http://127.0.0.1:9", None, "id", SecretStr("secret"))


@pytest.fixture
async def clients() -> Any:
    async with open_clients(ACCESS, receivers=3, wait_seconds=20) as opened:
        yield opened


async def test_polls_have_connections_of_their_own(clients: Any) -> None:
    assert clients.sqs_poll is not clients.sqs
    assert clients.sqs_poll.meta.config.max_pool_connections >= 3
    assert clients.sqs.meta.config.max_pool_connections > 3


async def test_calls_are_tried_three_times_and_polls_once(clients: Any) -> None:
    for client in (clients.sns, clients.sqs, clients.s3):
        assert client.meta.config.retries["mode"] == "standard"
        assert client.meta.config.retries["total_max_attempts"] == 3
    assert clients.sqs_poll.meta.config.retries["total_max_attempts"] == 1


async def test_no_call_waits_a_minute_to_connect_and_a_poll_outlasts_its_wait(clients: Any) -> None:
    for client in (clients.sns, clients.sqs, clients.s3, clients.sqs_poll):
        assert client.meta.config.connect_timeout <= 5
    assert 20 < clients.sqs_poll.meta.config.read_timeout <= 40


async def test_the_user_agent_is_fixed_once(clients: Any) -> None:
    assert clients.sns.meta.config.user_agent.startswith("coffer/")
