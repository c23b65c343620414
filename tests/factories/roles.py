"""Services in pieces: one process per role beside a running stack, and what their ports and stores say."""

import asyncio
import json
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import boto3
import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from coffer_local.registry import SERVICES
from factories import patient
from factories.ports import free_port
from factories.stacks import LocalStack

START_SECONDS = 60


@dataclass(frozen=True)
class Role:
    """One process of a service."""

    process: subprocess.Popen[str]
    public: str
    internal: str

    @classmethod
    def start(cls, stack: LocalStack, role: str, package: str = "coffer_files") -> "Role":
        """Start it on ports of its own; `ready` waits for it."""
        listen, internal = free_port(), free_port()
        prefix = package.upper()
        ports = {f"{prefix}_LISTEN_PORT": str(listen), f"{prefix}_INTERNAL_PORT": str(internal)}
        process = stack.start_service(package, role, **ports)
        return cls(process, f"http://127.0.0.1:{listen}", f"http://127.0.0.1:{internal}")

    def ready(self) -> "Role":
        """Wait until its internal port says that it is ready."""
        deadline = time.monotonic() + START_SECONDS
        while (found := status(f"{self.internal}/readyz")) != 200:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}"
            assert time.monotonic() < deadline, f"it did not get ready: {found}"
            time.sleep(0.02)
        return self

    def counted(self, metric: str, **labels: str) -> int:
        """The sum of a counter over all its labels but those given."""
        wanted = [f'{name}="{value}"' for name, value in labels.items()]
        found = re.findall(rf"^{metric}\{{(.*)\}} (\S+)$", patient.get(f"{self.internal}/metrics").text, re.MULTILINE)
        return int(sum(float(value) for given, value in found if all(label in given for label in wanted)))


def start_roles(stack: LocalStack, *roles: str) -> list[Role]:
    """Start all at once and wait for every one."""
    started = [Role.start(stack, role) for role in roles]
    return [role.ready() for role in started]


def status(address: str) -> int | None:
    """The status that a GET is answered with; None if nobody listens."""
    try:
        return patient.get(address).status_code
    except httpx.TransportError:
        return None


def rows(stack: LocalStack, service: str, query: str) -> list[tuple[Any, ...]]:
    """What a service's store answers."""

    async def ask() -> list[tuple[Any, ...]]:
        engine = create_async_engine(stack.variables[f"COFFER_{service}_DATABASE_URL"], poolclass=NullPool)
        async with engine.connect() as connection:
            found = [tuple(row) for row in (await connection.execute(text(query))).all()]
        await engine.dispose()
        return found

    return asyncio.run(ask())


def nothing_is_under_way(stack: LocalStack) -> bool:
    """Whether every service has told all it has to tell, and heard all it was told."""
    queues = Queues(stack)

    def told() -> bool:
        unsent = "SELECT 1 FROM outbox WHERE sent_at IS NULL"
        return not any(rows(stack, entry.name.replace("-", "_").upper(), unsent) for entry in SERVICES)

    # What leaves an outbox for a queue, or is answered by a new fact, between two looks is seen in one of them.
    return told() and not any(queues.depth(lane.queue) for entry in SERVICES for lane in entry.topology.lanes) and told()


def events(stack: LocalStack, service: str, types: Iterable[str]) -> Counter[str]:
    """Type -> how many such events a service has put into its outbox."""
    found = Counter(dict(rows(stack, service, "SELECT type, count(*) FROM outbox GROUP BY type")))
    return Counter({wire_type: found[wire_type] for wire_type in types})


class Queues:
    """The stack's queues, seen by its administrator."""

    def __init__(self, stack: LocalStack) -> None:
        kept = json.loads((stack.home / "secrets.json").read_text())
        given = stack.variables
        self._sqs = boto3.client(
            "sqs",
            region_name=given["AWS_REGION"],
            endpoint_url=given["AWS_ENDPOINT_URL"],
            aws_access_key_id=kept["cloud-id:admin"],
            aws_secret_access_key=kept["cloud-secret:admin"],
        )

    def hide_for(self, seconds: int, *queues: str) -> None:
        """How long a message stays hidden whose receiver was killed."""
        for queue in queues:
            self._sqs.set_queue_attributes(QueueUrl=self._url(queue), Attributes={"VisibilityTimeout": str(seconds)})

    def depth(self, queue: str) -> int:
        """How many messages a queue holds, hidden ones included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._url(queue), AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def send(self, queue: str, body: str) -> None:
        """Put a message into a queue, whatever it says."""
        self._sqs.send_message(QueueUrl=self._url(queue), MessageBody=body)

    def make(self, queue: str) -> str:
        """A queue of somebody's own; its ARN."""
        url = self._sqs.create_queue(QueueName=queue)["QueueUrl"]
        return str(self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])

    def permit(self, queue: str, policy: str) -> None:
        """Give a queue its policy."""
        self._sqs.set_queue_attributes(QueueUrl=self._url(queue), Attributes={"Policy": policy})

    def take(self, queue: str) -> dict[str, Any]:
        """The next message of a queue, taken out."""
        url = self._url(queue)
        (message,) = self._sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
        self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        found: dict[str, Any] = json.loads(message["Body"])
        return found

    def _url(self, queue: str) -> str:
        return str(self._sqs.get_queue_url(QueueName=queue)["QueueUrl"])
