"""Names in an archive lead nowhere but down, and there are no two of them."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_files.domain.names import name_key, name_warnings
from coffer_files.domain.zip_names import Names, safe_name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.txt", "a.txt"),
        ("\u00e9\u65e5.txt", "\u00e9\u65e5.txt"),
        ("..", "_"),
        (".", "_"),
        ("...", "_"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("..\\..\\evil.dll", ".._.._evil.dll"),
        ("C:\\x", "C__x"),
        ("C:", "C_"),
        ("what?*.txt", "what__.txt"),
        ("trailing. . ", "trailing"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("Com1.tar.gz", "_Com1.tar.gz"),
        ("console", "console"),
        ("a\x00b", "a_b"),
        ("", "Coffer"),
    ],
)
def test_a_name_is_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text())
def test_no_name_leads_out_or_is_refused_by_a_system(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert safe not in {".", ".."}
    assert not set(safe) & set('/\\:*?"<>|\0\n')
    assert not safe.endswith((".", " "))
    assert "device_name" not in name_warnings(safe)
    assert safe_name(safe) == safe


def test_names_that_clash_only_when_they_were_made_safe_are_kept_apart() -> None:
    names = Names()
    assert [names.take(name, "file") for name in ("a:b.txt", "a*b.txt", "A_B.TXT", "a_b (1).txt")] == [
        "a_b.txt",
        "a_b (1).txt",
        "A_B (2).TXT",
        "a_b (3).txt",
    ]
    assert names.take("a_b.txt", "folder") == "a_b.txt (1)"


def test_many_names_that_are_made_one_cost_one_look_each(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def counted(name: str) -> str:
        nonlocal looks
        looks += 1
        return name_key(name)

    monkeypatch.setattr("coffer_files.domain.zip_names.name_key", counted)
    names = Names()
    hostile = ["".join(some) for some in product(':*?"<>|\\', repeat=3)]
    hostile += [f"___ ({number})" for number in range(1, 512)]
    assert len({names.take(name, "file") for name in hostile}) == len(hostile) == 1023
    assert looks <= 5 * len(hostile)


@given(st.lists(st.text(max_size=3), max_size=30))
def test_no_two_names_of_a_folder_are_one_on_any_system(wanted: list[str]) -> None:
    names = Names()
    given_out = [name_key(names.take(name, "file")) for name in wanted]
    assert len(set(given_out)) == len(given_out)
