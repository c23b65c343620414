"""What a message bus does: topics to publish to, queues to take from. Two kinds exist: `bus_aws` and `bus_memory`.

All methods may be called from several tasks at once. Delivery is at least once and in no order.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from coffer_chassis.topology import LONGEST_VISIBILITY_SECONDS

BATCH = 10
"""Entries per batch call (SNS PublishBatch, SQS ReceiveMessage and DeleteMessageBatch)."""

BATCH_BYTES = 240 * 1024
"""Bytes of one PublishBatch, attributes included: SNS refuses above 256 KiB for the whole batch."""

QUEUE_BYTES = 1024 * 1024
"""Bytes of one message in a queue, attributes included (SQS developer guide, message quotas)."""

ATTRIBUTE_LIMIT = 10
"""More attributes than this and raw delivery to SQS drops the message as a client error (SNS developer guide)."""

LONGEST_WAIT_SECONDS = 20
"""How long one ReceiveMessage may wait (SQS API reference)."""

LONGEST_DELAY_SECONDS = 900
"""How long SendMessage may hold a message back (SQS API reference)."""

_NAME = re.compile(r"(?!.{257})(?!aws\.|amazon\.)[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.ASCII | re.IGNORECASE)
"""What an attribute may be called (SNS developer guide, message attributes)."""

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry, and so neither SNS nor SQS (API reference, SendMessage)."""


class Refused(Exception):
    """The message can never be sent: AWS would refuse or silently drop it."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way to a topic."""

    id: str
    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """What counts against the batch limit."""
        return size_bytes(self.body, self.attributes)


def size_bytes(body: str, attributes: Mapping[str, str]) -> int:
    """What counts against the limits of SNS and SQS: the body, and name, type and value of each attribute, in UTF-8."""
    names = sum(len(name.encode()) + len(value.encode()) + len("String") for name, value in attributes.items())
    return len(body.encode()) + names


def refuse_unsendable(message: Outgoing) -> None:
    """Raise Refused for what AWS would refuse or silently drop; emulators accept it."""
    refuse_content(message.body, message.attributes)
    if message.size_bytes > BATCH_BYTES:
        raise Refused(f"{message.size_bytes} bytes are more than fit into one batch ({BATCH_BYTES})")


def refuse_content(body: str, attributes: Mapping[str, str]) -> None:
    """Raise Refused for content that neither SNS nor SQS takes, whatever its size."""
    if len(attributes) > ATTRIBUTE_LIMIT:
        raise Refused(f"{len(attributes)} attributes are more than raw delivery takes ({ATTRIBUTE_LIMIT})")
    for name in attributes:
        if not _NAME.fullmatch(name):
            raise Refused(f"an attribute cannot be called {name!r}")
    if not body or not all(attributes.values()):
        raise Refused("neither the body nor an attribute may be empty")
    if any(_FORBIDDEN.search(text) for text in (body, *attributes.values())):
        raise Refused("the message holds a character that SNS and SQS refuse")


def refuse_letter(body: str, attributes: Mapping[str, str]) -> None:
    """Raise Refused for a message that a queue does not take."""
    refuse_content(body, attributes)
    if (size := size_bytes(body, attributes)) > QUEUE_BYTES:
        raise Refused(f"{size} bytes are more than a queue takes ({QUEUE_BYTES})")


def refuse_batch(messages: Sequence[Outgoing]) -> None:
    """Raise Refused for a batch that AWS would refuse as a whole, or that holds a message it would."""
    for message in messages:
        refuse_unsendable(message)
    if len(messages) > BATCH:
        raise Refused(f"{len(messages)} messages are more than one batch takes ({BATCH})")
    if (size := sum(message.size_bytes for message in messages)) > BATCH_BYTES:
        raise Refused(f"{size} bytes are more than one batch takes ({BATCH_BYTES})")


def check_receive(limit: int, wait_seconds: float) -> None:
    """Raise ValueError for what ReceiveMessage does not take."""
    if not 1 <= limit <= BATCH:
        raise ValueError(f"a call receives 1 to {BATCH} messages, not {limit}")
    if not 0 <= wait_seconds <= LONGEST_WAIT_SECONDS:
        raise ValueError(f"a call waits 0 to {LONGEST_WAIT_SECONDS} s, not {wait_seconds} s")


def check_delay(delay_seconds: int) -> None:
    """Raise ValueError for what SendMessage does not take."""
    if not 0 <= delay_seconds <= LONGEST_DELAY_SECONDS:
        raise ValueError(f"a message is delayed for 0 to {LONGEST_DELAY_SECONDS} s, not {delay_seconds} s")


def check_settle(receipts: Collection[str], visibilities: Iterable[int] = ()) -> None:
    """Raise ValueError for what DeleteMessageBatch and ChangeMessageVisibilityBatch do not take."""
    if len(receipts) > BATCH:
        raise ValueError(f"a call settles up to {BATCH} messages, not {len(receipts)}")
    for seconds in visibilities:
        if not 0 <= seconds <= LONGEST_VISIBILITY_SECONDS:
            raise ValueError(f"a message is hidden for 0 to {LONGEST_VISIBILITY_SECONDS} s, not {seconds} s")


@dataclass(frozen=True, slots=True)
class Incoming:
    """One received message. It comes back after the visibility timeout unless it is deleted."""

    message_id: str
    receipt: str
    body: str
    attributes: Mapping[str, str]
    receives: int
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages a queue holds, approximately."""

    waiting: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        """Every message in any state."""
        return self.waiting + self.in_flight + self.delayed


class TopicMissing(Exception):
    """The topic is not there: provisioning has not run, or the broker lost it."""


class QueueMissing(Exception):
    """The queue is not there: provisioning has not run, or the broker lost it."""


class QueueCallFailed(Exception):
    """The broker refused an entry of a batch for another reason than a receipt that is no longer valid."""


class Bus(Protocol):
    """Publishing and receiving."""

    async def publish(self, topic: str, messages: Sequence[Outgoing]) -> frozenset[str]:
        """Publish up to ten messages within BATCH_BYTES; ids of those that failed and may be tried again.

        Raises Refused, and sends nothing, when the batch can never be sent so. Any other exception means that all may
        have failed. An empty batch is no call.
        """

    async def receive(self, queue: str, *, limit: int, wait_seconds: int) -> list[Incoming]:
        """Up to `limit` (1 to 10) messages, waiting up to `wait_seconds` (0 to 20) for the first.

        Raises ValueError for other numbers. Never cancel a call in flight: the answer it was about to bring stays
        hidden until the visibility timeout.
        """

    async def delete(self, queue: str, receipts: Sequence[str]) -> int:
        """Delete up to ten messages; how many receipts were no longer valid, which is no error. May run twice.

        SQS tells this of few receipts: most deletes of what is gone succeed. Raises ValueError for more than ten.
        """

    async def set_visibility(self, queue: str, seconds_by_receipt: Mapping[str, int]) -> int:
        """Hide up to ten messages, each for its seconds from now (0 to 43200); how many receipts were no longer valid.

        Raises ValueError for other numbers.
        """

    async def send(self, queue: str, body: str, attributes: Mapping[str, str], *, delay_seconds: int = 0) -> None:
        """Put one message straight into a queue, up to QUEUE_BYTES, to be seen after `delay_seconds` (0 to 900): dead
        letters, their redrive, and what has to wait for longer than a message may be tried. Raises Refused.
        """

    async def depth(self, queue: str) -> Depth:
        """How many messages the queue holds."""
