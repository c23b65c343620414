"""What provisioning makes on any cloud: twice is once, changes are applied, and what it made carries messages.

A test module gives the fixture `cloud`; the local cloud is the default.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import boto3
import pytest_asyncio

from coffer_chassis.aws import AwsClients, open_clients
from coffer_chassis.bus import Outgoing
from coffer_chassis.bus_aws import AwsBus
from coffer_chassis.provision import Provisioner
from coffer_chassis.storage import read_notification
from coffer_chassis.testing import eventually
from coffer_chassis.topology import BlobAccess, Lane, ServiceTopology, Topology
from factories.moto_cloud import AnyCloud

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
async def ground(cloud: AnyCloud, tag: str) -> AsyncIterator[Ground]:
    topology = topology_of(tag)
    accesses = cloud.provision(topology, web_origins=("https://drive.example",))
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(open_clients(access, receivers=2, wait_seconds=1)) for access in accesses.values()
        ]
        yield Ground(topology, *clients)


def private_topology_of(tag: str) -> Topology:
    sender = ServiceTopology(f"sender-{tag}p", sends_privately=True)
    lane = Lane(f"reader-{tag}p-private", {f"sender-{tag}p-private": (RED,)}, private=True)
    return Topology(f"private-{tag}", (sender, ServiceTopology(f"reader-{tag}p", (lane,))))


def described(cloud: AnyCloud, topology: Topology) -> dict[str, Any]:
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
    for entry in sns.get_paginator("list_subscriptions").paginate().build_full_result()["Subscriptions"]:
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


class ProvisionSuite:
    """Subclasses need the fixture of this module, and the module's event loop."""

    async def test_creates_what_the_topology_says(self, cloud: AnyCloud, ground: Ground) -> None:
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
        undelivered = {json.loads(entry["RedrivePolicy"])["deadLetterTargetArn"].rsplit(":", 1)[1] for entry in subscriptions}
        assert undelivered == {lane.dead_queue for lane in (ground.fast, ground.previews)}
        for dead in undelivered:
            (allowed,) = json.loads(state[dead]["Policy"])["Statement"]
            assert allowed["Principal"] == {"Service": "sns.amazonaws.com"}
        assert [entry["Events"] for entry in state["notifications"]] == [["s3:ObjectCreated:*"]] * 2
        assert {rule["ID"] for rule in state["lifecycle"]} == {"abort-multiparts", "quarantine"}
        assert state["cors"][0]["AllowedOrigins"] == ["https://drive.example"]
        assert all(state["public"].values())

    async def test_provisioning_twice_changes_nothing(self, cloud: AnyCloud, ground: Ground) -> None:
        before = described(cloud, ground.topology)
        cloud.provision(ground.topology, web_origins=("https://drive.example",))
        assert described(cloud, ground.topology) == before

    async def test_a_changed_topology_is_applied_to_what_is_there(self, cloud: AnyCloud, tag: str) -> None:
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

    async def test_nothing_but_its_reader_can_be_subscribed_to_a_private_topic(self, cloud: AnyCloud, tag: str) -> None:
        topology = private_topology_of(tag)
        for _ in range(2):
            cloud.provision(topology)
        sns = boto3.client("sns", **cloud.admin.client_arguments("sns"))
        listed = sns.get_paginator("list_topics").paginate().build_full_result()["Topics"]
        arns = {entry["TopicArn"].rsplit(":", 1)[1]: entry["TopicArn"] for entry in listed}
        (private,) = topology.private_topics
        policy = json.loads(sns.get_topic_attributes(TopicArn=arns[private])["Attributes"]["Policy"])
        (statement,) = policy["Statement"]
        assert (statement["Effect"], statement["Action"]) == ("Deny", "sns:Subscribe")
        (readers,) = statement["Condition"]["StringNotEquals"].values()
        (lane,) = topology.lanes
        assert [reader.rsplit(":", 1)[1] for reader in readers] == [lane.queue]
        (subscription,) = sns.list_subscriptions_by_topic(TopicArn=arns[private])["Subscriptions"]
        assert subscription["Endpoint"] == readers[0]

    async def test_the_bucket_reports_objects_to_the_queue_of_their_prefix(self, ground: Ground) -> None:
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

    async def test_a_service_hears_another_through_its_own_queue(self, ground: Ground) -> None:
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
