"""Cursors: opaque, bound to their listing, and worth nothing once touched."""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_chassis.cursors import Cursors, Listing
from coffer_contracts.problems import CursorInvalid

OLD, NEW = b"old key of enough bytes", b"new key of enough bytes"
MINE = Listing("/v1/folders/{id}/children", "alice", "-modified_at", {"kind": "file", "tag": ["a", "b"]})
CURSORS = Cursors(NEW)

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.datetimes(timezones=st.just(UTC)),
)


@given(st.lists(VALUES, max_size=6))
def test_a_position_comes_back_as_it_was(position: list[Any]) -> None:
    assert CURSORS.open(CURSORS.seal(position, MINE), MINE) == position


@given(st.text(max_size=80))
def test_no_text_at_all_opens_or_breaks_anything(cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        CURSORS.open(cursor, MINE)


@given(st.binary(max_size=200))
def test_no_bytes_of_ones_own_making_open(raw: bytes) -> None:
    with pytest.raises(CursorInvalid):
        CURSORS.open(urlsafe_b64encode(raw).rstrip(b"=").decode(), MINE)


@given(st.data())
def test_one_flipped_bit_anywhere_makes_it_invalid(data: st.DataObject) -> None:
    raw = bytearray(urlsafe_b64decode(_padded(CURSORS.seal(["name", 5], MINE))))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(CursorInvalid):
        CURSORS.open(urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode(), MINE)


@pytest.mark.parametrize(
    "other",
    [
        Listing(MINE.route, "mallory", MINE.sort, MINE.filters),
        Listing(MINE.route, MINE.user_id, "name", MINE.filters),
        Listing(MINE.route, MINE.user_id, MINE.sort, {"kind": "folder", "tag": ["a", "b"]}),
        Listing(MINE.route, MINE.user_id, MINE.sort, {"kind": "file", "tag": ["a"]}),
        Listing(MINE.route, MINE.user_id, MINE.sort, {"kind": "file"}),
        Listing(MINE.route, MINE.user_id, MINE.sort),
        Listing("/v1/trash", MINE.user_id, MINE.sort, MINE.filters),
    ],
)
def test_a_cursor_fits_only_the_listing_it_was_made_for(other: Listing) -> None:
    with pytest.raises(CursorInvalid):
        CURSORS.open(CURSORS.seal(["a"], MINE), other)


def test_the_order_in_which_filters_are_given_does_not_matter() -> None:
    turned = Listing(MINE.route, MINE.user_id, MINE.sort, dict(reversed(list(MINE.filters.items()))))
    assert CURSORS.open(CURSORS.seal(["a"], MINE), turned) == ["a"]


def test_parts_of_a_binding_cannot_slide_into_each_other() -> None:
    with pytest.raises(CursorInvalid):
        CURSORS.open(CURSORS.seal(["a"], Listing("/x", "ab", "c")), Listing("/x", "a", "bc"))


def test_a_name_in_the_position_cannot_be_read_from_the_cursor() -> None:
    cursor = CURSORS.seal(["my secret diary", datetime(2026, 11, 20, tzinfo=UTC)], MINE)
    assert b"diary" not in urlsafe_b64decode(_padded(cursor))
    assert cursor != CURSORS.seal(["my secret diary", datetime(2026, 11, 20, tzinfo=UTC)], MINE)


def test_a_cursor_of_the_old_key_is_good_until_that_key_goes() -> None:
    made_before = Cursors(OLD).seal(["a"], MINE)
    assert Cursors(NEW, OLD).open(made_before, MINE) == ["a"]
    with pytest.raises(CursorInvalid):
        Cursors(NEW).open(made_before, MINE)
    assert Cursors(NEW).open(Cursors(NEW, OLD).seal(["b"], MINE), MINE) == ["b"]


@pytest.mark.parametrize("keys", [(), (b"short",), (NEW, b"short")])
def test_no_key_or_a_short_one_is_refused_at_start(keys: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Cursors(*keys)


def test_an_enormous_cursor_is_refused_before_any_work() -> None:
    with pytest.raises(CursorInvalid):
        CURSORS.open(urlsafe_b64encode(os.urandom(100_000)).decode(), MINE)


def test_another_spelling_of_the_same_bytes_is_refused() -> None:
    cursor = CURSORS.seal(["a"], MINE)
    for spelled in (_padded(cursor) + "=", cursor + "\n", " " + cursor):
        with pytest.raises(CursorInvalid):
            CURSORS.open(spelled, MINE)


def _padded(cursor: str) -> str:
    return cursor + "=" * (-len(cursor) % 4)
