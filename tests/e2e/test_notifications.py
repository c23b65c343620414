"""The bucket says things twice, late, or about things nobody waits for."""

import json
import time
from typing import Any

import boto3
import pytest
from botocore.config import Config

from factories import images
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow


def queue_client(stack: LocalStack) -> Any:
    """SQS with the rights of files."""
    settings = stack.variables
    return boto3.client(
        "sqs",
        endpoint_url=settings["AWS_ENDPOINT_URL"],
        region_name=settings["AWS_REGION"],
        aws_access_key_id=settings["COFFER_FILES_AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=settings["COFFER_FILES_AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 2}),
    )


def notification(key: str, size: int, etag: str) -> str:
    """What S3 sends when an object was written (event message structure 2.1)."""
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": "2026-11-20T12:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "bucket": {"name": "coffer"},
            "object": {"key": key, "size": size, "eTag": etag, "sequencer": "0055AED6DCD90281E5"},
        },
    }
    return json.dumps({"Records": [record]})


def drained(sqs: Any, queue: str) -> bool:
    """Whether nothing waits and nothing is being handled."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    numbers = sqs.get_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], AttributeNames=names)
    return all(int(number) == 0 for number in numbers["Attributes"].values())


def test_the_same_notification_three_times_makes_one_file(stack: LocalStack, ana: Person) -> None:
    photo = images.jpeg(640, 480)
    started = ana.announce("once.jpg", len(photo), mime_type="image/jpeg")
    sent = ana.send(started, photo)
    assert sent.status_code == 200
    key = started["single"]["url"].partition("/coffer/")[2].partition("?")[0]
    sqs = queue_client(stack)
    url = sqs.get_queue_url(QueueName="files-storage")["QueueUrl"]
    for _ in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=notification(key, len(photo), sent.headers["etag"].strip('"')))
    end = ana.finished(started["id"])
    ana.previewed(end["item_id"])
    # Once more, long after everything is over.
    sqs.send_message(QueueUrl=url, MessageBody=notification(key, len(photo), sent.headers["etag"].strip('"')))
    deadline = time.monotonic() + 60
    while not drained(sqs, "files-storage"):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    (item,) = ana.children()
    assert item["id"] == end["item_id"]
    assert item["etag"] == ana.get(f"/v1/items/{end['item_id']}")["etag"]
    steps = [step["step"] for step in ana.get(f"/v1/uploads/{started['id']}/timeline")["steps"]]
    assert len(steps) == len(set(steps))
    assert ana.get("/v1/usage")["used"] == len(photo)


@pytest.mark.parametrize(
    "body",
    ["not json", "{}", *(notification(key, 1, "x") for key in ("blobs/nobody/nothing", "blobs/a", "../x"))],
)
def test_a_notification_about_nothing_harms_nobody(stack: LocalStack, ana: Person, body: str) -> None:
    sqs = queue_client(stack)
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="files-storage")["QueueUrl"], MessageBody=body)
    assert ana.upload("after.jpg", images.jpeg(320, 240), mime_type="image/jpeg")["state"] == "committed"
    deadline = time.monotonic() + 60
    while not drained(sqs, "files-storage"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
