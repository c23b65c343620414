"""What is typed, what is kept of texts, and where hits stand in what people see."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_contracts.problems import ValidationFailed
from coffer_files.domain import highlights
from coffer_files.domain.highlights import EXCERPT_LENGTH, MOST_RANGES, Range, excerpt, ranges
from coffer_files.domain.searching import LONGEST_WORD, MOST_LEXEMES, Query, fold, lexemes

LETTERS = st.text(st.sampled_from("aAbBéÉßIiİ 한会議-_.%\u0301😀"), max_size=30)


@given(LETTERS)
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(LETTERS)
def test_composed_and_decomposed_spellings_are_the_same(text: str) -> None:
    assert fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text))


@given(LETTERS, st.lists(st.sampled_from(["a", "b", "e", "ss", "会議", "i", "-"]), max_size=3))
def test_ranges_lie_in_the_text_in_order_and_hold_what_was_looked_for(text: str, words: list[str]) -> None:
    end = -1
    for start, length in ranges(text, words):
        assert end < start <= start + length <= len(text)
        assert length > 0
        assert any(word in fold(text[start : start + length]) for word in words)
        end = start + length


def test_many_hits_are_marked_up_to_a_limit() -> None:
    assert len(ranges("ab" * 100, ["a"])) == MOST_RANGES
    assert ranges("aaaa", ["a"]) == (Range(0, 4),)


@given(LETTERS, st.sampled_from(["a", "会", "e"]))
def test_an_excerpt_is_one_short_line_with_ranges_of_its_own(text: str, word: str) -> None:
    part = excerpt(text * 30, [word])
    assert len(part.text) <= EXCERPT_LENGTH
    assert "\n" not in part.text
    assert all(start + length <= len(part.text) for start, length in part.ranges)
    if word in fold(text):
        assert part.ranges


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Über straße, CAFÉ 3.14", ["uber", "strasse", "cafe", "3", "14"]),
        ("snake_case kebab-case a.b", ["snake", "case", "kebab", "a", "b"]),
        ("会議x資料", ["会議", "議", "x", "資料", "料"]),
        ("x" * 100, ["x" * LONGEST_WORD]),
        ("... --- !!!", []),
    ],
)
def test_a_text_is_kept_as_its_different_words(text: str, words: list[str]) -> None:
    assert lexemes(text) == words


def test_of_very_many_words_the_first_are_kept() -> None:
    kept = lexemes(" ".join(f"w{number}" for number in range(MOST_LEXEMES * 2)))
    assert (len(kept), kept[0], kept[-1]) == (MOST_LEXEMES, "w0", f"w{MOST_LEXEMES - 1}")


def test_words_are_folded_and_each_counts_once() -> None:
    assert Query.parse("  Café\tcafe  BAR ").words == ("cafe", "bar")
    assert Query.parse("100%_").patterns == ["%100\\%\\_%"]


@pytest.mark.parametrize("text", ["\x00", "\x1b", "\x7f", "\x85x", "\ud800", "x" * 257, " ".join("abcdefghijklm")])
def test_what_no_name_can_hold_is_refused(text: str) -> None:
    with pytest.raises(ValidationFailed):
        Query.parse(text)


def test_a_single_letter_is_not_looked_for_in_texts() -> None:
    assert Query.parse("a").text_words == []
    assert Query.parse("会").text_words == [("会", True)]
    assert Query.parse("foo-bar 会議資").text_words == [("foo", True), ("bar", True), ("会議", False), ("議資", False)]


def test_an_excerpt_of_a_long_text_folds_each_character_once(monkeypatch: pytest.MonkeyPatch) -> None:
    folded: list[str] = []

    def counting(text: str) -> str:
        folded.append(text)
        return fold(text)

    monkeypatch.setattr(highlights, "fold", counting)
    text = "Grüße aus Köln, e\u0301te\u0301 한글 " * 1000 + "Straße"
    found = excerpt(text, ["strasse"])
    assert [found.text[start : start + length] for start, length in found.ranges] == ["Straße"]
    assert len(folded) < 100
