"""The rules of shares, without a store."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_chassis.ids import new_id
from coffer_contracts.ids import ItemId, ShareId, UserId
from coffer_contracts.problems import ValidationFailed
from coffer_sharing.domain import (
    CLOCKS_DIFFER,
    FRESH,
    Order,
    Share,
    Wish,
    accept_expiry,
    accept_recipients,
    changed,
    is_fresh,
    made_at,
)
from factories.sharing import id_made

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
ME, OWNER, ANN, BOB = UserId("me"), UserId("owner"), UserId("ann"), UserId("bob")
SHARE = Share(
    id=ShareId("share"),
    item_id=ItemId("item"),
    owner_id=OWNER,
    granted_by=OWNER,
    recipient_id=ANN,
    role="viewer",
    message=None,
    expires_at=None,
    created_at=NOON,
    changed_at=NOON,
    revision=3,
    ended_at=None,
    end_reason=None,
)


def test_a_share_is_over_when_it_was_ended_or_at_the_moment_of_its_expiry() -> None:
    assert not SHARE.is_over(NOON)
    assert SHARE.ended("left", NOON).is_over(NOON)
    limited = SHARE._replace(expires_at=NOON)
    assert not limited.is_over(NOON - MOMENT)
    assert limited.is_over(NOON)


def test_an_end_counts_the_revision_and_keeps_the_rest() -> None:
    later = NOON + timedelta(hours=1)
    assert SHARE.ended("revoked", later) == SHARE._replace(revision=4, ended_at=later, changed_at=later, end_reason="revoked")


@pytest.mark.parametrize(
    ("wish", "changes"),
    [
        (Wish(), ()),
        (Wish(role="viewer"), ()),
        (Wish(expires_at=None), ()),
        (Wish(role="editor"), ("role",)),
        (Wish(expires_at=NOON + MOMENT), ("expires_at",)),
        (Wish("editor", NOON + MOMENT), ("role", "expires_at")),
    ],
)
def test_a_wish_changes_what_is_different_and_counts_once(wish: Wish, changes: tuple[str, ...]) -> None:
    after, named = changed(SHARE, wish, NOON)
    assert named == changes
    assert after.revision == (4 if changes else 3)
    assert changed(after, wish, NOON) == (after, ())


def test_an_expiry_that_is_over_is_left_as_it_is_when_it_is_not_changed() -> None:
    limited = SHARE._replace(expires_at=NOON - MOMENT)
    assert changed(limited, Wish("editor", NOON - MOMENT), NOON)[1] == ("role",)


@pytest.mark.parametrize("moment", [NOON, NOON - MOMENT, datetime(1, 1, 2, tzinfo=UTC)])
def test_an_end_that_has_come_is_refused(moment: datetime) -> None:
    with pytest.raises(ValidationFailed) as refused:
        accept_expiry(moment, NOON)
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/expires_at", "not_in_future")]


def test_recipients_keep_their_order() -> None:
    assert accept_recipients([BOB, ANN], sharer=ME, owner=OWNER) == [BOB, ANN]


def test_every_recipient_who_cannot_be_shared_with_is_pointed_at() -> None:
    with pytest.raises(ValidationFailed) as refused:
        accept_recipients([ANN, None, ME, OWNER, ANN, BOB], sharer=ME, owner=OWNER)
    assert [(error.pointer, error.code) for error in refused.value.errors] == [
        ("/recipients/1", "unknown_person"),
        ("/recipients/2", "yourself"),
        ("/recipients/3", "owner"),
        ("/recipients/4", "duplicate"),
    ]


def test_the_time_inside_an_id_is_read() -> None:
    assert made_at(id_made(NOON)) == NOON
    found = made_at(new_id())
    assert found is not None
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("age", "fresh"),
    [
        (timedelta(), True),
        (FRESH, True),
        (FRESH + timedelta(milliseconds=1), False),
        (-CLOCKS_DIFFER, True),
        (-CLOCKS_DIFFER - timedelta(milliseconds=1), False),
    ],
)
def test_an_id_is_fresh_for_a_minute(age: timedelta, fresh: bool) -> None:
    assert is_fresh(id_made(NOON - age), NOON) is fresh


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "root",
        "not-an-id",
        "00000000-0000-4000-8000-000000000000",
        "ffffffff-ffff-7fff-bfff-ffffffffffff",
        "{0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11",
    ],
)
def test_what_is_no_id_with_a_time_is_never_fresh(identifier: str) -> None:
    assert not is_fresh(identifier, NOON)


@given(st.text())
def test_any_text_may_be_asked_for_its_time(text: str) -> None:
    made_at(text)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("created_at", Order("created_at", descending=False)),
        ("-created_at", Order("created_at")),
        ("name", Order("name", descending=False)),
        ("-name", Order("name")),
    ],
)
def test_an_order_is_read_and_written(text: str, order: Order) -> None:
    assert Order.parse(text) == order
    assert order.text == text


@pytest.mark.parametrize("text", ["", "-", "size", "--name", "NAME", "name,created_at"])
def test_a_key_that_lists_cannot_be_sorted_by_is_refused(text: Any) -> None:
    with pytest.raises(ValidationFailed):
        Order.parse(text)
