"""What becomes of a message, judged from the exception alone and carried out on a bus that may fail."""

from dataclasses import replace

import pytest

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


@pytest.mark.parametrize("error", [RuntimeError("bug"), Unavailable("down"), ConnectionError()])
def test_anything_else_comes_back_later_each_time(error: Exception) -> None:
    pauses = [of_error(error, incoming("{}", receives=receives), "").retry_seconds or 0 for receives in range(1, 30)]
    for receives, pause in enumerate(pauses, start=1):
        longest = min(900, 5 * 2**receives)
        assert 0.7 * longest - 1 <= pause <= longest
    assert all(of_error(error, incoming("{}"), "").reason is None for _ in range(3))


@pytest.mark.parametrize(("wanted", "given"), [(0, 0), (30, 30), (5000, 900)])
def test_a_temporary_problem_that_says_when_comes_back_then(wanted: int, given: int) -> None:
    assert of_error(RateLimited(retry_after_seconds=wanted), incoming("{}"), "").retry_seconds == given


@pytest.mark.parametrize(("wanted", "given"), [(0, 0), (0.4, 0), (90, 90), (-1, 0), (10**6, 43200)])
def test_a_handler_may_say_when_to_retry_within_what_sqs_takes(wanted: float, given: int) -> None:
    assert of_error(Retry("later", after_seconds=wanted), incoming("{}"), "").retry_seconds == given


@pytest.mark.parametrize("reason", ["\0\x01\n\ttext", "Grüße 🗂 \ud800", "x" * 5000, "\\"])
def test_any_reason_can_be_written_beside_a_dead_letter(reason: str) -> None:
    written = buried_attributes(incoming("{}"), Outcome("buried", reason=reason))["dead-reason"]
    assert written.isascii()
    assert written.isprintable()
    assert 0 < len(written) <= 500


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
    await settle(bus, LANE, [(first, buried), (second, DONE), (third, buried)])
    assert (await bus.depth(LANE.queue)).total == 1
    assert [letter.attributes["dead-message"] for letter in await bus.dead()] == [third.message_id]
    await settle(bus, LANE, [(first, buried)])
    assert await bus.empty()


async def test_settling_twice_is_no_error() -> None:
    bus = WatchedBus()
    (message,) = await received(bus, 1)
    for outcome in (DONE, DONE, Outcome("retry", retry_seconds=5)):
        await settle(bus, LANE, [(message, outcome)])
    assert await bus.empty()


@pytest.mark.parametrize(("receives", "given"), [(1, 1), (2, 2), (5, 16), (10, 512), (40, 43_200)])
def test_a_doubling_retry_waits_longer_each_time(receives: int, given: int) -> None:
    message = replace(incoming("{}"), receives=receives)
    assert of_error(Retry("later", after_seconds=1, doubling=True), message, "").retry_seconds == given
