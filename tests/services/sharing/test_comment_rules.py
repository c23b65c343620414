"""What comments may say, and what becomes of them: rules without a store."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coffer_chassis.testing import NOON
from coffer_contracts.ids import CommentId, ItemId, UserId
from coffer_contracts.problems import ValidationFailed
from coffer_sharing.domain.comments import (
    Comment,
    accept_mentions,
    accept_text,
    may_delete,
    may_edit,
    may_resolve,
    newly,
)

ANN, BOB, EVE = UserId("ann"), UserId("bob"), UserId("eve")
LATER = NOON + timedelta(minutes=1)


def comment(**changes: Any) -> Comment:
    one = CommentId("c")
    values: dict[str, Any] = dict.fromkeys(Comment._fields)
    known = {"id": one, "thread_id": one, "item_id": ItemId("i"), "is_reply": False, "author_id": ANN, "text": "Nice"}
    return Comment(
        **values | known | {"mentioned": (), "replies": 0, "created_at": NOON, "changed_at": NOON, "revision": 1} | changes
    )


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "two\nlines\tand a tab",
        "**bold**, `code`, [a link](https://example.org)",
        "[x](javascript:alert(1)) <script>alert(1)</script> <img src=x onerror=alert(1)>",
        "' OR 1=1 -- \\x00 %00 {{7*7}} ${7*7}",
        "\u0645\u0631\u062d\u0628\u0627 \u200f\u200e \U0001f468\u200d\U0001f469\u200d\U0001f467",
        "  kept as it is  ",
        "e\u0301 is not made into \u00e9",
    ],
)
def test_text_is_kept_as_it_was_given(text: str) -> None:
    assert accept_text(text) == text


def test_every_kind_of_line_end_becomes_one() -> None:
    assert accept_text("a\r\nb\rc\nd\r\r\ne") == "a\nb\nc\nd\n\ne"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" \n\t\r\n", "empty"),
        ("\u3000\u2003", "empty"),
        *((f"a{character}b", "control_character") for character in "\x00\x01\x08\x0b\x0c\x0e\x1b\x1f\x7f\x80\x85\x9b\x9f"),
        *((f"a{chr(code)}b", "bidi_override") for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))),
    ],
    ids=ascii,
)
def test_text_that_disguises_itself_is_refused(text: str, code: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        accept_text(text)
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/body", code)]


@given(st.text())
@settings(database=None, deadline=None)
def test_what_is_accepted_once_is_accepted_again_and_stays_as_it_is(text: str) -> None:
    try:
        accepted = accept_text(text)
    except ValidationFailed:
        return
    assert accept_text(accepted) == accepted


def test_everybody_is_mentioned_once_and_the_unknown_are_pointed_at() -> None:
    assert accept_mentions([BOB, ANN, BOB]) == [BOB, ANN]
    with pytest.raises(ValidationFailed) as refused:
        accept_mentions([BOB, None, ANN, None])
    assert [(error.pointer, error.code) for error in refused.value.errors] == [
        ("/mentions/1", "unknown_person"),
        ("/mentions/3", "unknown_person"),
    ]


def test_an_edit_says_what_it_changes() -> None:
    before = comment(mentioned=(BOB,))
    assert before.edited("Nice", [BOB], LATER) == (before, ())
    after, changes = before.edited("Better", [EVE, BOB], LATER)
    assert changes == ("body", "mentions")
    assert (after.text, after.edited_at, after.changed_at, after.revision) == ("Better", LATER, LATER, 2)
    assert newly(after.mentioned, before.mentioned) == [EVE]
    after, changes = before.edited("Nice", [], LATER)
    assert (changes, after.edited_at, after.changed_at) == (("mentions",), None, LATER)


def test_what_is_left_of_a_deleted_comment_is_its_place() -> None:
    left = comment(mentioned=(BOB,), anchor_page=1, anchor_x=0.5, anchor_y=0.5, replies=2).deleted(LATER)
    assert (left.text, left.author_id, left.mentioned) == (None, None, ())
    assert (left.deleted_at, left.revision, left.replies) == (LATER, 2, 2)
    assert left.anchor == (1, 0.5, 0.5)
    assert not any(may_edit(left, person) for person in (ANN, BOB))


def test_who_may_do_what() -> None:
    anns = comment()
    assert [may_edit(anns, person) for person in (ANN, BOB)] == [True, False]
    assert [may_delete(anns, person, BOB) for person in (ANN, BOB, EVE)] == [True, True, False]
    assert [may_resolve(anns, ANN, may_write=False), may_resolve(anns, BOB, may_write=False)] == [True, False]
    assert may_resolve(anns, BOB, may_write=True)
