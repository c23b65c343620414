"""The states of an upload: any order and repetition of what can happen leads to a legal state."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_chassis.testing import NOON
from coffer_contracts.ids import ItemId, VersionId
from coffer_contracts.problems import SizeMismatch, StateConflict
from coffer_files.domain import uploads as rules
from coffer_files.domain.uploads import MAX_DISPATCHES, MAX_STEPS, STATES, Step, Upload, Verdict

GOOD = Verdict(cleared=True, etag="e1", mime_type="image/jpeg", media_kind="image", previewable=True)
BAD = Verdict(cleared=False, etag="e1", mime_type="text/plain", media_kind="text", reason="polyglot", detail="Two at once.")


def upload(state: str = "created", **changes: Any) -> Any:
    values = {
        "id": "u",
        "owner_id": "o",
        "uploader_id": "o",
        "parent_id": "p",
        "name": "a",
        "conflict": "fail",
        "size_bytes": 10,
        "blob_id": "b",
        "blob_key": "blobs/o/b",
        "state": state,
        "revision": 1,
        "created_at": NOON,
        "changed_at": NOON,
        "deadline_at": NOON + timedelta(hours=24),
        "actor_kind": "user",
        "correlation_id": "c",
    }
    return Upload(**{**values, **changes})


def test_the_table_is_the_contract() -> None:
    assert {state: set(rule.leaves_to) for state, rule in STATES.items()} == {
        "created": {"received", "aborted", "expired"},
        "received": {"cleared", "rejected", "failed"},
        "cleared": {"committed", "conflict"},
        "committed": set(),
        "conflict": {"committed", "aborted", "expired"},
        "rejected": set(),
        "failed": {"received", "aborted"},
        "expired": set(),
        "aborted": set(),
    }
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
    assert (received.state, received.etag, received.deadline_at) == ("received", "e1", None)
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


def test_a_verdict_after_giving_up_counts_when_the_owner_tries_again() -> None:
    failed = rules.judge(upload("failed", etag="e1"), GOOD, NOON)
    assert failed.state == "failed"
    assert rules.retry(failed, "e1", 10, NOON).state == "cleared"


def test_the_second_verdict_changes_nothing() -> None:
    cleared = rules.judge(rules.receive(upload(), "e1", 10, NOON), GOOD, NOON)
    assert rules.judge(cleared, BAD, NOON) is cleared
    rejected = rules.judge(rules.receive(upload(), "e1", 10, NOON), BAD, NOON)
    assert rules.judge(rejected, GOOD, NOON) is rejected
    assert rejected.reason == "polyglot"


def test_a_silent_media_worker_is_asked_four_times_and_then_given_up() -> None:
    now = NOON
    asked = rules.dispatch(rules.receive(upload(), "e1", 10, now), now)
    for attempt in range(2, MAX_DISPATCHES + 1):
        now += timedelta(minutes=10)
        asked = rules.pass_deadline(asked, now)
        assert (asked.state, asked.attempts) == ("received", attempt)
        assert rules.pass_deadline(asked, now) is asked
    failed = rules.pass_deadline(asked, now + timedelta(minutes=10))
    assert (failed.state, failed.reason) == ("failed", "no_verdict")
    assert rules.dispatch(rules.retry(failed, "e1", 10, now), now).attempts == 1


def test_waiting_for_its_turn_has_no_deadline() -> None:
    waiting = rules.receive(upload(), "e1", 10, NOON)
    assert waiting.waits_for_dispatch
    assert rules.pass_deadline(waiting, NOON + timedelta(days=300)) is waiting


@pytest.mark.parametrize(
    ("state", "after", "reason"),
    [("created", "expired", "created_too_long"), ("conflict", "expired", "conflict_too_long"), ("failed", "aborted", None)],
)
def test_what_stands_too_long_ends(state: Any, after: Any, reason: str) -> None:
    stale = upload(state, deadline_at=NOON)
    assert rules.pass_deadline(stale, NOON - timedelta(seconds=1)) is stale
    ended = rules.pass_deadline(stale, NOON)
    assert (ended.state, ended.reason, ended.deadline_at) == (after, reason, None)


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


EVENTS = st.lists(
    st.sampled_from(
        [
            "bytes",
            "other_bytes",
            "short_bytes",
            "cleared",
            "rejected",
            "cleared_other",
            "dispatch",
            "abort",
            "retry",
            "late",
            "commit",
            "contest",
        ]
    ),
    max_size=30,
)


@given(EVENTS)
def test_any_history_leads_through_legal_states_and_counts_every_change(history: Any) -> None:
    now, current = NOON, upload()
    for happening in history:
        now += timedelta(seconds=1)
        before = current
        try:
            current = _apply(happening, current, now)
        except (StateConflict, SizeMismatch):
            continue
        if current is before:
            continue
        assert current.revision > before.revision
        walked = [step.step for step in current.steps[len(before.steps) :] if step.step in STATES]
        for left, entered in zip([before.state, *walked], walked, strict=False):
            assert entered in STATES[left].leaves_to
        assert not before.rule.is_end
        assert (current.deadline_at is None) == (current.rule.is_end or current.waits_for_dispatch)


def _apply(  # noqa: C901  # one branch for each thing that can happen
    happening: Any, current: Any, now: Any
) -> Any:
    match happening:
        case "bytes":
            return rules.receive(current, "e1", 10, now)
        case "other_bytes":
            return rules.receive(current, "e2", 10, now)
        case "short_bytes":
            return rules.receive(current, "e1", 9, now)
        case "cleared":
            return rules.judge(current, GOOD, now)
        case "rejected":
            return rules.judge(current, BAD, now)
        case "cleared_other":
            return rules.judge(current, replace(GOOD, etag="e2"), now)
        case "dispatch":
            return rules.dispatch(current, now)
        case "abort":
            return rules.abort(current, now)
        case "retry":
            return rules.retry(current, "e1", 10, now)
        case "late":
            return rules.pass_deadline(current, now + timedelta(days=8))
        case "commit":
            return rules.commit(current, ItemId("i"), VersionId("v"), "a", now)
        case _:
            return rules.contest(current, "name_taken", "Taken.", "a (1)", now)
