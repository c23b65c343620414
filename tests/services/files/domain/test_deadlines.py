"""No state stands for ever: each has a deadline, and a way out of it that needs nobody."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_chassis.testing import NOON
from coffer_contracts.problems import Problem
from coffer_files.domain import uploads as rules
from coffer_files.domain.deadlines import BUCKET_PATIENCE, SEND_PATIENCE, pass_deadline
from coffer_files.domain.upload_states import STATES, VERDICT_PATIENCE
from coffer_files.domain.uploads import MAX_DISPATCHES, TURN_PATIENCE, Upload
from factories.upload_histories import HISTORIES, happened, upload

AWAY: Any = {"has_bytes": None}


def asked(now: datetime = NOON) -> Any:
    return rules.dispatch(rules.receive(upload(), "e1", 10, now), now)


def test_every_state_that_is_no_end_has_a_deadline() -> None:
    assert {state for state, rule in STATES.items() if not rule.is_end and rule.deadline is None} == set()


def test_a_silent_media_worker_is_asked_four_times_and_then_given_up() -> None:
    now, current = NOON, asked()
    for attempt in range(2, MAX_DISPATCHES + 1):
        now += VERDICT_PATIENCE
        current = pass_deadline(current, now, has_bytes=True)
        assert (current.state, current.attempts) == ("received", attempt)
        assert pass_deadline(current, now, has_bytes=True) is current
    failed = pass_deadline(current, now + VERDICT_PATIENCE, has_bytes=True)
    assert (failed.state, failed.reason, failed.can_retry) == ("failed", "no_verdict", True)
    assert rules.dispatch(rules.retry(failed, "e1", 10, now), now).attempts == 1


def test_a_question_that_was_not_sent_is_not_asked_again_and_does_not_count() -> None:
    now, current = NOON, asked()
    while (after := pass_deadline(current, now, has_bytes=True, is_sent=False)).state == "received":
        assert (after.attempts, after.steps) == (1, current.steps)
        assert after.deadline_at is not None
        now, current = after.deadline_at, after
    assert (after.state, after.reason, now) == ("failed", "not_sent", NOON + SEND_PATIENCE)
    assert after.can_retry


def test_a_question_that_is_sent_late_has_its_whole_time() -> None:
    held = pass_deadline(asked(), NOON + timedelta(minutes=10), has_bytes=True, is_sent=False)
    assert held.deadline_at == NOON + timedelta(minutes=20)
    again = pass_deadline(held, NOON + timedelta(minutes=20), has_bytes=True)
    assert (again.state, again.attempts) == ("received", 2)


def test_waiting_for_its_turn_ends_too() -> None:
    waiting = rules.receive(upload(), "e1", 10, NOON)
    assert waiting.waits_for_dispatch
    assert pass_deadline(waiting, NOON + TURN_PATIENCE - timedelta(seconds=1), **AWAY) is waiting
    failed = pass_deadline(waiting, NOON + TURN_PATIENCE, **AWAY)
    assert (failed.state, failed.reason, failed.can_retry) == ("failed", "no_turn", True)


@pytest.mark.parametrize("current", [asked(), rules.receive(upload(), "e1", 10, NOON)], ids=["asked", "waiting"])
def test_bytes_that_are_gone_are_not_waited_for(current: Any) -> None:
    failed = pass_deadline(current, NOON + timedelta(days=8), has_bytes=False)
    assert (failed.state, failed.reason, failed.can_retry) == ("failed", "bytes_lost", False)


def test_a_bucket_that_is_away_delays_an_expiry_by_a_day_and_no_longer() -> None:
    stale = upload("created", deadline_at=NOON)
    assert pass_deadline(stale, NOON, **AWAY) is stale
    assert pass_deadline(stale, NOON + BUCKET_PATIENCE - timedelta(seconds=1), **AWAY) is stale
    expired = pass_deadline(stale, NOON + BUCKET_PATIENCE, **AWAY)
    assert (expired.state, "did not say" in (expired.detail or "")) == ("expired", True)
    assert pass_deadline(stale, NOON + timedelta(days=9), has_bytes=True) is stale


@pytest.mark.parametrize(
    ("state", "after", "reason"),
    [("created", "expired", "created_too_long"), ("conflict", "expired", "conflict_too_long"), ("failed", "aborted", None)],
)
def test_what_stands_too_long_ends(state: Any, after: Any, reason: str) -> None:
    stale = upload(state, deadline_at=NOON)
    assert pass_deadline(stale, NOON - timedelta(seconds=1), has_bytes=False) is stale
    ended = pass_deadline(stale, NOON, has_bytes=False)
    assert (ended.state, ended.reason, ended.deadline_at) == (after, reason, None)


@given(HISTORIES, st.sampled_from([None, False]), st.booleans())
def test_whatever_happened_time_alone_brings_it_to_an_end(history: Any, has_bytes: bool | None, is_sent: bool) -> None:
    now, current = NOON, upload()
    for happening in history:
        now += timedelta(seconds=1)
        try:
            current = happened(happening, current, now)
        except Problem:
            continue
    ended_by = now + timedelta(days=30)
    for _ in range(400):
        if current.rule.is_end:
            break
        assert current.deadline_at is not None
        now = max(now, current.deadline_at)
        current = after_sweep(current, now, has_bytes, is_sent)
        if current.deadline_at == now:
            now += timedelta(hours=1)
    assert current.rule.is_end
    assert now <= ended_by


def after_sweep(current: Upload, now: datetime, has_bytes: bool | None, is_sent: bool) -> Upload:
    """One round of the sweeper in which nobody answers: a commit that fails is put before a person."""
    if current.state == "cleared":
        return rules.contest(current, "commit_failed", "", None, now)
    after = pass_deadline(current, now, has_bytes=has_bytes, is_sent=is_sent)
    if after is current and current.state == "created":
        return pass_deadline(current, now + BUCKET_PATIENCE, has_bytes=has_bytes, is_sent=is_sent)
    if after.waits_for_dispatch:
        return rules.dispatch(after, now)
    return after
