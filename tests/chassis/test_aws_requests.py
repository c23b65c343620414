"""What leaves for AWS, recorded on its way to either emulator: both take more than AWS's documentation allows.

Each test names the page of docs.aws.amazon.com that says so; `sns`, `sqs` and `s3` stand for their guides and API references.
"""

import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import boto3
import pytest
import pytest_asyncio

from coffer_chassis.aws import AwsClients, open_clients
from coffer_chassis.blobs_aws import S3Blobs
from coffer_chassis.bus import BATCH, Outgoing
from coffer_chassis.bus_aws import AwsBus
from coffer_chassis.clock import SystemClock
from coffer_chassis.presign import Presigner, SigningKey
from coffer_chassis.testing import eventually
from coffer_chassis.topology import BlobAccess, Lane, ServiceTopology, Topology
from factories.moto_cloud import AnyCloud

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

RED = "auth.login.failed.v1"
ENTRY_ID = re.compile("[A-Za-z0-9_-]{1,80}")
TOPOLOGY = Topology(
    "bucket-requests",
    (
        ServiceTopology("sender-requests"),
        ServiceTopology(
            "reader-requests",
            (Lane("reader-requests-fast", {"sender-requests-events": (RED,)}, ("blobs/",)),),
            (BlobAccess("blobs/", read=True, write=True, delete=True),),
        ),
    ),
)
TOPIC, QUEUE = "sender-requests-events", "reader-requests-fast"


class Recorded:
    """A bus and a bucket on one cloud, and what they sent there, by operation."""

    def __init__(self, clients: AwsClients) -> None:
        self.bus = AwsBus(clients)
        presigner, key = Presigner("https://bucket.example", "us-east-1"), SigningKey("id", "secret")
        self.blobs = S3Blobs(
            clients.s3, bucket=TOPOLOGY.bucket, presigner=presigner, clock=SystemClock(), credentials=lambda: key
        )
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[tuple[str, dict[str, str]]] = []
        for client in (clients.sns, clients.sqs, clients.sqs_poll, clients.s3):
            client.meta.events.register("before-parameter-build", self._note_parameters)
            client.meta.events.register("before-send", self._note_headers)

    def _note_parameters(self, params: dict[str, Any], model: Any, **_: object) -> None:
        self.asked.append((model.name, params))

    def _note_headers(self, request: Any, event_name: str, **_: object) -> None:
        headers = {
            str(name).lower(): value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
        }
        self.headers.append((event_name.rsplit(".", 1)[1], headers))

    def asked_for(self, operation: str) -> list[dict[str, Any]]:
        return [params for name, params in self.asked if name == operation]

    def headers_of(self, operation: str) -> dict[str, str]:
        return [headers for name, headers in self.headers if name == operation][-1]


@pytest.fixture(scope="module", params=["cloud", "moto"])
def aws(request: pytest.FixtureRequest) -> AnyCloud:
    running: AnyCloud = request.getfixturevalue(request.param)
    running.provision(TOPOLOGY)
    return running


@pytest_asyncio.fixture(loop_scope="module")
async def recorded(aws: AnyCloud) -> AsyncIterator[Recorded]:
    async with open_clients(aws.admin, receivers=1, wait_seconds=1) as clients:
        yield Recorded(clients)


async def test_entries_of_a_batch_have_ids_that_differ_and_fit(recorded: Recorded) -> None:
    """sns/API_PublishBatchRequestEntry, sqs/API_DeleteMessageBatchRequestEntry: unique, 80 of letters, digits, _ and -."""
    twins = [Outgoing("one id for all, with spaces", "{}", {"type": RED}) for _ in range(BATCH)]
    assert await recorded.bus.publish(TOPIC, twins) == frozenset()
    receipts: list[str] = []

    async def all_arrived() -> bool:
        receipts.extend(arrived.receipt for arrived in await recorded.bus.receive(QUEUE, limit=BATCH, wait_seconds=1))
        return len(receipts) >= BATCH

    await eventually(all_arrived)
    assert await recorded.bus.set_visibility(QUEUE, dict.fromkeys(receipts[:BATCH], 30)) == 0
    assert await recorded.bus.delete(QUEUE, receipts[:BATCH]) == 0
    for operation, field in (
        ("PublishBatch", "PublishBatchRequestEntries"),
        ("ChangeMessageVisibilityBatch", "Entries"),
        ("DeleteMessageBatch", "Entries"),
    ):
        (asked,) = recorded.asked_for(operation)
        ids = [entry["Id"] for entry in asked[field]]
        assert len(set(ids)) == len(ids) == BATCH
        assert all(ENTRY_ID.fullmatch(entry_id) for entry_id in ids)


async def test_a_written_object_carries_its_sha256_and_nothing_that_the_sdk_adds(recorded: Recorded) -> None:
    """s3/checking-object-integrity; with the SDK's own checksums several servers store the framing as content."""
    await recorded.blobs.write("blobs/written", b"content", content_type="text/plain")
    headers = recorded.headers_of("PutObject")
    assert headers["x-amz-checksum-sha256"] == base64.b64encode(hashlib.sha256(b"content").digest()).decode()
    assert headers["content-length"] == "7"
    added = {"content-encoding", "transfer-encoding", "x-amz-trailer", "x-amz-decoded-content-length", "x-amz-checksum-crc32"}
    assert not added & set(headers)
    assert await recorded.blobs.read("blobs/written") == b"content"
    assert "x-amz-checksum-mode" not in recorded.headers_of("GetObject")


async def test_conditions_carry_the_etag_in_quotes(recorded: Recorded) -> None:
    """s3/conditional-requests: an entity tag is a quoted string (RFC 9110, 8.8.3)."""
    etag = await recorded.blobs.write("blobs/judged", b"content", content_type="text/plain")
    assert '"' not in etag
    await recorded.blobs.read("blobs/judged", etag=etag)
    await recorded.blobs.copy("blobs/judged", "blobs/copied", etag=etag)
    assert recorded.headers_of("GetObject")["if-match"] == f'"{etag}"'
    assert recorded.headers_of("CopyObject")["x-amz-copy-source-if-match"] == f'"{etag}"'


async def test_deletes_a_thousand_at_once_at_most(recorded: Recorded) -> None:
    """s3/API_DeleteObjects: up to 1,000 keys."""
    await recorded.blobs.delete([f"blobs/many-{number}" for number in range(2001)])
    assert [len(asked["Delete"]["Objects"]) for asked in recorded.asked_for("DeleteObjects")] == [1000, 1000, 1]


async def test_a_queue_takes_from_those_its_policy_names_and_no_others(aws: AnyCloud) -> None:
    """sns/subscribe-sqs-queue-to-sns-topic, s3/grant-destinations-permissions-to-s3: what no policy allows is dropped."""
    sqs = boto3.client("sqs", **aws.admin.client_arguments("sqs"))
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    kept = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy", "QueueArn"])["Attributes"]
    statements = json.loads(kept["Policy"])["Statement"]
    assert {statement["Resource"] for statement in statements} == {kept["QueueArn"]}
    assert {(statement["Effect"], statement["Action"]) for statement in statements} == {("Allow", "sqs:SendMessage")}
    sources = [
        (statement["Principal"]["Service"], statement["Condition"]["ArnEquals"]["aws:SourceArn"].rsplit(":", 1)[1])
        for statement in statements
    ]
    assert sources == [("sns.amazonaws.com", TOPIC), ("s3.amazonaws.com", TOPOLOGY.bucket)]


async def test_a_queue_without_sources_has_no_policy(aws: AnyCloud) -> None:
    """sqs/API_SetQueueAttributes: a policy without statements is none, so that it must be taken away instead."""
    sqs = boto3.client("sqs", **aws.admin.client_arguments("sqs"))
    lane = Lane("reader-requests-alone")
    aws.provision(Topology("bucket-alone", (ServiceTopology("reader-alone", (lane,)),)))
    for queue in (lane.queue, lane.dead_queue):
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        assert not sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"].get("Policy")
