"""What the bus over SNS and SQS does on any cloud: the suite of all buses, and finding its way after a loss.

A test module gives the fixture `cloud`; the local cloud is the default.
"""

from collections.abc import AsyncIterator
from itertools import count

import boto3
import pytest
import pytest_asyncio

from chassis.bus_suite import RED, BusSuite, Names, collect, message
from coffer_chassis.aws import open_clients
from coffer_chassis.bus import Bus, QueueMissing, TopicMissing
from coffer_chassis.bus_aws import AwsBus
from factories.moto_cloud import AnyCloud

_numbers = count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bus(cloud: AnyCloud) -> AsyncIterator[Bus]:
    async with open_clients(cloud.admin, receivers=2, wait_seconds=5) as clients:
        yield AwsBus(clients)


@pytest.fixture
def names(cloud: AnyCloud, tag: str) -> Names:
    names = Names(f"{tag}-{next(_numbers)}")
    cloud.provision(names.topology)
    return names


class AwsBusSuite(BusSuite):
    """Subclasses need the fixtures of this module, and the module's event loop."""

    async def test_queues_and_topics_made_anew_are_found_again(self, cloud: AnyCloud, bus: Bus, names: Names) -> None:
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
