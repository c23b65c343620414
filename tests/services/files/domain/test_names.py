"""Names: what is accepted, when two clash, what a copy is called."""

import unicodedata
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_contracts.problems import NameInvalid, ValidationFailed
from coffer_files.domain.names import (
    MAX_NAME_BYTES,
    accept_name,
    cut_to_bytes,
    keep_both_names,
    name_key,
    name_warnings,
    path_names,
    split_extension,
)

ANY_NAME = st.text(min_size=1, max_size=300)
GOOD_NAME = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zs", "Zl", "Zp"), exclude_characters="/"), min_size=1, max_size=60
).filter(lambda name: name not in {".", ".."} and len(unicodedata.normalize("NFC", name).encode()) <= MAX_NAME_BYTES)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        (".", "dots"),
        ("..", "dots"),
        ("a/b", "slash"),
        ("a\x00b", "control_character"),
        ("a\nb", "control_character"),
        ("a\x7fb", "control_character"),
        ("a\x9fb", "control_character"),
        ("a\ud800b", "surrogate"),
        ("invoice\u202efdp.exe", "bidi_override"),
        ("a\u2066b", "bidi_override"),
        (" a", "edge_whitespace"),
        ("a ", "edge_whitespace"),
        ("a\u3000", "edge_whitespace"),
        ("a" * 256, "too_long"),
        ("\u00e9" * 128, "too_long"),
        ("\U0001f600" * 64, "too_long"),
    ],
)
def test_refuses_a_name_and_says_which_rule_it_breaks(name: str, reason: str) -> None:
    with pytest.raises(NameInvalid) as refusal:
        accept_name(name)
    assert refusal.value.extensions == {"reason": reason}


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "...",
        ".a",
        "a" * 255,
        "\u00e9" * 127,
        "CON",
        "a\\b",
        "a:b",
        "\u05e9\u05dc\u05d5\u05dd",
        "\U0001f468\u200d\U0001f469",
    ],
)
def test_accepts_unusual_names(name: str) -> None:
    assert accept_name(name) == name


def test_a_decomposed_name_that_fits_only_composed_is_accepted() -> None:
    assert accept_name("e\u0301" * 120) == "\u00e9" * 120


@given(ANY_NAME)
def test_an_accepted_name_is_stable_and_fits(name: str) -> None:
    try:
        accepted = accept_name(name)
    except NameInvalid:
        return
    assert accept_name(accepted) == accepted
    assert unicodedata.is_normalized("NFC", accepted)
    assert len(accepted.encode()) <= MAX_NAME_BYTES
    assert name_key(accepted) == name_key(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [("A.txt", "a.TXT"), ("caf\u00e9", "cafe\u0301"), ("STRASSE", "stra\u00dfe"), ("\u03a3\u03a3", "\u03c3\u03c2")],
)
def test_names_that_look_alike_clash(one: Any, other: Any) -> None:
    assert name_key(one) == name_key(other)


def test_different_names_do_not_clash() -> None:
    assert len({name_key(name) for name in ("a", "b", "a ", "\u0430", "a.", "a1")}) == 6


@given(ANY_NAME)
def test_the_key_of_a_key_is_the_key(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)


@pytest.mark.parametrize(
    ("name", "warnings"),
    [
        ("a.txt", ()),
        ("a:b?.txt", ("reserved_character",)),
        ("a.", ("trailing_dot",)),
        ("con", ("device_name",)),
        ("Com1.tar.gz", ("device_name",)),
        ("concert.mp3", ()),
        ("Desktop.ini", ("system_file",)),
        ("\u00e9" * 72, ("long_name",)),
        ("NUL.", ("trailing_dot", "device_name")),
        ("a" * 143, ()),
    ],
)
def test_warns_of_names_that_do_not_work_everywhere(name: str, warnings: Any) -> None:
    assert name_warnings(name) == warnings


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a.txt", ("a", ".txt")),
        ("a.tar.gz", ("a", ".tar.gz")),
        ("a.TAR.zst", ("a", ".TAR.zst")),
        (".bashrc", (".bashrc", "")),
        ("..a", ("..a", "")),
        (".tar.gz", (".tar", ".gz")),
        ("a", ("a", "")),
        ("a.", ("a.", "")),
        ("Mr. Smith goes", ("Mr. Smith goes", "")),
        ("a.b.c", ("a.b", ".c")),
    ],
)
def test_splits_names_as_people_would(name: str, parts: Any) -> None:
    assert split_extension(name) == parts


@pytest.mark.parametrize(
    ("name", "kind", "copies"),
    [
        ("a.txt", "file", ["a (1).txt", "a (2).txt"]),
        ("a (3).txt", "file", ["a (4).txt", "a (5).txt"]),
        ("a(3).txt", "file", ["a(3) (1).txt"]),
        ("a (03).txt", "file", ["a (03) (1).txt"]),
        ("a.tar.gz", "file", ["a (1).tar.gz"]),
        (".bashrc", "file", [".bashrc (1)"]),
        ("v1.0", "folder", ["v1.0 (1)"]),
        ("v1.0", "file", ["v1 (1).0"]),
        ("Trip (2024)", "folder", ["Trip (2025)"]),
    ],
)
def test_names_copies_beside_the_original(name: str, kind: Any, copies: Any) -> None:
    assert list(islice(keep_both_names(name, kind), len(copies))) == copies


@given(GOOD_NAME, st.sampled_from(["file", "folder"]))
def test_every_copy_has_a_valid_name_of_its_own(name: str, kind: Any) -> None:
    name = accept_name(name)
    copies = list(islice(keep_both_names(name, kind), 12))
    assert [accept_name(copy) for copy in copies] == [unicodedata.normalize("NFC", copy) for copy in copies]
    assert len({name_key(copy) for copy in [name, *copies]}) == 13


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("abc", 2, "ab"),
        ("a\u00e9", 2, "a"),
        ("ae\u0301x", 3, "a"),
        ("a\U0001f468\u200d\U0001f469", 11, "a"),
        ("a\U0001f44d\U0001f3fd", 6, "a"),
        ("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", 12, "\U0001f1e9\U0001f1ea"),
        ("ab c", 3, "ab"),
        ("e\u0301\u0301\u0301", 4, "e\u0301"),
        ("a\u1100\u1100\u1161", 7, "a"),
        ("a\u1100\uac00", 4, "a"),
        ("a\uff8a\uff9f", 4, "a"),
        ("a\u0e04\u0e33", 4, "a"),
        ("a\u0915\u200c\u0915", 7, "a\u0915\u200c"),
    ],
)
def test_cuts_between_characters_as_people_see_them(text: Any, limit: Any, cut: Any) -> None:
    assert cut_to_bytes(text, limit) == cut


@given(GOOD_NAME, st.integers(min_value=4, max_value=300))
def test_a_cut_is_a_beginning_that_fits(text: Any, limit: Any) -> None:
    cut = cut_to_bytes(text, limit)
    assert cut
    assert text.startswith(cut)
    assert len(cut.encode()) <= limit


@pytest.mark.parametrize(
    ("path", "names"),
    [("/", ()), ("/a", ("a",)), ("/a/b.txt", ("a", "b.txt")), ("/a/", ("a",)), ("/e\u0301", ("\u00e9",))],
)
def test_a_path_is_its_names(path: str, names: tuple[str, ...]) -> None:
    assert path_names(path) == names


@pytest.mark.parametrize("path", ["", "a", "//", "/a//b", "a/b"])
def test_refuses_what_is_no_path(path: str) -> None:
    with pytest.raises(ValidationFailed):
        path_names(path)


@pytest.mark.parametrize("path", ["/..", "/a/./b", "/a\tb", "/ a", "/" + "a" * 256])
def test_refuses_a_path_with_a_name_that_nothing_can_have(path: str) -> None:
    with pytest.raises(NameInvalid):
        path_names(path)
