"""The arithmetic of limits, for every quota and every order of times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_chassis.limits.gcra import MICROSECONDS, Pace

QUOTAS = st.integers(1, 5000)


def spend(pace: Pace, moments: list[int]) -> list[int]:
    """The moments at which a request was allowed."""
    due, allowed = 0, []
    for now in moments:
        taken, debt = pace.take(due, now)
        if taken:
            due = now + debt
            allowed.append(now)
    return allowed


@given(QUOTAS)
def test_after_a_rest_exactly_the_quota_is_allowed_at_once(quota: int) -> None:
    pace = Pace.of(quota, 60)
    assert len(spend(pace, [10**12] * (quota + 5))) == quota


@given(QUOTAS)
def test_remaining_counts_down_to_nothing(quota: int) -> None:
    pace, due = Pace.of(quota, 60), 0
    left = []
    for _ in range(min(quota, 50)):
        _, debt = pace.take(due, 10**12)
        due = 10**12 + debt
        left.append(pace.remaining(debt))
    assert left == list(range(quota - 1, quota - 1 - len(left), -1))


@given(st.integers(1, 200), st.lists(st.integers(0, 3 * MICROSECONDS), max_size=400))
def test_no_window_sees_more_than_twice_the_quota_and_no_rest_is_forgotten(quota: int, gaps: list[int]) -> None:
    pace = Pace.of(quota, 60)
    now, moments = 10**12, []
    for gap in gaps:
        now += gap
        moments.append(now)
    allowed = spend(pace, moments)
    for begin in allowed:
        assert sum(begin <= one < begin + 60 * MICROSECONDS for one in allowed) <= 2 * quota


@given(QUOTAS, st.integers(0, 10**9))
def test_whoever_waits_as_long_as_told_is_let_in_and_not_much_longer_than_needed(quota: int, start: int) -> None:
    pace = Pace.of(quota, 60)
    due = start
    for _ in range(quota):
        _, debt = pace.take(due, start)
        due = start + debt
    taken, debt = pace.take(due, start)
    assert not taken
    wait = pace.wait_seconds(debt)
    assert pace.take(due, start + wait * MICROSECONDS)[0]
    assert wait <= max(1, -(-60 // quota))


def test_a_refusal_costs_nothing() -> None:
    pace = Pace.of(2, 60)
    _, debt = pace.take(0, 10**12)
    _, debt = pace.take(10**12 + debt, 10**12)
    assert [pace.take(10**12 + debt, 10**12) for _ in range(3)] == [(False, debt)] * 3


@given(QUOTAS, st.integers(1, 10**12))
def test_a_clock_that_goes_far_back_locks_nobody_out(quota: int, back: int) -> None:
    pace = Pace.of(quota, 60)
    now = 10**15
    _, debt = pace.take(0, now)
    taken, after = pace.take(now + debt, now - back)
    assert taken or back <= pace.span, "refused for longer than a window, by a clock"
    assert 0 <= after <= pace.span


def test_times_on_the_wire_are_whole_seconds_rounded_up() -> None:
    pace = Pace.of(600, 60)
    assert pace.reset_seconds(1) == 1
    assert pace.reset_seconds(0) == 0
    assert pace.reset_seconds(43 * MICROSECONDS) == 43
    assert pace.wait_seconds(pace.span) == 1
    assert Pace.of(2, 60).wait_seconds(60 * MICROSECONDS) == 30


@pytest.mark.parametrize("quota", [0, -1])
def test_a_quota_of_nothing_is_no_pace(quota: int) -> None:
    with pytest.raises(ValueError, match="quota"):
        Pace.of(quota, 60)
