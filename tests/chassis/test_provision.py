"""Provisioning keeps the suite on the local cloud, and keeps every service to its own."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chassis.provision_suite import RED, Ground, ProvisionSuite, ground, private_topology_of
from coffer_chassis.aws import open_clients
from coffer_chassis.bus import Outgoing
from coffer_chassis.bus_aws import AwsBus
from coffer_chassis.provision import queue_policy
from coffer_chassis.testing import eventually
from factories.cloud import Cloud

__all__ = ["ground"]

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


class TestMinistackProvision(ProvisionSuite):
    pass


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
        denied("look for unfinished uploads", lambda on: on.media.s3.list_multipart_uploads(Bucket=on.bucket)),
        denied(
            "abort another's unfinished upload",
            lambda on: on.media.s3.abort_multipart_upload(Bucket=on.bucket, Key="blobs/a", UploadId="x"),
        ),
        denied("make a topic", lambda on: on.files.sns.create_topic(Name="mine")),
        denied("make a queue", lambda on: on.files.sqs.create_queue(QueueName="mine")),
        denied("read the bucket's policy", lambda on: on.files.s3.get_bucket_policy(Bucket=on.bucket)),
    ],
)
async def test_a_service_may_not(ground: Ground, attempt: Attempt) -> None:
    with pytest.raises(ClientError) as refusal:
        await attempt(ground)
    assert "Denied" in refusal.value.response["Error"]["Code"] or "Authorization" in refusal.value.response["Error"]["Code"]


async def test_only_the_sender_publishes_private_commands_and_no_service_subscribes(cloud: Cloud, tag: str) -> None:
    topology = private_topology_of(tag)
    sender, reader = cloud.provision(topology).values()
    (private,), (lane,) = topology.private_topics, topology.lanes
    async with AsyncExitStack() as stack:
        own, others = [
            await stack.enter_async_context(open_clients(access, receivers=1, wait_seconds=1)) for access in (sender, reader)
        ]
        with pytest.raises(ClientError, match=r"(?i)denied|authoriz"):
            await AwsBus(others).publish(private, [RED_MESSAGE])
        assert await AwsBus(own).publish(private, [RED_MESSAGE]) == frozenset()
        bus = AwsBus(others)
        messages = await eventually(lambda: bus.receive(lane.queue, limit=10, wait_seconds=1))
        assert [message.body for message in messages] == ["{}"]
        with pytest.raises(ClientError, match=r"(?i)denied|authoriz"):
            await AwsBus(own).receive(lane.queue, limit=1, wait_seconds=0)
        for client, access in ((own, sender), (others, reader)):
            listed = await client.sns.get_paginator("list_topics").paginate().build_full_result()
            arns = [entry["TopicArn"] for entry in listed["Topics"]]
            arn = next(arn for arn in arns if arn.endswith(f":{private}"))
            queue = f"arn:aws:sqs:{access.region}:000000000000:{lane.queue}"
            with pytest.raises(ClientError, match=r"(?i)denied|authoriz"):
                await client.sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)


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
