"""What a bus does, whichever it is: one suite, inherited by the tests of each kind.

At least once and in no order, so nothing here counts copies or looks at positions.
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count

import pytest

from coffer_chassis.bus import (
    BATCH,
    BATCH_BYTES,
    QUEUE_BYTES,
    Bus,
    Incoming,
    Outgoing,
    QueueMissing,
    Refused,
    TopicMissing,
)
from coffer_chassis.testing import eventually
from coffer_chassis.topology import Lane, ServiceTopology, Topology

RED, BLUE = "auth.login.failed.v1", "auth.session.created.v1"
PATIENCE_SECONDS = 10


class Names:
    """The names of one test: a topic, a queue for both types, a hasty one for red only, and one for what is urgent."""

    def __init__(self, tag: str) -> None:
        self.topic = f"sender-{tag}-events"
        self.both = Lane(f"reader-{tag}-both", {self.topic: (RED, BLUE)})
        self.red = Lane(f"reader-{tag}-red", {self.topic: (RED,)}, visibility_seconds=1, max_receives=2)
        self.urgent = Lane(f"reader-{tag}-urgent", {self.topic: (RED, BLUE)}, urgent=True)
        reader = ServiceTopology(f"reader-{tag}", (self.both, self.red, self.urgent))
        self.topology = Topology(f"suite-{tag}", (ServiceTopology(f"sender-{tag}"), reader))


_numbers = count(1)


def message(wire_type: str = RED, *, body: str = "{}", **attributes: str) -> Outgoing:
    """A message with a number of its own."""
    number = str(next(_numbers))
    return Outgoing(number, body, {"type": wire_type, "id": number, **attributes})


async def collect(bus: Bus, queue: str, wanted: int) -> dict[str, Incoming]:
    """Receive and delete until `wanted` different messages were seen and nothing is left; id -> one copy of it."""
    seen: dict[str, Incoming] = {}

    async def empty() -> bool:
        messages = await bus.receive(queue, limit=BATCH, wait_seconds=0)
        seen.update({message.attributes["id"]: message for message in messages})
        await bus.delete(queue, [message.receipt for message in messages])
        return not messages and len(seen) >= wanted

    await eventually(empty, within_seconds=PATIENCE_SECONDS)
    return seen


async def receive_one(bus: Bus, queue: str) -> Incoming:
    """The next message, whichever it is."""

    async def some() -> Sequence[Incoming]:
        return await bus.receive(queue, limit=1, wait_seconds=0)

    return (await eventually(some, within_seconds=PATIENCE_SECONDS))[0]


class BusSuite:
    """Subclasses give the fixture `names`, and the fixture `bus` over `names.topology`."""

    async def test_delivers_to_every_queue_whose_filter_matches(self, bus: Bus, names: Names) -> None:
        sent = message(RED)
        assert await bus.publish(names.topic, [sent]) == frozenset()
        assert set(await collect(bus, names.both.queue, 1)) == {sent.id}
        assert set(await collect(bus, names.red.queue, 1)) == {sent.id}

    async def test_a_queue_gets_the_types_it_asked_for_and_no_others(self, bus: Bus, names: Names) -> None:
        blue, red = message(BLUE), message(RED)
        await bus.publish(names.topic, [message("auth.unheard.of.v1"), blue])
        await bus.publish(names.topic, [red])
        assert set(await collect(bus, names.both.queue, 2)) == {blue.id, red.id}
        assert set(await collect(bus, names.red.queue, 1)) == {red.id}

    async def test_an_urgent_lane_hears_only_what_is_urgent_and_the_others_hear_it_as_well(
        self, bus: Bus, names: Names
    ) -> None:
        usual, urgent, other = message(RED), message(BLUE, urgent="true"), message("auth.unheard.of.v1", urgent="true")
        await bus.publish(names.topic, [usual, message(RED, urgent="false"), urgent, other])
        assert set(await collect(bus, names.urgent.queue, 1)) == {urgent.id}
        assert {usual.id, urgent.id} < set(await collect(bus, names.both.queue, 3))

    async def test_body_and_attributes_arrive_as_they_were_sent(self, bus: Bus, names: Names) -> None:
        sent = message(body='{"name": "Grüße 🗂 <&\\"\'>\\n"}\t\r\n ', tenant="owner-ü")
        await bus.publish(names.topic, [sent])
        (arrived,) = (await collect(bus, names.both.queue, 1)).values()
        assert (arrived.body, arrived.attributes, arrived.receives) == (sent.body, sent.attributes, 1)

    async def test_a_batch_of_ten_arrives_whole_however_it_is_received(self, bus: Bus, names: Names) -> None:
        batches = [[message() for _ in range(BATCH)] for _ in range(3)]
        for batch in batches:
            await bus.publish(names.topic, batch)
        assert set(await collect(bus, names.both.queue, 30)) == {sent.id for batch in batches for sent in batch}

    async def test_never_hands_over_more_than_asked_for(self, bus: Bus, names: Names) -> None:
        await bus.publish(names.topic, [message() for _ in range(BATCH)])
        assert len(await bus.receive(names.both.queue, limit=3, wait_seconds=1)) <= 3

    @pytest.mark.parametrize(
        "batch",
        [
            pytest.param([message() for _ in range(BATCH + 1)], id="eleven messages"),
            pytest.param([message(), message(body="x" * BATCH_BYTES)], id="one too long"),
            pytest.param([message(body="x" * (BATCH_BYTES // 2)) for _ in range(2)], id="together too long"),
            pytest.param([message(body="é" * (BATCH_BYTES // 2))], id="too long in bytes only"),
            pytest.param([message(body="a\0b")], id="a NUL"),
            pytest.param([message(body="a\x0bb")], id="a control character"),
            pytest.param([message(body="a\ufffeb")], id="no character"),
            pytest.param([message(body="a\ud800b")], id="half a surrogate"),
            pytest.param([message(tenant="a\0b")], id="a NUL in an attribute"),
            pytest.param([message(**{f"a{number}": "x" for number in range(9)})], id="eleven attributes"),
            pytest.param([message(body="")], id="an empty body"),
            pytest.param([message(tenant="")], id="an empty attribute"),
            pytest.param([message(**{"AWS.tenant": "a"})], id="a reserved attribute name"),
        ],
    )
    async def test_refuses_what_aws_would_refuse_and_sends_nothing_of_it(
        self, bus: Bus, names: Names, batch: list[Outgoing]
    ) -> None:
        with pytest.raises(Refused):
            await bus.publish(names.topic, batch)
        assert (await bus.depth(names.both.queue)).total == 0

    async def test_the_largest_batch_that_fits_is_sent(self, bus: Bus, names: Names) -> None:
        rest = message()
        room = BATCH_BYTES - rest.size_bytes
        filling = message()
        full = Outgoing(filling.id, "x" * (room - filling.size_bytes + len(filling.body)), filling.attributes)
        assert full.size_bytes + rest.size_bytes == BATCH_BYTES
        await bus.publish(names.topic, [rest, full])
        assert set(await collect(bus, names.both.queue, 2)) == {rest.id, full.id}

    async def test_one_id_twice_in_a_batch_is_two_messages(self, bus: Bus, names: Names) -> None:
        twins = [Outgoing("twin", "{}", {"type": RED, "id": number}) for number in ("1", "2")]
        assert await bus.publish(names.topic, twins) == frozenset()
        assert set(await collect(bus, names.red.queue, 2)) == {"1", "2"}

    async def test_nothing_to_do_is_no_call(self, bus: Bus, names: Names) -> None:
        assert await bus.publish(names.topic, []) == frozenset()
        assert await bus.delete(names.both.queue, []) == 0
        assert await bus.set_visibility(names.both.queue, {}) == 0

    async def test_a_received_message_is_hidden_until_its_visibility_ends(self, bus: Bus, names: Names) -> None:
        for lane in (names.both, names.red):
            await bus.send(lane.queue, "{}", {"id": "1"})
        await receive_one(bus, names.both.queue)
        assert await bus.receive(names.both.queue, limit=1, wait_seconds=0) == []
        first = await receive_one(bus, names.red.queue)
        second = await receive_one(bus, names.red.queue)
        assert (first.receives, second.receives) == (1, 2)
        assert (second.message_id, second.sent_at) == (first.message_id, first.sent_at)

    async def test_a_message_can_be_hidden_for_longer(self, bus: Bus, names: Names) -> None:
        await bus.send(names.both.queue, "{}", {"id": "1"})
        first = await receive_one(bus, names.both.queue)
        for seconds in (3, 60):
            assert await bus.set_visibility(names.both.queue, {first.receipt: seconds}) == 0
        assert await bus.receive(names.both.queue, limit=1, wait_seconds=4) == []
        assert await bus.delete(names.both.queue, [first.receipt]) == 0

    async def test_a_message_given_back_returns_at_once(self, bus: Bus, names: Names) -> None:
        await bus.send(names.both.queue, "{}", {"id": "1"})
        first = await receive_one(bus, names.both.queue)
        assert await bus.set_visibility(names.both.queue, {first.receipt: 0}) == 0
        assert (await receive_one(bus, names.both.queue)).receives == 2

    async def test_a_deleted_message_is_gone(self, bus: Bus, names: Names) -> None:
        await bus.send(names.both.queue, "{}", {"id": "1"})
        first = await receive_one(bus, names.both.queue)
        assert await bus.delete(names.both.queue, [first.receipt]) == 0
        assert (await bus.depth(names.both.queue)).total == 0

    async def test_settling_what_is_gone_is_counted_and_no_error(self, bus: Bus, names: Names) -> None:
        for number in ("1", "2"):
            await bus.send(names.both.queue, "{}", {"id": number})
        gone = await receive_one(bus, names.both.queue)
        await bus.delete(names.both.queue, [gone.receipt])
        there = await receive_one(bus, names.both.queue)
        assert await bus.set_visibility(names.both.queue, {gone.receipt: 30, there.receipt: 45}) == 1
        # SQS mostly says that deleting what is gone succeeded (API reference, DeleteMessage).
        assert await bus.delete(names.both.queue, [gone.receipt, there.receipt]) <= 1
        assert (await bus.depth(names.both.queue)).total == 0

    async def test_a_message_can_be_sent_to_one_queue(self, bus: Bus, names: Names) -> None:
        await bus.send(names.both.queue, "letter", {"id": "1", "dead-reason": "none"})
        arrived = await receive_one(bus, names.both.queue)
        assert (arrived.body, arrived.attributes) == ("letter", {"id": "1", "dead-reason": "none"})
        assert (await bus.depth(names.red.queue)).total == 0

    @pytest.mark.parametrize(
        ("body", "attributes"),
        [
            pytest.param("a\0b", {}, id="a NUL"),
            pytest.param("", {}, id="an empty body"),
            pytest.param("a", {f"a{number}": "x" for number in range(11)}, id="eleven attributes"),
            pytest.param("a", {"": "x"}, id="an attribute without a name"),
            pytest.param("x" * QUEUE_BYTES, {"id": "1"}, id="too long with its attributes"),
        ],
    )
    async def test_refuses_to_send_what_sqs_would_refuse(
        self, bus: Bus, names: Names, body: str, attributes: dict[str, str]
    ) -> None:
        with pytest.raises(Refused):
            await bus.send(names.both.queue, body, attributes)
        assert (await bus.depth(names.both.queue)).total == 0

    @pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # aiohttp minds a mebibyte
    async def test_the_longest_message_that_fits_a_queue_is_sent(self, bus: Bus, names: Names) -> None:
        await bus.send(names.both.queue, "x" * QUEUE_BYTES, {})
        assert len((await receive_one(bus, names.both.queue)).body) == QUEUE_BYTES

    async def test_depth_tells_waiting_from_in_flight(self, bus: Bus, names: Names) -> None:
        for number in ("1", "2", "3"):
            await bus.send(names.both.queue, "{}", {"id": number})
        await bus.receive(names.both.queue, limit=1, wait_seconds=1)
        depth = await bus.depth(names.both.queue)
        assert (depth.waiting, depth.in_flight, depth.delayed, depth.total) == (2, 1, 0, 3)

    async def test_a_message_received_too_often_goes_to_the_dead_letters(self, bus: Bus, names: Names) -> None:
        await bus.send(names.red.queue, "poison", {"id": "1", "type": RED})
        for _ in range(names.red.max_receives):
            poison = await receive_one(bus, names.red.queue)
            await bus.set_visibility(names.red.queue, {poison.receipt: 0})
        assert await bus.receive(names.red.queue, limit=1, wait_seconds=0) == []
        dead = await receive_one(bus, names.red.dead_queue)
        assert (dead.body, dead.attributes) == ("poison", {"id": "1", "type": RED})
        assert (await bus.depth(names.red.queue)).total == 0

    async def test_an_open_receive_takes_what_arrives_meanwhile(self, bus: Bus, names: Names) -> None:
        waiting = asyncio.create_task(bus.receive(names.both.queue, limit=1, wait_seconds=5))
        await asyncio.sleep(0)
        await bus.send(names.both.queue, "{}", {"id": "1"})
        assert len(await waiting) == 1

    async def test_says_that_a_topic_is_missing(self, bus: Bus) -> None:
        with pytest.raises(TopicMissing):
            await bus.publish("nobody-events", [message()])

    @pytest.mark.parametrize(
        "call",
        [
            pytest.param(lambda bus: bus.receive("nowhere", limit=1, wait_seconds=0), id="receive"),
            pytest.param(lambda bus: bus.send("nowhere", "{}", {}), id="send"),
            pytest.param(lambda bus: bus.delete("nowhere", ["receipt"]), id="delete"),
            pytest.param(lambda bus: bus.set_visibility("nowhere", {"receipt": 0}), id="set_visibility"),
            pytest.param(lambda bus: bus.depth("nowhere"), id="depth"),
        ],
    )
    async def test_says_that_a_queue_is_missing(self, bus: Bus, call: Callable[[Bus], object]) -> None:
        with pytest.raises(QueueMissing):
            await call(bus)  # type: ignore[misc]  # a coroutine of one type or another
