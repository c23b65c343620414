"""Entity tags: made strong, compared as RFC 9110 section 13.1 says."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_chassis.etags import Conditions, etag_of, parse_tags
from coffer_contracts.problems import MalformedRequest, PreconditionFailed

OPAQUE = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters='"').filter(lambda c: not 0x7F <= ord(c) < 0x80),
    max_size=12,
)
TAGS = st.lists(st.tuples(st.booleans(), OPAQUE).map(lambda it: f'{"W/" if it[0] else ""}"{it[1]}"'), min_size=1, max_size=6)


def conditions(if_match: str | None = None, if_none_match: str | None = None) -> Conditions:
    given_headers = {b"if-match": if_match, b"if-none-match": if_none_match}
    return Conditions.in_headers([(name, value.encode("latin-1")) for name, value in given_headers.items() if value])


def test_a_tag_is_strong_and_depends_on_every_part() -> None:
    assert re.fullmatch(r'"[0-9a-f]{24}"', etag_of("item", 7))
    assert etag_of("item", 7) == etag_of("item", 7) == etag_of("item", "7")
    assert len({etag_of("ab", "c"), etag_of("a", "bc"), etag_of("abc"), etag_of("abc", ""), etag_of()}) == 5


def test_a_name_that_is_no_valid_unicode_still_has_a_tag() -> None:
    assert etag_of("\ud800") != etag_of("?")


@given(TAGS, st.sampled_from([",", ", ", " ,\t", ",,"]))
def test_any_list_of_tags_is_read_back_whole(tags: list[str], separator: str) -> None:
    assert parse_tags(separator.join(tags)).tags == tuple(tags)


@given(st.text(max_size=40))
def test_no_header_value_does_worse_than_a_malformed_request(value: str) -> None:
    try:
        parsed = parse_tags(value)
    except MalformedRequest:
        return
    assert parsed.anything == (value.strip(" \t") == "*")


NO_LISTS = ["", "abc", '"a', 'a"', '"a" "b"', "*, *", '*, "a"', 'w/"a"', '"a";q=1', '"a\nb"', '"' + "x" * 9000 + '"']


@pytest.mark.parametrize("value", NO_LISTS)
def test_what_is_no_list_of_tags_is_malformed(value: str) -> None:
    with pytest.raises(MalformedRequest):
        parse_tags(value)


def test_a_long_list_without_commas_is_refused_quickly() -> None:
    with pytest.raises(MalformedRequest):
        parse_tags('"a" ' * 2000)


@pytest.mark.parametrize(
    ("if_match", "current", "allowed"),
    [
        (None, '"1"', True),
        (None, None, True),
        ("*", '"1"', True),
        ("*", None, False),
        ('"1"', '"1"', True),
        ('"0", "1"', '"1"', True),
        ('"0"', '"1"', False),
        ('W/"1"', '"1"', False),
        ('"1"', None, False),
    ],
)
def test_if_match_compares_strongly(if_match: str | None, current: str | None, allowed: bool) -> None:
    checked = conditions(if_match=if_match)
    if allowed:
        checked.require(current)
        return
    with pytest.raises(PreconditionFailed) as refusal:
        checked.require(current)
    assert refusal.value.extensions == {"current_etag": current}


@pytest.mark.parametrize(
    ("if_none_match", "current", "matches"),
    [("*", '"1"', True), ('"1"', '"1"', True), ('W/"1"', '"1"', True), ('"0", W/"1"', '"1"', True), ('"0"', '"1"', False)],
)
def test_if_none_match_compares_weakly(if_none_match: str, current: str, matches: bool) -> None:
    checked = conditions(if_none_match=if_none_match)
    assert checked.not_modified(current) is matches
    if matches:
        with pytest.raises(PreconditionFailed):
            checked.require(current)
    else:
        checked.require(current)


def test_create_only_succeeds_while_nothing_exists() -> None:
    conditions(if_none_match="*").require(None)


def test_repeated_header_lines_are_one_list() -> None:
    checked = Conditions.in_headers([(b"if-match", b'"a"'), (b"x", b"y"), (b"if-match", b'"b"')])
    checked.require('"b"')
    with pytest.raises(PreconditionFailed):
        checked.require('"c"')


def test_a_request_without_conditions_is_not_modified_by_nothing() -> None:
    assert not conditions().not_modified('"1"')
