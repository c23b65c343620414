"""The states of an upload: any order and repetition of what can happen leads to a legal state."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from coffer_chassis.testing import NOON
from coffer_contracts.problems import RateLimited, SizeMismatch, StateConflict
from coffer_files.domain import uploads as rules
from coffer_files.domain.upload_states import MAX_STEPS, RETRY_PAUSES, STATES, Step
from coffer_files.domain.uploads import TURN_PATIENCE
from factories.upload_histories import BAD, GOOD, HISTORIES, happened, upload


def test_the_table_is_the_contract() -> None:
    assert {state: set(rule.leaves_to) for state, rule in STATES.items()} == {
        "created": {"received", "aborted", "expired"},
        "received": {"cleared", "rejected", "failed"},
        "cleared": {"committed", "conflict", "failed"},
        "committed": set(),
        "conflict": {"committed", "aborted", "expired"},
        "rejected": set(),
        "failed": {"received", "aborted"},
        "expired": set(),
        "aborted": set(),
    }
    released = {state: set(rule.releases_to) for state, rule in STATES.items() if rule.releases_to}
    assert released == {"rejected": {"cleared"}, "cleared": {"rejected"}}
    assert {state: rule.deadline for state, rule in STATES.items() if rule.deadline} == {
        "created": timedelta(hours=24),
        "received": timedelta(minutes=10),
        "cleared": timedelta(minutes=1),
        "conflict": timedelta(days=7),
        "failed": timedelta(days=7),
    }
    assert {state for state, rule in STATES.items() if rule.is_end} == {"committed", "rejected", "expired", "aborted"}
    # What can still become a file keeps its room; what cannot must give it back.
    assert all(rule.reserves_quota is not rule.is_end for rule in STATES.values())


def test_bytes_are_received_once() -> None:
    received = rules.receive(upload(), "e1", 10, NOON)
    assert (received.state, received.etag, received.deadline_at) == ("received", "e1", NOON + TURN_PATIENCE)
    assert rules.receive(received, "e1", 10, NOON) is received
    assert rules.receive(received, "e2", 10, NOON) is received


def test_bytes_of_another_length_fail_with_the_reason() -> None:
    failed = rules.receive(upload(), "e1", 9, NOON)
    assert (failed.state, failed.reason) == ("failed", "size_mismatch")
    assert [step.step for step in failed.steps] == ["received", "failed"]


def test_a_verdict_for_other_bytes_is_ignored() -> None:
    received = rules.receive(upload(), "e1", 10, NOON)
    assert rules.judge(received, replace(GOOD, etag="e2"), NOON) is received


def test_a_verdict_before_the_bytes_were_seen_is_kept_and_applied() -> None:
    early = rules.judge(upload(), GOOD, NOON)
    assert (early.state, early.verdict) == ("created", GOOD)
    assert rules.judge(early, GOOD, NOON) is early
    assert rules.receive(early, "e1", 10, NOON).state == "cleared"
    assert rules.receive(early, "e2", 10, NOON).state == "received"


def test_a_verdict_after_giving_up_still_counts() -> None:
    given_up = upload("failed", etag="e1", reason="no_verdict")
    assert rules.judge(given_up, GOOD, NOON).state == "cleared"
    assert rules.judge(given_up, BAD, NOON).state == "rejected"


@pytest.mark.parametrize(("reason", "etag"), [("size_mismatch", "e1"), ("bytes_lost", "e1"), ("no_verdict", "e2")])
def test_a_verdict_does_not_bring_back_what_it_is_not_about(reason: str, etag: str) -> None:
    failed = rules.judge(upload("failed", etag=etag, reason=reason), GOOD, NOON)
    assert (failed.state, failed.verdict) == ("failed", GOOD)


def test_the_second_verdict_changes_nothing() -> None:
    cleared = rules.judge(rules.receive(upload(), "e1", 10, NOON), GOOD, NOON)
    assert rules.judge(cleared, BAD, NOON) is cleared
    rejected = rules.judge(rules.receive(upload(), "e1", 10, NOON), BAD, NOON)
    assert rules.judge(rejected, GOOD, NOON) is rejected
    assert rejected.reason == "polyglot"


def test_a_file_that_failed_to_become_one_can_be_tried_again_but_not_all_the_time() -> None:
    now = NOON
    current = upload("failed", etag="e1", reason="no_verdict")
    waits = []
    for _ in range(len(RETRY_PAUSES) + 2):
        begun = now
        while True:
            try:
                current = replace(rules.retry(current, "e1", 10, now), state="failed")
                break
            except RateLimited as refusal:
                now += timedelta(seconds=refusal.retry_after_seconds or 0)
        waits.append((now - begun).total_seconds())
    assert waits == [0, 0, 0, 60, 300, 900, 3600, 3600, 3600]


@pytest.mark.parametrize(
    ("changes", "helps"),
    [
        ({"state": "failed", "reason": "no_verdict"}, True),
        ({"state": "failed", "reason": "no_turn"}, True),
        ({"state": "failed", "reason": "not_sent"}, True),
        ({"state": "failed", "reason": "size_mismatch"}, False),
        ({"state": "failed", "reason": "bytes_lost"}, False),
        ({"state": "rejected", "reason": "polyglot"}, False),
        ({"state": "conflict", "reason": "name_taken"}, False),
        ({"state": "received"}, False),
        ({"state": "expired", "reason": "created_too_long"}, False),
    ],
)
def test_a_retry_is_offered_only_where_it_can_help(changes: Any, helps: bool) -> None:
    assert upload(**changes).can_retry is helps


@pytest.mark.parametrize("state", ["received", "cleared", "committed", "rejected"])
def test_an_upload_under_way_or_done_cannot_be_aborted(state: Any) -> None:
    with pytest.raises(StateConflict):
        rules.abort(upload(state), NOON)


@pytest.mark.parametrize("state", ["conflict", "rejected", "expired", "aborted"])
def test_only_a_failed_upload_can_be_tried_again(state: Any) -> None:
    with pytest.raises(StateConflict):
        rules.retry(upload(state), "e1", 10, NOON)


def test_trying_again_with_other_bytes_is_refused() -> None:
    with pytest.raises(SizeMismatch):
        rules.retry(upload("failed"), "e1", 9, NOON)


def test_a_timeline_keeps_its_first_and_newest_steps() -> None:
    steps = tuple(Step(f"s{number}", NOON) for number in range(MAX_STEPS))
    after = rules.abort(upload(steps=steps), NOON).steps
    assert len(after) == MAX_STEPS
    assert (after[0].step, after[-1].step) == ("s0", "aborted")


@given(HISTORIES)
def test_any_history_leads_through_legal_states_and_counts_every_change(history: Any) -> None:
    now, current = NOON, upload()
    for happening in history:
        now += timedelta(seconds=1)
        before = current
        try:
            current = happened(happening, current, now)
        except (StateConflict, SizeMismatch, RateLimited):
            continue
        if current is before:
            continue
        assert current.revision > before.revision
        walked = [step.step for step in current.steps[len(before.steps) :] if step.step in STATES]
        for left, entered in zip([before.state, *walked], walked, strict=False):
            assert entered in STATES[left].leaves_to
        assert not before.rule.is_end
        assert (current.deadline_at is None) == current.rule.is_end
