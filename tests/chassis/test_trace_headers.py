"""What a request may say about its trace, and what is left of it when it says nonsense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_chassis.trace_headers import (
    LONGEST_PARENT,
    STATE_LENGTH,
    parent_in,
    parent_in_headers,
    state_in_headers,
    traceparent_in_json,
)
from factories.eventing import envelope, failed

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{SPAN}-01"


def test_a_valid_parent_is_read_and_written_the_same() -> None:
    parent = parent_in(VALID)
    assert parent is not None
    assert (parent.trace_id, parent.span_id, parent.sampled, parent.traceparent) == (TRACE, SPAN, True, VALID)


@pytest.mark.parametrize(
    ("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True), ("fe", False)]
)
def test_of_the_flags_only_sampled_counts_and_only_that_is_passed_on(flags: str, sampled: bool) -> None:
    parent = parent_in(f"00-{TRACE}-{SPAN}-{flags}")
    assert parent is not None
    assert (parent.sampled, parent.traceparent[-2:]) == (sampled, "01" if sampled else "00")


def test_a_later_version_is_read_as_far_as_it_is_known_and_written_as_ours() -> None:
    parent = parent_in(f"cc-{TRACE}-{SPAN}-01-what-comes-after")
    assert parent is not None
    assert parent.traceparent == VALID
    assert parent_in(f"cc-{TRACE}-{SPAN}-01") == parent


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        "00-" + "\u0664" * 32 + f"-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01-{'x' * LONGEST_PARENT}",
        f"00_{TRACE}_{SPAN}_01",
    ],
)
def test_what_is_malformed_is_no_parent(text: str | None) -> None:
    assert parent_in(text) is None


@given(st.text())
def test_whatever_is_sent_never_fails(text: str) -> None:
    parent_in(text)
    traceparent_in_json(text)
    state_in_headers([text.encode()])


def test_two_parents_are_none_and_blanks_around_one_do_not_matter() -> None:
    assert parent_in_headers([VALID.encode(), VALID.encode()]) is None
    assert parent_in_headers([f" {VALID}\t".encode()]) == parent_in(VALID)
    assert parent_in_headers([b"\xff\xfe"]) is None
    assert parent_in_headers([]) is None


def test_a_state_is_passed_on_in_order_from_all_its_headers() -> None:
    assert state_in_headers([b"rojo=00f067aa0ba902b7, ,congo=t61", b"fw529a3039@dt=x y"]) == (
        "rojo=00f067aa0ba902b7,congo=t61,fw529a3039@dt=x y"
    )


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [b""],
        [b","],
        [b"no-value"],
        [b"UPPER=1"],
        [b"a=1,a=2"],
        [b"a=1,b=\x00"],
        [b"a=caf\xc3\xa9"],
        [b"a=1=2"],
        [b"=1"],
        [b"a="],
        [b"@a=1"],
        [b"a" * 257 + b"=1"],
        [b"a=" + b"1" * 257],
        [b",".join(b"k%d=1" % number for number in range(33))],
    ],
)
def test_a_malformed_state_is_dropped_whole(headers: list[bytes]) -> None:
    assert state_in_headers(headers) is None


def test_a_state_that_is_too_long_loses_its_long_members_first_and_then_its_last() -> None:
    long, short = b"long=" + b"x" * 200, b",".join(b"k%02d=%s" % (number, b"y" * 26) for number in range(30))
    kept = state_in_headers([long + b"," + short])
    assert kept is not None
    assert len(kept) <= STATE_LENGTH
    assert "long" not in kept
    assert kept.startswith("k00=")
    assert state_in_headers([long]) == long.decode()


def test_the_parent_of_a_serialized_fact_is_found_and_nothing_typed_can_pass_for_it() -> None:
    example = envelope(failed())
    body = example.model_copy(update={"traceparent": VALID}).to_json()
    assert traceparent_in_json(body) == VALID
    hostile = f'"traceparent":"00-{"1" * 32}-{SPAN}-01"'
    none = envelope(failed(agent=hostile)).to_json()
    assert "traceparent" in none
    assert traceparent_in_json(none) is None
    assert traceparent_in_json("") is None
    assert traceparent_in_json(body.replace(TRACE, "0" * 32)) is None
