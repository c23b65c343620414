"""The subscriber in docs/examples, as it stands there: on a whole stack, killed in the middle, told twice."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from coffer_chassis.ids import new_id
from coffer_chassis.testing import eventually
from coffer_local.environment import ACCOUNT
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "docs" / "examples" / "subscriber.py"


@dataclass
class Queue:
    """A queue of somebody's own in the local cloud, and the program that reads it."""

    url: str
    arn: str
    sqs: Any
    environment: dict[str, str]
    store: Path

    def read_one(self) -> dict[str, Any]:
        """The next message, taken out."""
        (message,) = self.sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=10)["Messages"]
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        found: dict[str, Any] = json.loads(message["Body"])
        return found

    def permit(self, policy: dict[str, Any]) -> None:
        """Do as the answer says."""
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": json.dumps(policy)})

    @contextmanager
    def program(self) -> Iterator[subprocess.Popen[str]]:
        """The very file, running; it is killed at the end."""
        with subprocess.Popen(
            [sys.executable, str(PROGRAM), str(self.store)], env=self.environment, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def facts(self) -> list[tuple[int, str, str]]:
        """What it has written down: number, type, name."""
        if not self.store.exists():
            return []
        with closing(sqlite3.connect(self.store, timeout=30)) as store:
            try:
                return list(store.execute("SELECT number, type, name FROM facts ORDER BY number"))
            except sqlite3.OperationalError:  # it has just begun
                return []

    def left(self) -> int:
        """How many messages nobody has dealt with."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(counts[name]) for name in names)


@pytest.fixture
def queue(stack: LocalStack, tmp_path: Path) -> Queue:
    secrets = json.loads((stack.home / "secrets.json").read_text())
    cloud = {
        "AWS_ENDPOINT_URL": stack.variables["AWS_ENDPOINT_URL"],
        "AWS_DEFAULT_REGION": stack.variables["AWS_REGION"],
        "AWS_ACCESS_KEY_ID": secrets["cloud-id:admin"],
        "AWS_SECRET_ACCESS_KEY": secrets["cloud-secret:admin"],
    }
    sqs = boto3.client(
        "sqs",
        endpoint_url=cloud["AWS_ENDPOINT_URL"],
        region_name=cloud["AWS_DEFAULT_REGION"],
        aws_access_key_id=cloud["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=cloud["AWS_SECRET_ACCESS_KEY"],
    )
    name = f"from-coffer-{new_id()}"
    # What a program that died had in hand comes back after a second.
    made = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "1"})
    url = f"{cloud['AWS_ENDPOINT_URL']}/{ACCOUNT}/{name}"
    assert made["QueueUrl"].endswith(f"/{ACCOUNT}/{name}")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    arn = f"arn:aws:sqs:{cloud['AWS_DEFAULT_REGION']}:{ACCOUNT}:{name}"
    return Queue(url, arn, sqs, kept | cloud | {"QUEUE_URL": url}, tmp_path / "facts.db")


def subscribe(person: Person, queue: Queue) -> dict[str, Any]:
    """Subscribe the queue and prove it, as the page says."""
    asked = person.http.post("/v1/subscriptions", json={"queue_arn": queue.arn, "event_types": ["files.item.created.v1"]})
    assert asked.status_code == 201, asked.text
    path = f"/v1/subscriptions/{asked.json()['id']}"
    refused = person.http.post(f"{path}/code")
    assert (refused.status_code, refused.json()["state"]) == (409, "access_denied"), "not before its policy permits it"
    queue.permit(asked.json()["policy"])

    def sent() -> bool:
        return bool(person.http.post(f"{path}/code").status_code == 202)

    asyncio.run(_until(sent))
    code = queue.read_one()["data"]["code"]
    done = person.http.post(f"{path}/confirm", json={"code": code})
    assert (done.status_code, done.json()["state"]) == (200, "on"), done.text
    found: dict[str, Any] = done.json()
    return found


async def _until(holds: Any) -> None:
    async def check() -> bool:
        return bool(await asyncio.to_thread(holds))

    await eventually(check, within_seconds=30, every_seconds=0.2)


def make_folders(person: Person, *names: str) -> None:
    """Facts to be told of."""
    for name in names:
        assert person.http.post("/v1/folders", json={"parent_id": "root", "name": name}).status_code == 201


def test_it_is_forty_lines_at_most() -> None:
    assert len(PROGRAM.read_text().splitlines()) <= 40


def test_it_writes_down_everything_once_though_it_is_killed_and_told_twice(
    stack: LocalStack, ana: Person, queue: Queue
) -> None:
    subscription = subscribe(ana, queue)
    names = [f"folder {number:02}" for number in range(20)]
    with queue.program() as first:
        make_folders(ana, *names[:10])
        assert first.stdout is not None
        assert first.stdout.readline().startswith("new files.item.created.v1 ")
        # Killed between what it does and what it says to the queue, or somewhere near.
    seen = len(queue.facts())
    assert seen >= 1
    make_folders(ana, *names[10:])
    with queue.program(), queue.program():
        asyncio.run(_until(lambda: len(queue.facts()) == 20 and _delivered(ana, subscription) == 20))
        told = ana.get(f"/v1/subscriptions/{subscription['id']}/events", after=0, limit=100)
        queue.sqs.send_message(QueueUrl=queue.url, MessageBody=json.dumps(told["items"][4]["message"]))
        again = ana.http.post(f"/v1/subscriptions/{subscription['id']}/replay", json={"after": 0, "until": 10})
        assert again.json() == {"queued": 10}
        queue.sqs.send_message(QueueUrl=queue.url, MessageBody="not of Coffer's making")
        asyncio.run(_until(lambda: queue.left() == 0 and _delivered(ana, subscription) == 20))
        asyncio.run(_until(lambda: queue.left() == 0))
    facts = queue.facts()
    assert [number for number, _, _ in facts] == list(range(1, 21)), "without holes, and none twice"
    assert {kind for _, kind, _ in facts} == {"files.item.created.v1"}
    assert sorted(name for _, _, name in facts) == names
    assert told["last_sequence"] == 20
    assert [one["message"]["data"]["name"] for one in told["items"]] == [name for _, _, name in facts]


def _delivered(person: Person, subscription: dict[str, Any]) -> int:
    page = person.get(f"/v1/subscriptions/{subscription['id']}/deliveries", status="delivered", limit=100)
    return len(page["items"])
