"""A bus in memory, for tests only: it forgets on exit. By default it duplicates and reorders, as AWS may."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from coffer_chassis.bus import (
    Depth,
    Incoming,
    Outgoing,
    QueueMissing,
    TopicMissing,
    check_delay,
    check_receive,
    check_settle,
    refuse_batch,
    refuse_letter,
)
from coffer_chassis.topology import Topology


@dataclass
class _Message:
    message_id: str
    body: str
    attributes: Mapping[str, str]
    sent_at: datetime
    visible_at: float = 0
    receives: int = 0
    receipts: list[str] = field(default_factory=list)


@dataclass
class _Queue:
    visibility_seconds: float
    max_receives: int
    dead_queue: str | None
    messages: list[_Message] = field(default_factory=list)


class MemoryBus:
    """Topics, subscriptions and queues of one topology, in this process."""

    def __init__(self, topology: Topology, *, seed: int = 0, duplicates: float = 0.3, reorder: bool = True) -> None:
        """`duplicates` is the share of deliveries made twice; `seed` makes a run repeatable."""
        self._random = random.Random(seed)  # noqa: S311  # chaos for tests, no secret
        self._duplicates = duplicates
        self._reorder = reorder
        self._numbers = count(1)
        self._arrived = asyncio.Condition()
        self._topology = topology
        self._topics = {topic for service in topology.services for topic in service.topics}
        self._queues: dict[str, _Queue] = {}
        for lane in topology.lanes:
            self._queues[lane.queue] = _Queue(lane.visibility_seconds, lane.max_receives, lane.dead_queue)
            self._queues[lane.dead_queue] = _Queue(60, 0, None)

    async def publish(self, topic: str, messages: Sequence[Outgoing]) -> frozenset[str]:
        """See Bus."""
        refuse_batch(messages)
        if topic not in self._topics:
            raise TopicMissing(f"topic {topic} does not exist")
        for message in messages:
            for lane in self._topology.lanes:
                if lane.hears(topic, message.attributes):
                    copies = 2 if self._random.random() < self._duplicates else 1
                    for _ in range(copies):
                        await self.send(lane.queue, message.body, message.attributes)
        return frozenset()

    async def receive(self, queue: str, *, limit: int, wait_seconds: float) -> list[Incoming]:
        """See Bus."""
        check_receive(limit, wait_seconds)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        while True:
            taken = self._take(queue, limit, loop.time())
            remaining = deadline - loop.time()
            if taken or remaining <= 0:
                return taken
            async with self._arrived:
                try:
                    await asyncio.wait_for(self._arrived.wait(), min(remaining, 0.05))
                except TimeoutError:
                    continue  # a hidden message may have become visible

    def _take(self, queue: str, limit: int, now: float) -> list[Incoming]:
        held = self._queue(queue)
        visible = [message for message in held.messages if message.visible_at <= now]
        if self._reorder:
            self._random.shuffle(visible)
        taken: list[Incoming] = []
        for message in visible:
            if held.dead_queue and message.receives >= held.max_receives:
                held.messages.remove(message)
                self._queue(held.dead_queue).messages.append(
                    _Message(message.message_id, message.body, message.attributes, message.sent_at)
                )
                continue
            if len(taken) == limit:
                break
            message.receives += 1
            message.visible_at = now + held.visibility_seconds
            receipt = f"{message.message_id}/{message.receives}"
            message.receipts.append(receipt)
            taken.append(
                Incoming(message.message_id, receipt, message.body, message.attributes, message.receives, message.sent_at)
            )
        return taken

    async def delete(self, queue: str, receipts: Sequence[str]) -> int:
        """See Bus."""
        check_settle(receipts)
        held = self._queue(queue)
        gone = 0
        for receipt in receipts:
            found = self._find(held, receipt)
            if found is None:
                gone += 1
            else:
                held.messages.remove(found)
        return gone

    async def set_visibility(self, queue: str, seconds_by_receipt: Mapping[str, int]) -> int:
        """See Bus."""
        check_settle(seconds_by_receipt, seconds_by_receipt.values())
        held = self._queue(queue)
        gone = 0
        for receipt, seconds in seconds_by_receipt.items():
            found = self._find(held, receipt)
            if found is None:
                gone += 1
            else:
                found.visible_at = asyncio.get_running_loop().time() + seconds
        return gone

    async def send(self, queue: str, body: str, attributes: Mapping[str, str], *, delay_seconds: int = 0) -> None:
        """See Bus."""
        refuse_letter(body, attributes)
        check_delay(delay_seconds)
        visible_at = asyncio.get_running_loop().time() + delay_seconds if delay_seconds else 0
        name = f"message-{next(self._numbers)}"
        self._queue(queue).messages.append(_Message(name, body, dict(attributes), datetime.now(UTC), visible_at))
        async with self._arrived:
            self._arrived.notify_all()

    async def depth(self, queue: str) -> Depth:
        """See Bus."""
        now = asyncio.get_running_loop().time()
        messages = self._queue(queue).messages
        hidden = sum(1 for message in messages if message.visible_at > now)
        return Depth(waiting=len(messages) - hidden, in_flight=hidden, delayed=0)

    def _queue(self, name: str) -> _Queue:
        if name not in self._queues:
            raise QueueMissing(f"queue {name} does not exist")
        return self._queues[name]

    @staticmethod
    def _find(queue: _Queue, receipt: str) -> _Message | None:
        # Only the newest receipt of a message is valid.
        return next((message for message in queue.messages if message.receipts[-1:] == [receipt]), None)
