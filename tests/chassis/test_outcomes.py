"""What becomes of a message, judged from the exception alone and carried out on a bus that may fail."""

from dataclasses import replace

import pytest
from botocore.exceptions import EndpointConnectionError

from coffer_chassis.bus import ATTRIBUTE_LIMIT, Incoming
from coffer_chassis.handling import Reject, Retry
from coffer_chassis.outcomes import DONE, Outcome, buried_attributes, of_error, settle
from coffer_contracts.catalog import Unreadable
from coffer_contracts.problems import NotFound, RateLimited, Unavailable
from factories.consuming import LANE, WatchedBus
from factories.eventing import failed, incoming


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Reject("no such thing"), "no such thing"),
        (Reject(), "Reject"),
        (Unreadable("not JSON"), "not JSON"),
        (NotFound("no item"), "no item"),
    ],
)
def test_buries_what_can_never_succeed(error: Exception, reason: str) -> None:
    outcome = of_error(error, incoming("{}"), "on_it")
    assert (outcome.reason, outcome.error_class, outcome.handler) == (reason, type(error).__name__, "on_it")
    assert outcome.retry_seconds is None


@pytest.mark.parametrize("error", [RuntimeError("bug"), KeyError("bug"), ValueError()])
def test_anything_else_comes_back_later_each_time(error: Exception) -> None:
    pauses = [of_error(error, incoming("{}", receives=receives), "").retry_seconds or 0 for receives in range(1, 30)]
    for receives, pause in enumerate(pauses, start=1):
        longest = min(900, 5 * 2**receives)
        assert 0.7 * longest - 1 <= pause <= longest


@pytest.mark.parametrize(
    "error", [Unavailable("down"), ConnectionError(), TimeoutError(), EndpointConnectionError(endpoint_url="")]
)
def test_an_outage_is_told_from_a_fault_and_tried_again_soon_however_often(error: Exception) -> None:
    for receives in range(1, 30):
        outcome = of_error(error, incoming("{}", receives=receives), "")
        assert outcome.is_outage
        assert 0 < (outcome.retry_seconds or 0) <= 5


@pytest.mark.parametrize(("wanted", "given"), [(0, 0), (30, 30), (5000, 900)])
def test_a_temporary_problem_that_says_when_comes_back_then(wanted: int, given: int) -> None:
    assert of_error(RateLimited(retry_after_seconds=wanted), incoming("{}"), "").retry_seconds == given


@pytest.mark.parametrize(
    ("error", "is_fault"),
    [(RuntimeError(), True), (Reject(), True), (Unavailable(), True), (Retry("later", after_seconds=1), False)],
)
def test_what_counts_as_a_fault(error: Exception, is_fault: bool) -> None:
    assert of_error(error, incoming("{}"), "").is_fault == is_fault


@pytest.mark.parametrize(("wanted", "given"), [(0, 0), (0.4, 0), (90, 90), (-1, 0), (10**6, 43200)])
def test_a_handler_may_say_when_to_retry_within_what_sqs_takes(wanted: float, given: int) -> None:
    assert of_error(Retry("later", after_seconds=wanted), incoming("{}"), "").retry_seconds == given


@pytest.mark.parametrize("reason", ["\0\x01\n\ttext", "Grüße 🗂 \ud800", "x" * 5000, "\\"])
def test_any_reason_can_be_written_beside_a_dead_letter(reason: str) -> None:
    written = buried_attributes(incoming("{}"), Outcome("buried", reason=reason))["dead-reason"]
    assert written.isascii()
    assert written.isprintable()
    assert 0 < len(written) <= 500


def test_no_reason_beside_a_dead_letter_holds_a_secret() -> None:
    error = RuntimeError("GET https://bucket/key?X-Amz-Signature=1f2e\nDETAIL:  Key (email)=(a@b.example) already exists.")
    outcome = of_error(error, incoming("{}", receives=5), "on_it")
    written = buried_attributes(incoming("{}"), outcome)["dead-reason"]
    assert "https://bucket/key" in written
    assert "1f2e" not in written
    assert "a@b.example" not in written


def test_a_dead_letter_keeps_its_attributes_and_never_has_more_than_sqs_takes() -> None:
    crowded = {f"a{number}": "x" for number in range(ATTRIBUTE_LIMIT)} | {"dead-reason": "an older death"}
    attributes = buried_attributes(
        incoming("{}", receives=3, attributes=crowded), Outcome("buried", None, "new", "Reject", "on_it")
    )
    assert len(attributes) == ATTRIBUTE_LIMIT
    assert attributes["a0"] == "x"
    dead = {name: value for name, value in attributes.items() if name.startswith("dead-")}
    assert dead == {
        "dead-reason": "new",
        "dead-class": "Reject",
        "dead-handler": "on_it",
        "dead-message": "message-1",
        "dead-receives": "3",
    }


async def received(bus: WatchedBus, number: int) -> list[Incoming]:
    await bus.deliver(*(failed(user) for user in range(number)))
    return await bus.receive(LANE.queue, limit=10, wait_seconds=1)


async def test_a_message_that_cannot_be_buried_stays_and_its_neighbours_are_settled() -> None:
    bus = WatchedBus()
    bus.breaks = {"bury": 1}
    first, second, third = await received(bus, 3)
    buried = Outcome("buried", reason="no")
    assert await settle(bus, LANE, [(first, buried), (second, DONE), (third, buried)]) == [second.receipt, third.receipt]
    assert [letter.attributes["dead-message"] for letter in await bus.dead()] == [third.message_id]
    assert await settle(bus, LANE, [(first, buried)]) == [first.receipt]


async def test_settling_twice_is_no_error() -> None:
    bus = WatchedBus()
    (message,) = await received(bus, 1)
    await bus.delete(LANE.queue, await settle(bus, LANE, [(message, DONE)]))
    assert await settle(bus, LANE, [(message, Outcome("retry", retry_seconds=5))]) == []
    assert await bus.empty()


async def test_after_its_last_receive_a_message_is_buried_with_the_last_reason() -> None:
    bus = WatchedBus()
    (message,) = await received(bus, 1)
    last = replace(message, receives=LANE.max_receives)
    outcome = of_error(RuntimeError("still broken"), last, "on_it")
    assert await settle(bus, LANE, [(last, outcome)]) == [last.receipt]
    (dead,) = await bus.dead()
    assert dead.attributes["dead-reason"] == "received 5 times without success, at last: RuntimeError('still broken')"
    assert (dead.attributes["dead-class"], dead.attributes["dead-handler"]) == ("RuntimeError", "on_it")


async def test_no_outage_makes_a_dead_letter_however_long_it_lasts() -> None:
    bus = WatchedBus()
    (message,) = await received(bus, 1)
    last = replace(message, receives=LANE.max_receives)
    outcome = of_error(Unavailable(retry_after_seconds=0), last, "on_it")
    await bus.delete(LANE.queue, await settle(bus, LANE, [(last, outcome)]))
    assert await bus.dead() == []
    (fresh,) = await bus.receive(LANE.queue, limit=10, wait_seconds=1)
    assert (fresh.body, fresh.attributes, fresh.receives) == (message.body, message.attributes, 1)


@pytest.mark.parametrize(("receives", "given"), [(1, 1), (2, 2), (5, 16), (10, 512), (40, 43_200)])
def test_a_doubling_retry_waits_longer_each_time(receives: int, given: int) -> None:
    message = replace(incoming("{}"), receives=receives)
    assert of_error(Retry("later", after_seconds=1, doubling=True), message, "").retry_seconds == given
