"""Queues on topics, over the wire: raw and filtered, on the local cloud with the rights that the notifier has, and on moto."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from coffer_chassis.aws import AwsAccess, open_topic_client
from coffer_chassis.ids import new_id
from coffer_chassis.testing import eventually
from coffer_chassis.topology import Lane, ServiceTopology, Topology
from coffer_contracts.catalog import parse
from coffer_notifier.domain.queues import QueueAddress, topic_policy_for
from coffer_notifier.handlers.deps import TopicsAway
from coffer_notifier.topic_subscribing import SnsTopics
from factories.golden import FOLDER
from factories.moto_cloud import AnyCloud
from factories.notifier import Notifier

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PATH = "/v1/admin/notifier/subscriptions"
TOPIC = "files-events"
WANTED, OTHER = "files.item.committed.v1", "files.item.purged.v1"
LANE = "files-lane-of-this-test"


@dataclass
class Clouded:
    """The notifier over a cloud, and the one who owns the queues there."""

    notifier: Notifier
    access: AwsAccess
    sns: Any
    sqs: Any
    topic_arn: str

    def queue(self) -> str:
        """A new queue that the topic may feed; its ARN."""
        name = f"raw-{new_id()}"
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn: str = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps(topic_policy_for(QueueAddress.of(arn), self.topic_arn))
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return arn

    def publish(self, wire_type: str, *, owner: str = "nobody") -> str:
        """Publish a fact as its service does; the body."""
        body = (FOLDER / f"{wire_type}.json").read_text()
        said = {"type": wire_type, "tenant": owner}
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in said.items()}
        self.sns.publish(TopicArn=self.topic_arn, Message=body, MessageAttributes=attributes)
        return body

    def read(self, arn: str) -> list[str]:
        """The bodies in a queue, taken out."""
        url = self.sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]
        found = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in found]

    async def arrives(self, arn: str) -> str:
        """The next body in a queue."""
        found: list[str] = []

        async def some() -> bool:
            found.extend(self.read(arn))
            return bool(found)

        await eventually(some, within_seconds=10)
        (body,) = found
        return body

    def filters(self, queue: str) -> dict[str, str]:
        """What SNS knows of the subscription of a queue."""
        (arn,) = [arn for endpoint, arn in self.subscribed().items() if endpoint == queue]
        found: dict[str, str] = self.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        return found

    def subscribed(self) -> dict[str, str]:
        """Who is on the topic."""
        found = self.sns.list_subscriptions_by_topic(TopicArn=self.topic_arn)["Subscriptions"]
        return {entry["Endpoint"]: entry["SubscriptionArn"] for entry in found}


@pytest.fixture(params=["cloud", "moto"])
async def clouded(request: pytest.FixtureRequest, notifier: Notifier) -> AsyncIterator[Clouded]:
    cloud: AnyCloud = request.getfixturevalue(request.param)
    files = ServiceTopology("files", lanes=(Lane(LANE, reads={TOPIC: (WANTED,)}),))
    topology = Topology("subscribing", (ServiceTopology("notifier", subscribes_queues=True), files))
    access = cloud.provision(topology)["notifier"]
    sns, sqs = (boto3.client(name, **cloud.admin.client_arguments(name)) for name in ("sns", "sqs"))
    topic_arn = sns.create_topic(Name=TOPIC)["TopicArn"]
    await notifier.rows("DELETE FROM topic_subscriptions RETURNING 1")
    async with open_topic_client(access) as client:
        object.__setattr__(notifier.deps, "topics", SnsTopics(client))  # frozen; this one belongs to the test
        yield Clouded(notifier, access, sns, sqs, topic_arn)


async def test_what_is_published_arrives_whole_and_as_it_was_published(clouded: Clouded) -> None:
    arn = clouded.queue()
    before = clouded.subscribed()
    lane = clouded.filters(next(endpoint for endpoint in before if endpoint.endswith(LANE)))
    owner = new_id()
    async with clouded.notifier.operators() as http:
        answer = await http.post(PATH, json={"topic": TOPIC, "queue_arn": arn, "event_types": [WANTED], "owner_id": owner})
        made = answer.json()
        assert (answer.status_code, made["state"], made["topic_arn"]) == (201, "confirmed", clouded.topic_arn), answer.text
        assert made["policies"][arn] == topic_policy_for(QueueAddress.of(arn), clouded.topic_arn)
        clouded.publish(OTHER, owner=owner)
        clouded.publish(WANTED)
        sent = clouded.publish(WANTED, owner=owner)
        body = await clouded.arrives(arn)
        assert body == sent, "raw: nothing of SNS is around it"
        assert parse(body).type == WANTED

        path = f"{PATH}/{made['id']}"
        assert (await http.patch(path, json={"event_types": [OTHER], "owner_id": None})).status_code == 200
        clouded.publish(WANTED, owner=owner)
        clouded.publish(OTHER)
        assert parse(await clouded.arrives(arn)).type == OTHER
        assert (await http.patch(path, json={"event_types": []})).json()["state"] == "confirmed"
        clouded.publish(WANTED)
        assert parse(await clouded.arrives(arn)).type == WANTED

        assert [one["queue_arn"] for one in (await http.get(PATH)).json()["items"]] == [arn], "those of Coffer are not there"
        assert (await http.delete(path)).status_code == 204
        assert (await http.get(PATH)).json()["items"] == []
    assert clouded.subscribed() == before
    assert clouded.filters(next(endpoint for endpoint in before if endpoint.endswith(LANE))) == lane, "nor touched"


async def test_a_subscription_that_was_lost_is_put_in_place(clouded: Clouded) -> None:
    arn = clouded.queue()
    async with clouded.notifier.operators() as http:
        made = (await http.post(PATH, json={"topic": TOPIC, "queue_arn": arn})).json()
        clouded.sns.unsubscribe(SubscriptionArn=clouded.subscribed()[arn])
        path = f"{PATH}/{made['id']}"
        assert (await http.get(path)).json()["state"] == "missing"
        assert (await http.patch(path, json={"event_types": [WANTED]})).json()["state"] == "confirmed"
        assert json.loads(clouded.filters(arn)["FilterPolicy"]) == {"type": [WANTED]}
        clouded.sns.unsubscribe(SubscriptionArn=clouded.subscribed()[arn])
        assert (await http.delete(path)).status_code == 204


async def test_what_somebody_else_subscribed_is_left_alone(clouded: Clouded) -> None:
    arn = clouded.queue()
    clouded.sns.subscribe(TopicArn=clouded.topic_arn, Protocol="sqs", Endpoint=arn)
    before = clouded.filters(arn)
    async with clouded.notifier.operators() as http:
        refused = await http.post(PATH, json={"topic": TOPIC, "queue_arn": arn})
        assert refused.json()["state"] == "subscribed_elsewhere"
    assert clouded.filters(arn) == before


async def test_a_topic_that_is_not_there_is_said(clouded: Clouded) -> None:
    async with open_topic_client(clouded.access) as client:
        with pytest.raises(TopicsAway) as away:
            await SnsTopics(client).subscribers("nowhere-events")
        assert away.value.code == "topic_missing"
        arn = f"{clouded.topic_arn}:{new_id()}"
        await SnsTopics(client).unsubscribe(arn)
        with pytest.raises(TopicsAway):
            await SnsTopics(client).change(arn, {"RawMessageDelivery": "true"})
