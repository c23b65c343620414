"""The bus over SNS and SQS keeps the suite, and finds its way again after the broker lost everything."""

from collections.abc import AsyncIterator
from itertools import count

import boto3
import pytest
import pytest_asyncio

from chassis.bus_suite import RED, BusSuite, Names, collect, message
from coffer_chassis.aws import open_clients
from coffer_chassis.bus import Bus, QueueMissing, TopicMissing
from coffer_chassis.bus_aws import AwsBus
from factories.cloud import Cloud

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

_numbers = count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bus(cloud: Cloud) -> AsyncIterator[Bus]:
    async with open_clients(cloud.admin, receivers=2, wait_seconds=5) as clients:
        yield AwsBus(clients)


@pytest.fixture
def names(cloud: Cloud, tag: str) -> Names:
    names = Names(f"{tag}-{next(_numbers)}")
    cloud.provision(names.topology)
    return names


class TestAwsBus(BusSuite):
    pass


async def test_queues_and_topics_made_anew_are_found_again(cloud: Cloud, bus: Bus, names: Names) -> None:
    await bus.publish(names.topic, [message(RED)])
    await collect(bus, names.red.queue, 1)
    sqs = boto3.client("sqs", **cloud.admin.client_arguments("sqs"))
    sns = boto3.client("sns", **cloud.admin.client_arguments("sns"))
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=names.red.queue)["QueueUrl"])
    arn = next(entry["TopicArn"] for entry in sns.list_topics()["Topics"] if entry["TopicArn"].endswith(names.topic))
    sns.delete_topic(TopicArn=arn)
    with pytest.raises(QueueMissing):
        await bus.receive(names.red.queue, limit=1, wait_seconds=0)
    with pytest.raises(TopicMissing):
        await bus.publish(names.topic, [message(RED)])
    cloud.provision(names.topology)
    sent = message(RED)
    await bus.publish(names.topic, [sent])
    assert set(await collect(bus, names.red.queue, 1)) == {sent.id}
