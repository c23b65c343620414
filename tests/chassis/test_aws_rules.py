"""What AWS refuses and emulators take: the chassis refuses it too, before it calls anything.

Each case is named by the page of docs.aws.amazon.com that says so; `sns`, `sqs` and `s3` stand for their guides and API
references. How requests are made stands in test_aws_requests, how answers are read in test_aws_answers.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from coffer_chassis.aws import AwsClients
from coffer_chassis.blobs import PUT_BYTES, Blobs
from coffer_chassis.blobs_aws import S3Blobs
from coffer_chassis.bus import (
    ATTRIBUTE_LIMIT,
    BATCH,
    BATCH_BYTES,
    QUEUE_BYTES,
    Bus,
    Outgoing,
    Refused,
)
from coffer_chassis.bus_aws import AwsBus
from coffer_chassis.bus_memory import MemoryBus
from coffer_chassis.presign import Presigner, SigningKey
from coffer_chassis.testing import NOON, FixedClock, MemoryBlobs
from coffer_chassis.topology import BlobAccess, Lane, ServiceTopology, Topology

TOPIC, LANE = "sender-events", Lane("reader-fast", {"sender-events": ("red",)})
TOPOLOGY = Topology("bucket", (ServiceTopology("sender"), ServiceTopology("reader", (LANE,))))
QUEUE = LANE.queue


class NoCloud:
    """Clients of a cloud that nobody may call."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(**_: object) -> object:
            raise AssertionError(f"{name} was called")

        return call


def message(body: str = "{}", **attributes: str) -> Outgoing:
    return Outgoing("1", body, {"type": "red", **attributes})


def rule(page: str, says: str, *parts: Any) -> Any:
    return pytest.param(*parts, id=f"{page}: {says}")


@pytest.fixture(params=["SNS and SQS", "memory"])
def bus(request: pytest.FixtureRequest) -> Bus:
    none = NoCloud()
    return AwsBus(AwsClients(none, none, none, none)) if request.param == "SNS and SQS" else MemoryBus(TOPOLOGY)


@pytest.fixture(params=["S3", "memory"])
def blobs(request: pytest.FixtureRequest) -> Blobs:
    if request.param == "memory":
        return MemoryBlobs()
    presigner, key = Presigner("https://bucket.example", "us-east-1"), SigningKey("id", "secret")
    return S3Blobs(NoCloud(), bucket="bucket", presigner=presigner, clock=FixedClock(), credentials=lambda: key)


def publish(*messages: Outgoing) -> Callable[[Bus], Awaitable[object]]:
    return lambda bus: bus.publish(TOPIC, messages)


def send(body: str, **attributes: str) -> Callable[[Bus], Awaitable[object]]:
    return lambda bus: bus.send(QUEUE, body, attributes)


MANY = {f"a{number}": "x" for number in range(ATTRIBUTE_LIMIT + 1)}


@pytest.mark.parametrize(
    "attempt",
    [
        rule("sns/API_PublishBatch", "10 entries", publish(*[message()] * (BATCH + 1))),
        rule("sns/API_PublishBatch", "256 KiB in all", publish(*[message("x" * (BATCH_BYTES // 10))] * BATCH)),
        rule("sns/API_Publish", "bytes, not characters", publish(message("é" * (BATCH_BYTES // 2)))),
        rule("sns/API_Publish", "attributes count", publish(message("x" * (BATCH_BYTES - 60), tenant="y" * 60))),
        rule("sns/sns-message-attributes", "10 with raw delivery", publish(message(**MANY))),
        rule("sns/sns-message-attributes", "no empty name", publish(message(**{"": "x"}))),
        rule("sns/sns-message-attributes", "256 characters of a name", publish(message(**{"n" * 257: "x"}))),
        rule("sns/sns-message-attributes", "letters, digits, _ - . in a name", publish(message(**{"a b": "x"}))),
        rule("sns/sns-message-attributes", "ASCII letters in a name", publish(message(größe="x"))),
        rule("sns/sns-message-attributes", "no period at the beginning", publish(message(**{".a": "x"}))),
        rule("sns/sns-message-attributes", "no period at the end", publish(message(**{"a.": "x"}))),
        rule("sns/sns-message-attributes", "no two periods", publish(message(**{"a..b": "x"}))),
        rule("sns/sns-message-attributes", "AWS. is reserved", publish(message(**{"aws.a": "x"}))),
        rule("sns/sns-message-attributes", "Amazon. is reserved", publish(message(**{"AMAZON.a": "x"}))),
        rule("sns/sns-message-attributes", "no empty value", publish(message(tenant=""))),
        rule("sns/API_Publish", "no empty message", publish(message(""))),
        rule("sqs/API_SendMessage", "no NUL", publish(message("a\0"))),
        rule("sqs/API_SendMessage", "no control characters", publish(message("a\x1f"))),
        rule("sqs/API_SendMessage", "no U+FFFF", publish(message("a\uffff"))),
        rule("sqs/API_SendMessage", "no half surrogate", publish(message("a\ud800"))),
        rule("sqs/API_SendMessage", "nor in attributes", publish(message(tenant="a\0"))),
        rule("sqs/API_SendMessage", "at least one character", send("")),
        rule("sqs/API_SendMessage", "1 MiB", send("x" * (QUEUE_BYTES + 1))),
        rule("sqs/quotas-messages", "1 MiB with attributes", send("x" * QUEUE_BYTES, a="x")),
        rule("sqs/quotas-messages", "10 attributes", send("x", **MANY)),
        rule("sqs/sqs-message-metadata", "names as in SNS", send("x", **{"a..b": "x"})),
    ],
)
async def test_refuses_a_message_before_the_call(bus: Bus, attempt: Callable[[Bus], Awaitable[object]]) -> None:
    with pytest.raises(Refused):
        await attempt(bus)


@pytest.mark.parametrize(
    "body",
    [
        rule("sqs/API_SendMessage", "#x9 #xA #xD", "\t\n\r"),
        rule("sqs/API_SendMessage", "#x20 to #xD7FF", " \ud7ff"),
        rule("sqs/API_SendMessage", "#xE000 to #xFFFD", "\ue000\ufffd"),
        rule("sqs/API_SendMessage", "#x10000 to #x10FFFF", "\U00010000\U0010ffff"),
        rule("sqs/quotas-messages", "1 MiB", "x" * QUEUE_BYTES),
    ],
)
async def test_takes_all_that_a_queue_takes(body: str) -> None:
    bus = MemoryBus(TOPOLOGY)
    await bus.send(QUEUE, body, {})
    assert (await bus.receive(QUEUE, limit=1, wait_seconds=0))[0].body == body


@pytest.mark.parametrize(
    "attempt",
    [
        rule("sqs/API_ReceiveMessage", "1 message", lambda bus: bus.receive(QUEUE, limit=0, wait_seconds=0)),
        rule("sqs/API_ReceiveMessage", "10 messages", lambda bus: bus.receive(QUEUE, limit=11, wait_seconds=0)),
        rule("sqs/API_ReceiveMessage", "0 s", lambda bus: bus.receive(QUEUE, limit=1, wait_seconds=-1)),
        rule("sqs/API_ReceiveMessage", "20 s", lambda bus: bus.receive(QUEUE, limit=1, wait_seconds=21)),
        rule("sqs/API_DeleteMessageBatch", "10 entries", lambda bus: bus.delete(QUEUE, ["r"] * 11)),
        rule(
            "sqs/API_ChangeMessageVisibilityBatch",
            "10 entries",
            lambda bus: bus.set_visibility(QUEUE, dict.fromkeys(map(str, range(11)), 1)),
        ),
        rule("sqs/API_ChangeMessageVisibility", "0 s", lambda bus: bus.set_visibility(QUEUE, {"r": -1})),
        rule("sqs/API_ChangeMessageVisibility", "43200 s", lambda bus: bus.set_visibility(QUEUE, {"r": 43201})),
    ],
)
async def test_refuses_a_number_before_the_call(bus: Bus, attempt: Callable[[Bus], Awaitable[object]]) -> None:
    with pytest.raises(ValueError, match="not "):
        await attempt(bus)


def put(blobs: Blobs, *, length: int = 1, sha256_hex: str | None = None) -> object:
    return blobs.presign_put("blobs/a", length=length, content_type="a/b", sha256_hex=sha256_hex, expires_seconds=60)


@pytest.mark.parametrize(
    "attempt",
    [
        rule("s3/object-keys", "1024 bytes, ours 200", lambda blobs: blobs.head("a" * 201)),
        rule("s3/object-keys", "bytes, not characters", lambda blobs: blobs.head("ü" * 101)),
        rule("s3/object-keys", "characters to avoid", lambda blobs: blobs.head("blobs/a\\b")),
        rule("s3/object-keys", "special handling", lambda blobs: blobs.head("blobs/a&b")),
        rule("s3/notification-content-structure", "a space becomes +", lambda blobs: blobs.head("blobs/a b")),
        rule("s3/notification-content-structure", "a plus becomes %2B", lambda blobs: blobs.head("blobs/a+b")),
        rule("s3/object-keys", "periods only", lambda blobs: blobs.head("blobs/../a")),
        rule("s3/API_GetObject", "a range is one", lambda blobs: blobs.read_range("blobs/a", 1, 0)),
    ],
)
async def test_refuses_an_object_before_the_call(blobs: Blobs, attempt: Callable[[Blobs], Awaitable[object]]) -> None:
    with pytest.raises(ValueError, match=r"no object key of ours|no range"):
        await attempt(blobs)


@pytest.mark.parametrize(
    "attempt",
    [
        rule("s3/upload-objects", "5 GB in one PUT", lambda blobs: put(blobs, length=PUT_BYTES + 1)),
        rule("s3/upload-objects", "0 bytes", lambda blobs: put(blobs, length=-1)),
        rule("s3/checking-object-integrity", "SHA-256 in base64", lambda blobs: put(blobs, sha256_hex="ab")),
    ],
)
def test_signs_no_request_that_s3_refuses(blobs: Blobs, attempt: Callable[[Blobs], object]) -> None:
    with pytest.raises(ValueError, match="bytes"):
        attempt(blobs)


@pytest.mark.parametrize("seconds", [rule("s3/sigv4-query-string-auth", "1 to 604800 s", bad) for bad in (0, 604801)])
def test_signs_nothing_for_ever(seconds: int) -> None:
    presigner = Presigner("https://bucket.example", "us-east-1")
    with pytest.raises(ValueError, match="7 days"):
        presigner.sign("GET", "a", SigningKey("id", "secret"), now=NOON, expires_seconds=seconds)


def topology(*lanes: Lane, bucket: str = "bucket", service: str = "reader", blobs: str = "blobs/") -> Topology:
    senders = [ServiceTopology(f"sender-{number}") for number in range(21)]
    return Topology(bucket, (*senders, ServiceTopology(service, lanes, (BlobAccess(blobs),))))


def reading(topics: int = 1, *, types: int = 1, **fields: Any) -> Lane:
    names = tuple(f"type-{number}" for number in range(types))
    return Lane(fields.pop("queue", "queue"), {f"sender-{number}-events": names for number in range(topics)}, **fields)


def reporting(*prefixes: str) -> Lane:
    return Lane("queue", storage_prefixes=prefixes)


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        rule("sns/API_CreateTopic", "256 characters", lambda: topology(service="s" * 250), "no topic"),
        rule("sns/API_CreateTopic", "letters, digits, _ and -", lambda: topology(service="a.b"), "no topic"),
        rule("sqs/API_CreateQueue", "80 characters", lambda: topology(reading(queue="q" * 76)), "no queue"),
        rule("sqs/API_CreateQueue", "letters, digits, _ and -", lambda: topology(reading(queue="q.fifo")), "no queue"),
        rule("sqs/API_CreateQueue", "hidden for 12 h", lambda: topology(reading(visibility_seconds=43201)), "12 h"),
        rule("sqs/sqs-configure-dead-letter-queue", "1 receive", lambda: topology(reading(max_receives=0)), "at least once"),
        rule("sqs/sqs-configure-dead-letter-queue", "1,000", lambda: topology(reading(max_receives=1001)), "to 1000"),
        rule("sqs/quotas-policies", "20 statements", lambda: topology(reading(21)), "20 statements"),
        rule("sns/subscription-filter-policy-constraints", "150", lambda: topology(reading(types=151)), "1 to 150"),
        rule("sns/subscription-filter-policy-constraints", "no empty list", lambda: topology(reading(types=0)), "1 to 150"),
        rule(
            "sns/subscription-filter-policy-constraints",
            "200 policies of a topic",
            lambda: topology(*(reading(queue=f"q{number}") for number in range(201))),
            "200 filters",
        ),
        rule("s3/bucketnamingrules", "3 characters", lambda: topology(bucket="ab"), "no bucket"),
        rule("s3/bucketnamingrules", "63 characters", lambda: topology(bucket="b" * 64), "no bucket"),
        rule("s3/bucketnamingrules", "lower case", lambda: topology(bucket="Bucket"), "no bucket"),
        rule("s3/bucketnamingrules", "no underscore", lambda: topology(bucket="my_bucket"), "no bucket"),
        rule("s3/bucketnamingrules", "begins with a letter or digit", lambda: topology(bucket="-bucket"), "no bucket"),
        rule("s3/bucketnamingrules", "no two periods", lambda: topology(bucket="my..bucket"), "no bucket"),
        rule("s3/bucketnamingrules", "no IP address", lambda: topology(bucket="192.168.5.4"), "no bucket"),
        rule("s3/bucketnamingrules", "reserved beginnings", lambda: topology(bucket="xn--bucket"), "no bucket"),
        rule("s3/bucketnamingrules", "reserved ends", lambda: topology(bucket="bucket-s3alias"), "no bucket"),
        rule("s3/notification-how-to-filtering", "overlap", lambda: topology(reporting("a/", "a/b/")), "overlap"),
        rule("s3/notification-how-to-filtering", "no wildcards", lambda: topology(reporting("a*/")), "no object key"),
        rule("s3/notification-how-to-filtering", "encoded prefixes", lambda: topology(reporting("a b/")), "no object key"),
        rule("s3/notification-how-to-filtering", "whole parts", lambda: topology(reporting("a")), "no key prefix"),
        rule("general/s3", "100", lambda: topology(reporting(*(f"{n:03}/" for n in range(101)))), "100 per bucket"),
        rule("iam/reference_policies_elements_resource", "wildcards", lambda: topology(blobs="*/"), "no object key"),
    ],
)
def test_refuses_a_topology_before_anything_is_made(build: Callable[[], Topology], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        build()


@pytest.mark.parametrize(
    "build",
    [
        rule("sns/API_CreateTopic", "256 characters", lambda: topology(service="s" * 249)),
        rule("sqs/API_CreateQueue", "80 characters with -dead", lambda: topology(reading(queue="q" * 75))),
        rule("sqs/quotas-policies", "20 statements", lambda: topology(reading(20))),
        rule("sns/subscription-filter-policy-constraints", "150 values", lambda: topology(reading(types=150))),
        rule("s3/bucketnamingrules", "63 characters, hyphens and periods", lambda: topology(bucket="3.my-" + "b" * 58)),
    ],
)
def test_takes_the_most_that_aws_takes(build: Callable[[], Topology]) -> None:
    assert build().services
