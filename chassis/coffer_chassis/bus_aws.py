"""The bus over SNS and SQS. It enforces AWS's limits itself, because emulators accept what AWS refuses."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from coffer_chassis.aws import AwsClients
from coffer_chassis.bus import (
    Depth,
    Incoming,
    Outgoing,
    QueueCallFailed,
    QueueMissing,
    TopicMissing,
    check_delay,
    check_receive,
    check_settle,
    refuse_batch,
    refuse_letter,
)

_GONE = frozenset({"ReceiptHandleIsInvalid", "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"})
_NO_QUEUE = frozenset({"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"})
_NO_TOPIC = frozenset({"NotFound", "NotFoundException"})


def _attributes(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}


class AwsBus:
    """Bus over long-lived clients. Queue addresses and topic names are looked up once."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients
        self._addresses: dict[str, str] = {}
        self._topics: dict[str, str] = {}

    async def publish(self, topic: str, messages: Sequence[Outgoing]) -> frozenset[str]:
        """See Bus."""
        refuse_batch(messages)
        if not messages:
            return frozenset()
        entries = [
            {"Id": str(number), "Message": message.body, "MessageAttributes": _attributes(message.attributes)}
            for number, message in enumerate(messages)
        ]
        arn = await self._topic(topic)
        with self._translating():
            answer = await self._clients.sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=entries)
        return frozenset(messages[int(failure["Id"])].id for failure in answer.get("Failed", ()))

    async def receive(self, queue: str, *, limit: int, wait_seconds: int) -> list[Incoming]:
        """See Bus."""
        check_receive(limit, wait_seconds)
        with self._translating():
            answer = await self._clients.sqs_poll.receive_message(
                QueueUrl=await self._address(queue),
                MaxNumberOfMessages=limit,
                WaitTimeSeconds=wait_seconds,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
            )
        return [_incoming(message) for message in answer.get("Messages", ())]

    async def delete(self, queue: str, receipts: Sequence[str]) -> int:
        """See Bus."""
        check_settle(receipts)
        if not receipts:
            return 0
        with self._translating():
            answer = await self._clients.sqs.delete_message_batch(
                QueueUrl=await self._address(queue),
                Entries=[{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(receipts)],
            )
        return _gone(answer)

    async def set_visibility(self, queue: str, seconds_by_receipt: Mapping[str, int]) -> int:
        """See Bus."""
        check_settle(seconds_by_receipt, seconds_by_receipt.values())
        if not seconds_by_receipt:
            return 0
        with self._translating():
            answer = await self._clients.sqs.change_message_visibility_batch(
                QueueUrl=await self._address(queue),
                Entries=[
                    {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
                    for number, (receipt, seconds) in enumerate(seconds_by_receipt.items())
                ],
            )
        return _gone(answer)

    async def send(self, queue: str, body: str, attributes: Mapping[str, str], *, delay_seconds: int = 0) -> None:
        """See Bus."""
        refuse_letter(body, attributes)
        check_delay(delay_seconds)
        with self._translating():
            await self._clients.sqs.send_message(
                QueueUrl=await self._address(queue),
                MessageBody=body,
                MessageAttributes=_attributes(attributes),
                DelaySeconds=delay_seconds,
            )

    async def depth(self, queue: str) -> Depth:
        """See Bus."""
        with self._translating():
            answer = await self._clients.sqs.get_queue_attributes(
                QueueUrl=await self._address(queue),
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                    "ApproximateNumberOfMessagesDelayed",
                ],
            )
        numbers = answer["Attributes"]
        return Depth(
            waiting=int(numbers["ApproximateNumberOfMessages"]),
            in_flight=int(numbers["ApproximateNumberOfMessagesNotVisible"]),
            delayed=int(numbers["ApproximateNumberOfMessagesDelayed"]),
        )

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _NO_QUEUE:
                self._addresses.clear()
                raise QueueMissing(str(error)) from error
            if code in _NO_TOPIC:
                self._topics.clear()
                raise TopicMissing(str(error)) from error
            raise

    async def _address(self, queue: str) -> str:
        if queue not in self._addresses:
            with self._translating():
                answer = await self._clients.sqs.get_queue_url(QueueName=queue)
            self._addresses[queue] = answer["QueueUrl"]
        return self._addresses[queue]

    async def _topic(self, topic: str) -> str:
        if topic not in self._topics:
            # A topic's name is the end of its ARN; CreateTopic would need more rights than a service has.
            paginator = self._clients.sns.get_paginator("list_topics")
            async for page in paginator.paginate():
                for entry in page.get("Topics", ()):
                    self._topics[entry["TopicArn"].rsplit(":", 1)[1]] = entry["TopicArn"]
        if topic not in self._topics:
            raise TopicMissing(f"topic {topic} does not exist")
        return self._topics[topic]


def _gone(answer: dict[str, Any]) -> int:
    failures = answer.get("Failed", ())
    for failure in failures:
        if not _is_gone(failure):
            raise QueueCallFailed(f"{failure.get('Code')}: {failure.get('Message', '')}")
    return len(failures)


def _is_gone(failure: dict[str, Any]) -> bool:
    # SQS has one code for every value it dislikes, so the parameter is told by its name in the sentence.
    code, sentence = failure.get("Code"), str(failure.get("Message"))
    return code in _GONE or (code == "InvalidParameterValue" and "ReceiptHandle" in sentence)


def _incoming(message: dict[str, Any]) -> Incoming:
    system = message.get("Attributes", {})
    return Incoming(
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        attributes={name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()},
        receives=int(system.get("ApproximateReceiveCount", "1")),
        sent_at=datetime.fromtimestamp(int(system.get("SentTimestamp", "0")) / 1000, UTC),
    )
