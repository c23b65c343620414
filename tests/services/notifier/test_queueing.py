"""Messages into queues of subscribers, over the wire: on the local cloud, which asks for the policy, and on moto."""

import json
import socket
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import boto3
import pytest
from pydantic import SecretStr

from coffer_chassis.aws import AwsAccess
from coffer_chassis.ids import new_id
from coffer_chassis.topology import Lane, ServiceTopology, Topology
from coffer_notifier.domain.addresses import AddressRefused
from coffer_notifier.domain.queues import QueueAddress, QueueLetter, Sender, policy_for
from coffer_notifier.handlers.deps import CallFailed
from coffer_notifier.queueing import SqsQueues
from factories.cloud import ACCOUNT, REGION, Cloud
from factories.moto_cloud import AnyCloud

PRINCIPAL = f"arn:aws:iam::{ACCOUNT}:user/service-0"
LETTER = QueueLetter("{}", (("type", "String", "files.item.committed.v1"), ("sequence", "Number", "7")), "item/1", "event-1")

pytestmark = pytest.mark.slow


class Place:
    """A cloud with queues of somebody else in it, and what sends there with no more rights than the notifier has."""

    def __init__(self, any_cloud: AnyCloud, access: AwsAccess, account: str, lane: str) -> None:
        self.lane = lane
        self.account = account
        self.access = access
        self.endpoint = any_cloud.endpoint
        self.sqs: Any = boto3.client("sqs", **any_cloud.admin.client_arguments("sqs"))

    def make(self, *, fifo: bool = False, permitted: bool = True, **attributes: str) -> str:
        """A new queue with the policy that subscribers are shown; its ARN."""
        name = f"mine-{new_id()}{'.fifo' if fifo else ''}"
        url = self.sqs.create_queue(QueueName=name, Attributes={**({"FifoQueue": "true"} if fifo else {}), **attributes})[
            "QueueUrl"
        ]
        arn: str = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        if permitted:
            policy = policy_for(QueueAddress.of(arn), Sender(PRINCIPAL), secure=False)
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        return arn

    def read(self, arn: str) -> list[dict[str, Any]]:
        """What is in it."""
        url = self.sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]
        answer = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found


def place_in(any_cloud: AnyCloud, account: str) -> Place:
    """With one lane of Coffer's own."""
    lane = f"files-{new_id()}"
    files = ServiceTopology("files", lanes=(Lane(lane, reads={"files-events": ("files.item.created.v1",)}),))
    notifier = ServiceTopology("notifier", sends_to_queues=True)
    access = any_cloud.provision(Topology(f"q-{new_id()}", (notifier, files)))["notifier"]
    return Place(any_cloud, access, account, lane)


@pytest.fixture(scope="module")
def local(cloud: Cloud) -> Place:
    return place_in(cloud, ACCOUNT)


@pytest.fixture(scope="module", params=["cloud", "moto"])
def place(request: pytest.FixtureRequest) -> Place:
    account = ACCOUNT if request.param == "cloud" else "123456789012"
    found: AnyCloud = request.getfixturevalue(request.param)
    return place_in(found, account)


async def send(place: Place, arn: str, letter: QueueLetter = LETTER, *, principal: str = PRINCIPAL, limit: float = 10) -> str:
    """Send; the head of the answer."""
    async with aclosing(SqsQueues(place.access, principal, at_once=2, limit_seconds=limit)) as queues:
        return (await queues.send(arn, letter)).head


async def refusal(place: Place, arn: str, letter: QueueLetter = LETTER, **options: Any) -> str:
    """The word of a refusal."""
    with pytest.raises(CallFailed) as failed:
        await send(place, arn, letter, **options)
    return failed.value.code


async def test_a_message_arrives_with_its_attributes(place: Place) -> None:
    arn = place.make()
    head = await send(place, arn)
    (message,) = place.read(arn)
    assert head == f"MessageId: {message['MessageId']}"
    assert message["Body"] == "{}"
    said = {name: (value["DataType"], value["StringValue"]) for name, value in message["MessageAttributes"].items()}
    assert said == {"type": ("String", "files.item.committed.v1"), "sequence": ("Number", "7")}


async def test_a_queue_that_keeps_an_order_is_given_group_and_deduplication(place: Place) -> None:
    arn = place.make(fifo=True)
    for once in ("event-1", "event-1", "event-1.1"):
        await send(place, arn, replace(LETTER, once=once))
    found = place.read(arn)
    assert [message["Attributes"]["MessageDeduplicationId"] for message in found] == ["event-1", "event-1.1"]
    assert {message["Attributes"]["MessageGroupId"] for message in found} == {"item/1"}


async def test_a_queue_that_is_gone_says_so(place: Place) -> None:
    gone = f"arn:aws:sqs:{REGION}:{place.account}:gone-{new_id()}"
    assert await refusal(place, gone) in {"queue_gone", "access_denied"}


async def test_without_the_policy_nothing_is_sent(local: Place) -> None:
    arn = local.make(permitted=False)
    assert await refusal(local, arn) == "access_denied"
    assert local.read(arn) == []


async def test_queues_of_coffer_take_nothing_from_it_even_if_it_were_asked(local: Place) -> None:
    lane = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{local.lane}"
    assert await refusal(local, lane) == "address_not_allowed"
    other = Sender("arn:aws:iam::999999999999:role/other")
    assert await refusal(local, lane, principal=other.principal) == "access_denied", "its rights do not reach there either"


async def test_a_message_that_the_queue_finds_too_large_is_told_apart(local: Place) -> None:
    arn = local.make(MaximumMessageSize="1024")
    assert await refusal(local, arn, replace(LETTER, body=json.dumps({"a": "x" * 2000}))) == "too_large"


async def test_the_local_cloud_has_one_region(local: Place) -> None:
    with pytest.raises(AddressRefused):
        SqsQueues(local.access, PRINCIPAL, at_once=2).accept("arn:aws:sqs:eu-west-1:444455556666:q")
    with pytest.raises(AddressRefused) as refused:
        SqsQueues(local.access, None, at_once=2).accept("arn:aws:sqs:us-east-1:444455556666:q")
    assert refused.value.code == "queues_are_off"


async def test_in_aws_every_region_has_an_endpoint_of_its_own() -> None:
    async with aclosing(
        SqsQueues(AwsAccess(access_key_id="x", secret_access_key=SecretStr("x")), PRINCIPAL, at_once=2)
    ) as queues:
        assert queues.is_secure
        for region in ("eu-central-1", "us-east-1", "eu-central-1"):
            queue = queues.accept(f"arn:aws:sqs:{region}:444455556666:q")
            client = await queues._client(queue)
            assert client.meta.endpoint_url == f"https://sqs.{region}.amazonaws.com"
            message = queues._message(queue, LETTER)
            assert message["QueueUrl"] == f"https://sqs.{region}.amazonaws.com/444455556666/q"
        assert len(queues._clients) == 2


@pytest.fixture
def silent() -> Iterator[str]:
    """A cloud that takes every connection and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


async def test_a_cloud_that_hangs_or_is_away_is_left_in_time(local: Place, silent: str) -> None:
    arn = f"arn:aws:sqs:{REGION}:444455556666:q"
    hanging = replace(local.access, endpoint_url=silent)
    away = replace(local.access, endpoint_url="http://127.0.0.1:1")
    for access, word, seconds in ((hanging, "timeout", 1), (away, "not_connected", 30)):
        async with aclosing(SqsQueues(access, PRINCIPAL, at_once=2, limit_seconds=seconds)) as queues:
            with pytest.raises(CallFailed) as failed:
                await queues.send(arn, LETTER)
            assert failed.value.code == word
