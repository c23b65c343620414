"""Queues of subscribers: how they are named, which of them may be one, and what their owners permit. Pure.

What sends is `queueing.py`. Nothing is sent to a queue before whoever subscribes it has read a code out of it: that a queue
takes messages of Coffer does not say that it is theirs (docs/decisions/0038).
"""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import urlsplit

from coffer_contracts.event import rfc3339
from coffer_contracts.ids import WebhookId
from coffer_notifier.domain.addresses import AddressRefused
from coffer_notifier.domain.webhooks import Delivery, Kind

ARN_LENGTH = 200
CODE_BYTES = 24
CODE_FOR = timedelta(hours=24)
"""How long a code is good for."""
CODE_EVERY = timedelta(seconds=10)
"""No queue is sent more codes than one in so long a time, whoever asks for them."""
CODES_KEPT = timedelta(days=1)
CODE_TYPE = "coffer.subscription.confirmation"
"""What a message with a code says it is; no fact is called so."""

_PARTITIONS = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}
"""Partition -> what names of its endpoints end with (AWS general reference, service endpoints)."""
_ARN = re.compile(
    r"arn:(?P<partition>aws|aws-cn|aws-us-gov):sqs:(?P<region>[a-z]{2}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2})"
    r":(?P<account>[0-9]{12}):(?P<name>(?:[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo))"
)
"""As SQS builds it (service authorization reference, Amazon SQS), names as CreateQueue takes them."""

OWN_BEGINNINGS = ("auth-", "files-", "media-worker-", "notifier-", "sharing-")
"""What the queues of Coffer's own services are called like, in Coffer's own account."""


@dataclass(frozen=True, slots=True)
class QueueAddress:
    """One queue, taken apart."""

    arn: str
    partition: str
    region: str
    account: str
    name: str

    @classmethod
    def of(cls, arn: str) -> Self:
        """The queue of an ARN. Raises AddressRefused."""
        found = _ARN.fullmatch(arn)
        if found is None:
            raise AddressRefused("not_a_queue", "This is not the ARN of an SQS queue.")
        return cls(arn, **found.groupdict())

    @property
    def is_fifo(self) -> bool:
        """Whether it keeps an order, and drops what comes twice within five minutes."""
        return self.name.endswith(".fifo")

    @property
    def endpoint(self) -> str:
        """Where AWS has it: nothing in here comes from outside but a region, whose letters are checked."""
        return f"https://sqs.{self.region}.{_PARTITIONS[self.partition]}"

    @property
    def path(self) -> str:
        """Its address below an endpoint."""
        return f"/{self.account}/{self.name}"


@dataclass(frozen=True, slots=True)
class Sender:
    """As whom Coffer sends, and in which account it lives itself."""

    principal: str
    """ARN of a role or a user, or an account of twelve digits."""

    @property
    def account(self) -> str:
        """The account of it."""
        return self.principal if self.principal.isdigit() else self.principal.split(":")[4]


@dataclass(frozen=True, slots=True)
class QueueLetter:
    """One message for a queue. `line` and `once` are for queues that keep an order: what has the same `line` stays in it, and
    what has the same `once` counts once within five minutes (SQS developer guide, exactly-once processing).
    """

    body: str
    attributes: tuple[tuple[str, str, str], ...]
    """Name, data type, value."""
    line: str
    once: str


def accept_queue(arn: str, sender: Sender) -> QueueAddress:
    """A queue that somebody may subscribe. Raises AddressRefused for Coffer's own, which only topics and the bucket feed."""
    queue = QueueAddress.of(arn)
    if queue.account == sender.account and queue.name.startswith(OWN_BEGINNINGS):
        raise AddressRefused("address_not_allowed", "This queue belongs to Coffer itself.")
    return queue


def policy_for(queue: QueueAddress, sender: Sender, *, secure: bool) -> dict[str, Any]:
    """What the queue's owner permits, so that Coffer and nobody else may send there. `secure`: by TLS only."""
    principal = f"arn:{queue.partition}:iam::{sender.account}:root" if sender.principal.isdigit() else sender.principal
    conditions = {"Bool": {"aws:SecureTransport": "true"}} if secure else {}
    return _policy(queue.arn, {"AWS": principal}, {**conditions, "StringEquals": {"aws:PrincipalAccount": sender.account}})


def topic_policy_for(queue: QueueAddress, topic_arn: str) -> dict[str, Any]:
    """What the queue's owner permits, so that one topic may feed it (SNS developer guide, sending to SQS)."""
    return _policy(queue.arn, {"Service": "sns.amazonaws.com"}, {"ArnEquals": {"aws:SourceArn": topic_arn}})


def _policy(arn: str, principal: dict[str, str], condition: dict[str, Any]) -> dict[str, Any]:
    statement = {
        "Sid": "Coffer",
        "Effect": "Allow",
        "Principal": principal,
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": condition,
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def letter_of(delivery: Delivery, body: str, number: int | None, traceparent: str) -> QueueLetter:
    """The message by which a queue is told. Attributes are few: SQS takes ten."""
    attributes = [("type", "String", delivery.event_type), ("id", "String", delivery.event_id)]
    if number is not None:
        attributes.append(("sequence", "Number", str(number)))
    attributes.append(("traceparent", "String", traceparent))
    return QueueLetter(
        body=sendable(body),
        attributes=tuple(attributes),
        line=delivery.line or delivery.id,
        once=f"{delivery.event_id}.{delivery.again}" if delivery.again else delivery.event_id,
    )


def code_letter(subscription: WebhookId, code: str, until: datetime, now: datetime) -> QueueLetter:
    """The message that carries a code, for whoever reads the queue."""
    told = {
        "type": CODE_TYPE,
        "timestamp": rfc3339(now),
        "data": {
            "subscription_id": subscription,
            "code": code,
            "expires_at": rfc3339(until),
            "say": f"To have facts sent to this queue, send the code to POST /v1/subscriptions/{subscription}/confirm. "
            "If nobody of yours asked for that, delete this message: nothing more is sent.",
        },
    }
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    return QueueLetter(body, (("type", "String", CODE_TYPE),), f"subscription/{subscription}", digest_of(code).hex())


def digest_of(code: str) -> bytes:
    """What is kept of a code."""
    return hashlib.sha256(code.encode()).digest()


def is_code(code: str, digest: bytes | None) -> bool:
    """Whether that is the code; in constant time."""
    return digest is not None and hmac.compare_digest(digest_of(code), digest)


def sendable(body: str) -> str:
    """The same JSON, without the two characters that SQS takes in no message (SendMessage, MessageBody)."""
    return body.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def host_of(kind: Kind, url: str) -> str:
    """The host that a subscription's facts go to: of a webhook's address, or the one that AWS has the queue at."""
    address = QueueAddress.of(url).endpoint if kind == "queue" else url
    return urlsplit(address).hostname or ""
