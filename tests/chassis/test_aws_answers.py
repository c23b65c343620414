"""What AWS and its emulators say, each in its own way: the chassis reads all of it alike.

Each case is named by the page of docs.aws.amazon.com that says so; `sns`, `sqs` and `s3` stand for their guides and API
references. What is refused before any call stands in test_aws_rules, what is asked in test_aws_requests.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from coffer_chassis.aws import AwsClients
from coffer_chassis.blobs import BlobChanged, BlobMissing
from coffer_chassis.blobs_aws import S3Blobs
from coffer_chassis.bus import Bus, Outgoing, QueueCallFailed, QueueMissing, TopicMissing
from coffer_chassis.bus_aws import AwsBus
from coffer_chassis.clock import SystemClock
from coffer_chassis.presign import Presigner, SigningKey
from coffer_chassis.storage import read_notification
from coffer_contracts.catalog import Unreadable
from factories.notifications import notification


def rule(page: str, says: str, *parts: Any) -> Any:
    return pytest.param(*parts, id=f"{page}: {says}")


def told(*, key: str = "blobs/a", version: str | None = "2.1", name: str = "ObjectCreated:Put", **fields: Any) -> str:
    """A notification of one object; None takes a field away."""
    body = notification(key, name=name)
    (record,) = body["Records"]
    record["eventVersion"] = version
    stored = record["s3"]["object"] | fields
    record["s3"]["object"] = {field: value for field, value in stored.items() if value is not None}
    if version is None:
        del record["eventVersion"]
    return json.dumps(body)


@pytest.mark.parametrize(
    ("body", "key", "etag"),
    [
        rule("s3/notification-content-structure", "red+flower.jpg", told(key="red+flower.jpg"), "red flower.jpg", "0a" * 16),
        rule("s3/notification-content-structure", "moto encodes /", told(key="blobs%2Fa"), "blobs/a", "0a" * 16),
        rule("s3/notification-content-structure", "AWS does not", told(key="blobs/a"), "blobs/a", "0a" * 16),
        rule("s3/notification-content-structure", "moto has no sequencer", told(sequencer=None), "blobs/a", "0a" * 16),
        rule("s3/notification-content-structure", "new fields are ignored", told(versionId="1"), "blobs/a", "0a" * 16),
        rule("s3/notification-content-structure", "no version at all", told(version=None), "blobs/a", "0a" * 16),
        rule("s3/notification-content-structure", "minor versions", told(version="2.99"), "blobs/a", "0a" * 16),
        rule("s3/notification-content-structure", "ETag without quotes", told(eTag="ab-2"), "blobs/a", "ab-2"),
        rule("s3/API_HeadObject", "ETag with quotes", told(eTag='"ab-2"'), "blobs/a", "ab-2"),
        rule("s3/notification-content-structure", "no s3: in names", told(name="ObjectCreated:Copy"), "blobs/a", "0a" * 16),
        rule("s3/EventNotifications", "s3: in names", told(name="s3:ObjectCreated:Put"), "blobs/a", "0a" * 16),
    ],
)
def test_reads_what_the_bucket_tells(body: str, key: str, etag: str) -> None:
    (event,) = read_notification(body)
    assert (event.data.key, event.data.etag) == (key, etag)


@pytest.mark.parametrize(
    "body",
    [
        rule("s3/how-to-enable-disable-notification-intro", "s3:TestEvent", json.dumps({"Event": "s3:TestEvent"})),
        rule("s3/EventNotifications", "ObjectRemoved", told(name="ObjectRemoved:Delete")),
        rule("s3/EventNotifications", "ObjectTagging", told(name="ObjectTagging:Put", version="2.3")),
    ],
)
def test_what_tells_of_no_new_object_is_nothing(body: str) -> None:
    assert read_notification(body) == []


@pytest.mark.parametrize("version", ["3.0", "1.0", "22.0", "", 2])
def test_another_major_version_is_unreadable(version: Any) -> None:
    """s3/notification-content-structure: compare the major version for equality."""
    with pytest.raises(Unreadable):
        read_notification(told(version=version))


class Answering:
    """A client whose every call answers, or fails, alike."""

    def __init__(self, answer: dict[str, Any] | None = None, *, error: str = "") -> None:
        self.answer, self.error = answer or {}, error

    async def get_queue_url(self, **_: object) -> dict[str, str]:
        return {"QueueUrl": "https://queue.example"}

    def __getattr__(self, name: str) -> Callable[..., Awaitable[dict[str, Any]]]:
        async def call(**_: object) -> dict[str, Any]:
            if self.error:
                raise ClientError({"Error": {"Code": self.error}}, name)
            return self.answer

        return call


def bus_over(client: Answering) -> Bus:
    bus = AwsBus(AwsClients(client, client, client, client))
    bus._topics = {"topic": "arn"}
    return bus


def failed(code: str, sentence: str) -> Answering:
    return Answering({"Failed": [{"Id": "0", "Code": code, "Message": sentence, "SenderFault": True}]})


NOT_AVAILABLE = "Value AQ== for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available."


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        rule("sqs/API_DeleteMessage", "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", "The specified receipt handle"),
        rule("sqs/API_ChangeMessageVisibility", "InvalidParameterValue", "InvalidParameterValue", NOT_AVAILABLE),
        rule("sqs/API_ChangeMessageVisibility", "MessageNotInflight", "MessageNotInflight", ""),
        rule("sqs/API_ChangeMessageVisibility", "its query name", "AWS.SimpleQueueService.MessageNotInflight", ""),
    ],
)
async def test_a_receipt_that_is_no_longer_valid_is_counted(code: str, sentence: str) -> None:
    bus = bus_over(failed(code, sentence))
    assert await bus.delete("queue", ["r"]) == await bus.set_visibility("queue", {"r": 0}) == 1


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        rule(
            "sqs/sqs-visibility-timeout",
            "12 h in all",
            "InvalidParameterValue",
            "Value 60 for parameter VisibilityTimeout is invalid. Reason: beyond the limit [43200 seconds]",
        ),
        rule("sqs/CommonErrors", "InternalError", "InternalError", ""),
    ],
)
async def test_another_failure_of_an_entry_is_raised(code: str, sentence: str) -> None:
    with pytest.raises(QueueCallFailed):
        await bus_over(failed(code, sentence)).set_visibility("queue", {"r": 60})


@pytest.mark.parametrize("code", ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"])
async def test_a_missing_queue_has_two_names(code: str) -> None:
    """sqs/API_ReceiveMessage: the JSON protocol says the one, the query protocol says the other."""
    with pytest.raises(QueueMissing):
        await bus_over(Answering(error=code)).receive("queue", limit=1, wait_seconds=0)


@pytest.mark.parametrize("code", ["NotFound", "NotFoundException"])
async def test_a_missing_topic_has_two_names(code: str) -> None:
    """sns/API_PublishBatch: NotFound."""
    with pytest.raises(TopicMissing):
        await bus_over(Answering(error=code)).publish("topic", [Outgoing("1", "{}")])


async def test_an_entry_that_fails_in_a_batch_that_succeeds_is_named() -> None:
    """sns/API_PublishBatch: HTTP 200 may hold errors per entry."""
    bus = bus_over(Answering({"Failed": [{"Id": "1", "Code": "InternalError", "SenderFault": False}]}))
    assert await bus.publish("topic", [Outgoing("a", "{}"), Outgoing("b", "{}")]) == {"b"}


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        rule("s3/API_GetObject", "NoSuchKey", "NoSuchKey", BlobMissing),
        rule("s3/API_HeadObject", "404 without a body", "404", BlobMissing),
        rule("s3/conditional-reads", "PreconditionFailed", "PreconditionFailed", BlobChanged),
        rule("s3/conditional-reads", "412 without a body", "412", BlobChanged),
    ],
)
async def test_an_absent_or_changed_object_has_two_names(code: str, raised: type[Exception]) -> None:
    presigner, key = Presigner("https://bucket.example", "us-east-1"), SigningKey("id", "secret")
    bucket = S3Blobs(Answering(error=code), bucket="bucket", presigner=presigner, clock=SystemClock(), credentials=lambda: key)
    with pytest.raises(raised):
        await bucket.read("blobs/a", etag="ab")
