"""How the clients of one process are set: what AWS's and their own defaults would get wrong."""

from typing import Any

import pytest
from pydantic import SecretStr

from coffer_chassis.aws import AwsAccess, open_clients, open_queue_client

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


@pytest.mark.parametrize(
    ("endpoint", "s3_endpoint", "verified"),
    [
        (None, None, {"sqs": None, "s3": None}),
        ("https://cloud.example.org", None, {"sqs": None, "s3": None}),
        ("http://127.0.0.1:4566", None, {"sqs": False, "s3": False}),
        ("http://127.0.0.1:4566", "https://files.example.org", {"sqs": False, "s3": None}),
        (None, "http://127.0.0.1:9000", {"sqs": None, "s3": False}),
        ("HTTPS://cloud.example.org", None, {"sqs": None, "s3": None}),
    ],
)
def test_certificates_are_looked_at_wherever_one_is_shown(
    endpoint: str | None, s3_endpoint: str | None, verified: dict[str, bool | None]
) -> None:
    access = AwsAccess("us-east-1", endpoint, s3_endpoint)
    assert {service: access.client_arguments(service)["verify"] for service in verified} == verified


async def test_queues_of_others_are_reached_with_certificates_unless_the_cloud_is_local() -> None:
    for cloud, verified in ((None, True), ("http://127.0.0.1:9", False)):
        access = AwsAccess("us-east-1", cloud, None, "id", SecretStr("secret"))
        elsewhere = "https://sqs.eu-west-1.amazonaws.com"
        async with open_queue_client(access, region="eu-west-1", endpoint=elsewhere, at_once=2) as client:
            assert client.meta.endpoint_url == (cloud or elsewhere)
            assert (client._endpoint.http_session._verify is not False) is verified
