"""What a tag may be called, and when two are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_contracts.problems import ValidationFailed
from coffer_files.domain.tags import MAX_TAG_CHARACTERS, MOST_TAGS, accept_tags, tag_keys


def test_tags_are_sorted_and_each_is_there_once_as_first_spelled() -> None:
    assert accept_tags(["b", "A", "a", "B", "Stra\u00dfe", "STRASSE"]) == ("A", "b", "Stra\u00dfe")


@pytest.mark.parametrize("tag", ["", " a", "a ", "a,b", "a\nb", "a\u2028b", "a\u202eb", "\ud800", "x" * 51])
def test_refuses_a_tag_that_breaks_a_rule_and_points_at_it(tag: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        accept_tags(["fine", tag])
    assert [error.pointer for error in refusal.value.errors] == ["/tags/1"]


def test_refuses_more_tags_than_an_item_has() -> None:
    assert len(accept_tags([f"t{number}" for number in range(MOST_TAGS)] * 2)) == MOST_TAGS
    with pytest.raises(ValidationFailed):
        accept_tags([f"t{number}" for number in range(MOST_TAGS + 1)])


@given(st.lists(st.text(max_size=60), max_size=30))
def test_what_is_accepted_is_accepted_again_as_it_is(tags: list[str]) -> None:
    try:
        accepted = accept_tags(tags)
    except ValidationFailed:
        return
    assert accept_tags(accepted) == accepted
    assert tag_keys(accepted) == sorted(set(tag_keys(accepted)))
    assert all(len(tag) <= MAX_TAG_CHARACTERS for tag in accepted)
