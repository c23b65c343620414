"""Provisioning on the local cloud: twice is once, changes are applied, and every service is kept to its own."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import boto3
import pytest
import pytest_asyncio
from botocore.exceptions import ClientError

from coffer_chassis.aws import AwsClients, open_clients
from coffer_chassis.bus import Outgoing
from coffer_chassis.bus_aws import AwsBus
from coffer_chassis.provision import Provisioner, queue_policy
from coffer_chassis.storage import read_notification
from coffer_chassis.testing import eventually
from coffer_chassis.topology import BlobAccess, Lane, ServiceTopology, Topology
from factories.cloud import Cloud

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

RED, BLUE = "auth.login.failed.v1", "auth.session.created.v1"


def topology_of(tag: str) -> Topology:
    files, media = f"files-{tag}", f"media-{tag}"
    files_lanes = (
        Lane(f"{files}-fast", {f"{media}-events": (RED,)}),
        Lane(f"{files}-storage", storage_prefixes=("blobs/", "incoming/")),
    )
    media_lanes = (Lane(f"{media}-fast", {f"{files}-events": (RED,)}),)
    return Topology(
        f"bucket-{tag}",
        (
            ServiceTopology(files, files_lanes, (BlobAccess("blobs/", read=True, write=True),)),
            ServiceTopology(
                media, media_lanes, (BlobAccess("blobs/", read=True), BlobAccess("previews/", write=True, delete=True))
            ),
        ),
    )


class Ground:
    """A provisioned topology and a client of each of its services."""

    def __init__(self, topology: Topology, files: AwsClients, media: AwsClients) -> None:
        self.topology = topology
        self.bucket = topology.bucket
        self.files, self.media = files, media
        self.fast, self.storage, self.previews = topology.lanes
        self.files_topic, self.media_topic = (service.topic for service in topology.services)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(cloud: Cloud, tag: str) -> AsyncIterator[Ground]:
    topology = topology_of(tag)
    accesses = cloud.provision(topology, web_origins=("https://drive.example",))
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(open_clients(access, receivers=2, wait_seconds=1)) for access in accesses.values()
        ]
        yield Ground(topology, *clients)


def described(cloud: Cloud, topology: Topology) -> dict[str, Any]:
    """Everything that was made, as the cloud itself describes it, without times and numbers of messages."""
    sns, sqs, s3 = (boto3.client(name, **cloud.admin.client_arguments(name)) for name in ("sns", "sqs", "s3"))
    state: dict[str, Any] = {}
    for lane in topology.lanes:
        for queue in (lane.queue, lane.dead_queue):
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            passing = ("Timestamp", "ApproximateNumber")
            state[queue] = {name: value for name, value in attributes.items() if not any(part in name for part in passing)}
    wanted = {service.topic for service in topology.services}
    for entry in sns.list_subscriptions()["Subscriptions"]:
        if entry["TopicArn"].rsplit(":", 1)[1] in wanted:
            attributes = sns.get_subscription_attributes(SubscriptionArn=entry["SubscriptionArn"])["Attributes"]
            state[entry["SubscriptionArn"]] = attributes
    bucket = topology.bucket
    notifications = s3.get_bucket_notification_configuration(Bucket=bucket).get("QueueConfigurations", [])
    state["notifications"] = sorted(notifications, key=lambda entry: str(entry["Id"]))
    state["lifecycle"] = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    state["cors"] = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
    state["public"] = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    return state


async def test_creates_what_the_topology_says(cloud: Cloud, ground: Ground) -> None:
    state = described(cloud, ground.topology)
    queue = state[ground.fast.queue]
    assert (queue["VisibilityTimeout"], queue["MessageRetentionPeriod"]) == ("60", str(4 * 86400))
    redrive = json.loads(queue["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith(f":{ground.fast.dead_queue}")
    assert int(redrive["maxReceiveCount"]) == ground.fast.max_receives
    assert state[ground.fast.dead_queue]["MessageRetentionPeriod"] == str(14 * 86400)
    subscriptions = [entry for entry in state.values() if isinstance(entry, dict) and "FilterPolicy" in entry]
    assert len(subscriptions) == 2
    assert all(entry["RawMessageDelivery"] == "true" for entry in subscriptions)
    assert all(json.loads(entry["FilterPolicy"]) == {"type": [RED]} for entry in subscriptions)
    assert [entry["Events"] for entry in state["notifications"]] == [["s3:ObjectCreated:*"]] * 2
    assert {rule["ID"] for rule in state["lifecycle"]} == {"abort-multiparts", "quarantine"}
    assert state["cors"][0]["AllowedOrigins"] == ["https://drive.example"]
    assert all(state["public"].values())


async def test_provisioning_twice_changes_nothing(cloud: Cloud, ground: Ground) -> None:
    before = described(cloud, ground.topology)
    cloud.provision(ground.topology, web_origins=("https://drive.example",))
    assert described(cloud, ground.topology) == before


async def test_a_changed_topology_is_applied_to_what_is_there(cloud: Cloud, tag: str) -> None:
    sender, reader = ServiceTopology(f"sender-{tag}"), ServiceTopology(f"reader-{tag}")
    old = Lane(f"reader-{tag}-fast", {sender.topic: (RED,)})
    new = replace(old, reads={sender.topic: (RED, BLUE)}, visibility_seconds=90, max_receives=10)
    for lane in (old, new):
        topology = Topology(f"changed-{tag}", (sender, replace(reader, lanes=(lane,))))
        Provisioner(topology, cloud.admin, ("https://drive.example",)).run()
    state = described(cloud, topology)
    assert state[new.queue]["VisibilityTimeout"] == "90"
    assert int(json.loads(state[new.queue]["RedrivePolicy"])["maxReceiveCount"]) == 10
    (subscription,) = [entry for entry in state.values() if "FilterPolicy" in entry]
    assert json.loads(subscription["FilterPolicy"]) == {"type": [RED, BLUE]}


async def test_the_bucket_reports_objects_to_the_queue_of_their_prefix(ground: Ground) -> None:
    for key in ("previews/x/400", "blobs/owner/a b+ü"):
        service = ground.media if key.startswith("previews/") else ground.files
        await service.s3.put_object(Bucket=ground.bucket, Key=key, Body=b"abc")
    bus = AwsBus(ground.files)

    async def reported() -> list[Any]:
        messages = await bus.receive(ground.storage.queue, limit=10, wait_seconds=1)
        await bus.delete(ground.storage.queue, [message.receipt for message in messages])
        return [event.data for message in messages for event in read_notification(message.body)]

    (stored,) = await eventually(reported)
    assert (stored.bucket, stored.key, stored.size_bytes) == (ground.bucket, "blobs/owner/a b+ü", 3)
    head = await ground.files.s3.head_object(Bucket=ground.bucket, Key=stored.key)
    assert head["ETag"].strip('"') == stored.etag


async def test_a_service_hears_another_through_its_own_queue(ground: Ground) -> None:
    files, media = AwsBus(ground.files), AwsBus(ground.media)
    await files.publish(ground.files_topic, [Outgoing("1", "{}", {"type": RED}), Outgoing("2", "{}", {"type": BLUE})])

    async def heard() -> list[Any]:
        return await media.receive(ground.previews.queue, limit=10, wait_seconds=1)

    messages = await eventually(heard)
    assert [message.attributes for message in messages] == [{"type": RED}]
    assert await media.delete(ground.previews.queue, [message.receipt for message in messages]) == 0
    assert (await media.depth(ground.previews.queue)).total == 0
    await media.send(ground.previews.dead_queue, "letter", {"id": "1"})
    (letter,) = await media.receive(ground.previews.dead_queue, limit=1, wait_seconds=1)
    assert letter.body == "letter"


RED_MESSAGE = Outgoing("1", "{}", {"type": RED})
Attempt = Callable[[Ground], Awaitable[object]]


def denied(name: str, attempt: Attempt) -> Any:
    return pytest.param(attempt, id=name)


@pytest.mark.parametrize(
    "attempt",
    [
        denied("publish to another's topic", lambda on: AwsBus(on.media).publish(on.files_topic, [RED_MESSAGE])),
        denied("read another's queue", lambda on: AwsBus(on.media).receive(on.fast.queue, limit=1, wait_seconds=0)),
        denied("send to another's queue", lambda on: AwsBus(on.media).send(on.fast.queue, "forged", {"type": RED})),
        denied(
            "read another's dead letters",
            lambda on: AwsBus(on.media).receive(on.storage.dead_queue, limit=1, wait_seconds=0),
        ),
        denied("read a prefix", lambda on: on.files.s3.get_object(Bucket=on.bucket, Key="previews/a")),
        denied("write to a prefix", lambda on: on.media.s3.put_object(Bucket=on.bucket, Key="blobs/a", Body=b"")),
        denied("delete from a prefix", lambda on: on.media.s3.delete_object(Bucket=on.bucket, Key="blobs/a")),
        denied("read what it may only write", lambda on: on.media.s3.get_object(Bucket=on.bucket, Key="previews/a")),
        denied("make a topic", lambda on: on.files.sns.create_topic(Name="mine")),
        denied("make a queue", lambda on: on.files.sqs.create_queue(QueueName="mine")),
        denied("read the bucket's policy", lambda on: on.files.s3.get_bucket_policy(Bucket=on.bucket)),
    ],
)
async def test_a_service_may_not(ground: Ground, attempt: Attempt) -> None:
    with pytest.raises(ClientError) as refusal:
        await attempt(ground)
    assert "Denied" in refusal.value.response["Error"]["Code"] or "Authorization" in refusal.value.response["Error"]["Code"]


async def test_a_topic_that_the_queue_does_not_read_cannot_reach_it(cloud: Cloud, ground: Ground) -> None:
    """The queue's own policy decides, not only the subscription."""
    sns = boto3.client("sns", **cloud.admin.client_arguments("sns"))
    sqs = boto3.client("sqs", **cloud.admin.client_arguments("sqs"))
    stranger = sns.create_topic(Name=f"{ground.bucket}-stranger")["TopicArn"]
    url = sqs.get_queue_url(QueueName=ground.fast.queue)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=stranger, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=stranger, Message="forged", MessageAttributes={})
    media, files = AwsBus(ground.media), AwsBus(ground.files)
    await media.publish(ground.media_topic, [RED_MESSAGE])

    async def heard() -> list[Any]:
        return await files.receive(ground.fast.queue, limit=10, wait_seconds=1)

    assert [message.body for message in await eventually(heard)] == ["{}"]
    assert (await files.depth(ground.fast.queue)).waiting == 0


async def test_a_queue_policy_names_exactly_who_may_send() -> None:
    policy = queue_policy("queue", ["topic-b", "topic-a"], "bucket")
    allowed = [
        (statement["Principal"]["Service"], statement["Condition"]["ArnEquals"]["aws:SourceArn"])
        for statement in policy["Statement"]
    ]
    assert allowed == [("sns.amazonaws.com", "topic-a"), ("sns.amazonaws.com", "topic-b"), ("s3.amazonaws.com", "bucket")]
    assert all(statement["Action"] == "sqs:SendMessage" for statement in policy["Statement"])
    assert queue_policy("queue", [], None)["Statement"] == []
