"""The story of an upload is true at every moment, in the order of time, and never tells of negative lengths."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_chassis.testing import NOON
from coffer_contracts.problems import Problem
from coffer_files.domain import timelines as rules
from coffer_files.domain import uploads
from coffer_files.domain.timelines import AHEAD_AT_MOST, Preview, Surroundings, next_of, span, steps_of, waiting_of
from coffer_files.domain.upload_states import Step
from factories.upload_histories import BAD, GOOD, HISTORIES, happened, upload

ALONE = Surroundings()


def at(**parts: float) -> datetime:
    return NOON + timedelta(**parts)


def received() -> Any:
    return uploads.receive(upload(steps=(Step("created", NOON),)), "e1", 10, at(seconds=1))


def asked() -> Any:
    return uploads.dispatch(received(), at(seconds=2))


def said(current: Any, around: Surroundings, now: datetime, preview: Preview | None = None) -> Any:
    waiting = waiting_of(current, preview, around, now)
    assert waiting is not None
    return waiting


def test_it_waits_for_bytes() -> None:
    waiting = said(upload(), ALONE, at(seconds=40))
    assert (waiting.what, waiting.since, waiting.sentence) == ("bytes", NOON, "40 s without the bytes of the file.")
    coming = next_of(upload(), None, ALONE, at(seconds=40))
    assert coming is not None
    assert (coming.what, coming.at) == ("expires", at(hours=24))


@pytest.mark.parametrize(
    ("around", "ahead", "words"),
    [
        (Surroundings(asked=16, in_line=0, room=16), 16, "behind 16 other uploads"),
        (Surroundings(asked=1, in_line=0, room=1), 1, "behind 1 other upload into"),
        (Surroundings(asked=16, in_line=25, room=16), 41, "behind 41 other uploads"),
        (Surroundings(asked=16, in_line=AHEAD_AT_MOST, room=16), 1016, "behind 1000 or more other uploads"),
        (Surroundings(asked=3, in_line=0, room=16), 3, "Its turn to be checked has come"),
        (Surroundings(asked=3, in_line=12, room=16), 15, "Its turn to be checked has come"),
        (Surroundings(asked=3, in_line=13, room=16), 16, "behind 16 other uploads"),
    ],
)
def test_it_waits_for_its_turn(around: Surroundings, ahead: int, words: str) -> None:
    waiting = said(received(), around, at(seconds=41))
    assert (waiting.what, waiting.since, waiting.ahead) == ("turn", at(seconds=1), ahead)
    assert words in waiting.sentence
    assert "40 s" in waiting.sentence


def test_a_turn_that_has_come_is_given_by_the_next_sweep() -> None:
    free = Surroundings(asked=3, room=16, sweeps_every=timedelta(seconds=5))
    coming = next_of(received(), None, free, at(seconds=41))
    assert coming is not None
    assert (coming.what, coming.at) == ("asked", at(seconds=46))
    full = next_of(received(), None, Surroundings(asked=16, room=16), at(seconds=41))
    assert full is not None
    assert (full.what, full.at) == ("fails", at(days=7, seconds=1))


def test_others_are_not_told_how_much_the_owner_has_under_way() -> None:
    around = Surroundings(16, 25, 16)
    waiting = rules.without_numbers(said(received(), around, at(seconds=41)), around, at(seconds=41))
    assert waiting.ahead is None
    assert "41" not in waiting.sentence.replace("40 s", "")
    assert "behind other uploads" in waiting.sentence


@pytest.mark.parametrize("around", [Surroundings(0, 0, 16), Surroundings(15, 0, 16)])
def test_others_are_not_told_that_they_stand_behind_somebody_when_their_turn_has_come(around: Surroundings) -> None:
    waiting = rules.without_numbers(said(received(), around, at(seconds=41)), around, at(seconds=41))
    assert (waiting.ahead, "behind" in waiting.sentence) == (None, False)
    assert waiting.sentence.startswith("Its turn to be checked has come")


def test_a_question_that_has_not_left_is_told_from_one_that_has() -> None:
    unsent = said(asked(), Surroundings(is_sent=False), at(seconds=42))
    assert (unsent.what, unsent.since) == ("sending", at(seconds=2))
    assert unsent.sentence.startswith("40 s not sent")
    just_now = said(asked(), Surroundings(is_sent=False), at(seconds=2.1))
    assert just_now.sentence == "The question to the media worker is being sent."
    coming = next_of(asked(), None, Surroundings(is_sent=False), at(seconds=42))
    assert coming is not None
    assert (coming.what, coming.at) == ("fails", at(days=1, seconds=2))


def test_it_waits_in_the_media_queue_and_says_how_often_was_asked() -> None:
    waiting = said(asked(), Surroundings(sent_at=at(seconds=3)), at(seconds=43))
    assert (waiting.what, waiting.since, waiting.attempt) == ("verdict", at(seconds=3), 1)
    assert waiting.sentence == "40 s in the media queue; there is no verdict yet."
    coming = next_of(asked(), None, ALONE, at(seconds=43))
    assert coming is not None
    assert (coming.what, coming.at, "2nd time" in coming.sentence) == ("asked_again", at(minutes=10, seconds=2), True)
    again = uploads.dispatch(asked(), at(minutes=10))
    repeated = said(again, Surroundings(sent_at=at(minutes=10)), at(minutes=13))
    assert repeated.sentence == "3 min in the media queue, asked for the 2nd time; there is no verdict yet."
    last = replace(again, attempts=4)
    coming = next_of(last, None, ALONE, at(minutes=13))
    assert coming is not None
    assert coming.what == "fails"


def test_it_waits_for_a_person() -> None:
    checked = uploads.judge(asked(), GOOD, at(seconds=3))
    held_up = uploads.contest(checked, "name_taken", "The folder already holds this name.", "a (1)", at(seconds=3))
    waiting = said(held_up, ALONE, at(hours=3))
    assert (waiting.what, waiting.since) == ("decision", at(seconds=3))
    assert waiting.sentence == "The folder already holds this name. It has waited 2 h for somebody's decision."
    coming = next_of(held_up, None, ALONE, at(hours=3))
    assert coming is not None
    assert (coming.what, coming.at) == ("expires", at(days=7, seconds=3))


@pytest.mark.parametrize(("reason", "what"), [("no_verdict", "retry"), ("bytes_lost", "removal")])
def test_what_failed_says_whether_trying_again_can_help(reason: str, what: str) -> None:
    failed = upload("failed", reason=reason, deadline_at=at(days=7))
    assert said(failed, ALONE, at(seconds=5)).what == what
    coming = next_of(failed, None, ALONE, at(seconds=5))
    assert coming is not None
    assert (coming.what, coming.at) == ("aborted", at(days=7))


def test_after_the_end_it_waits_for_its_preview_only() -> None:
    done = upload("committed", deadline_at=None)
    pending = Preview("pending", at(seconds=4))
    assert said(done, ALONE, at(seconds=44), pending).what == "preview"
    coming = next_of(done, pending, ALONE, at(seconds=44))
    assert coming is not None
    assert (coming.what, coming.at) == ("preview_failed", at(days=1, seconds=4))
    for known in (None, Preview("none", NOON), Preview("ready", NOON, NOON, NOON), Preview("failed", NOON)):
        assert waiting_of(done, known, ALONE, NOON) is None
        assert next_of(done, known, ALONE, NOON) is None


def test_a_deadline_that_has_passed_comes_now_and_not_in_the_past() -> None:
    late = next_of(upload(), None, ALONE, at(days=3))
    assert late is not None
    assert late.at == at(days=3)


def told(current: Any, preview: Preview | None = None) -> list[tuple[str, float]]:
    return [(step.step, (step.at - NOON).total_seconds()) for step in steps_of(current, preview)]


def test_the_steps_of_a_picture() -> None:
    checked = uploads.judge(asked(), replace(GOOD, started_at=at(seconds=3)), at(seconds=4))
    done = uploads.commit(checked, "i", "v", "a", at(seconds=4))  # type: ignore[arg-type]  # ids as tests write them
    preview = Preview("ready", at(seconds=4), at(seconds=5), at(seconds=7))
    assert told(done, preview) == [
        ("created", 0), ("received", 1), ("dispatched", 2), ("verdict_started", 3), ("cleared", 4), ("committed", 4),
        ("preview_started", 5), ("preview_ready", 7),
    ]  # fmt: skip


@pytest.mark.parametrize(("clock", "shown"), [(-3600, 2), (0, 2), (2.5, 2.5), (4, 4), (3600, 4)])
def test_a_clock_that_is_wrong_makes_no_step_before_its_cause(clock: float, shown: float) -> None:
    refused = uploads.judge(asked(), replace(BAD, started_at=at(seconds=clock)), at(seconds=4))
    assert told(refused)[-2:] == [("verdict_started", shown), ("rejected", 4)]
    early = Preview("failed", at(seconds=4), at(seconds=clock), at(seconds=1), "corrupt")
    assert told(refused, early)[-2:] == [("preview_started", 4), ("preview_failed", 4)]


def test_a_verdict_that_came_before_the_bytes_were_seen_is_shown_where_it_took_effect() -> None:
    early = uploads.judge(upload(steps=(Step("created", NOON),)), replace(GOOD, started_at=at(seconds=1)), at(seconds=2))
    assert told(early) == [("created", 0)]
    late = uploads.receive(early, "e1", 10, at(seconds=3))
    assert told(late) == [("created", 0), ("verdict_started", 1), ("received", 3), ("cleared", 3)]


def test_uploads_from_before_steps_were_kept_are_shown_too() -> None:
    old = upload("failed", steps=(), dispatched_at=at(seconds=2), changed_at=at(minutes=40), reason="no_verdict")
    assert told(old) == [("created", 0), ("dispatched", 2), ("failed", 2400)]
    assert told(upload(steps=())) == [("created", 0)]


@given(HISTORIES, st.integers(-9000, 9000), st.integers(-9000, 9000), st.integers(-9000, 9000))
def test_whatever_happened_no_length_is_negative(history: Any, started: int, pictured: int, skew: int) -> None:
    now, current = NOON, upload(steps=(Step("created", NOON),))
    for happening in history:
        now += timedelta(seconds=1)
        try:
            current = happened(happening, current, now + timedelta(seconds=skew % 3 - 1))
        except Problem:
            continue
    if current.verdict is not None:
        current = replace(current, verdict=replace(current.verdict, started_at=at(seconds=started)))
    preview = Preview("ready", at(seconds=skew), at(seconds=pictured), at(seconds=started))
    steps = steps_of(current, preview if current.state == "committed" else None)
    assert all(before.at <= after.at for before, after in pairwise(steps))
    assert steps[0].step == "created"
    around = Surroundings(sent_at=at(seconds=skew))
    waiting, coming = waiting_of(current, None, around, now), next_of(current, None, around, now)
    assert "-" not in (waiting.sentence if waiting else "")
    assert coming is None or coming.at >= now
    assert (waiting is None) == (coming is None) == current.rule.is_end


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (0.9, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (172800, "2 days")],
)
def test_lengths_for_people(seconds: float, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words
