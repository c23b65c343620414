"""The sources of the web app: whole, in order, and as they are said to be."""

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

from coffer_notifier.domain.activity import ACTIONS
from factories.rows import for_every
from factories.vendored import ROOT, VENDORED, WEB

OWN = sorted(path for path in WEB.rglob("*.js") if path.parent.name != "vendor")
LANGUAGES = sorted(path.stem for path in (WEB / "texts").glob("*.json"))
PARTS = sorted(path.name for path in (WEB / "texts").iterdir() if path.is_dir())
"""Parts of the app with catalogues of their own."""
READ = {name: [json.loads((WEB / "texts" / part / f"{name}.json").read_text()) for part in ("", *PARTS)] for name in LANGUAGES}
CATALOGUES = {name: {key: text for catalogue in READ[name] for key, text in catalogue.items()} for name in LANGUAGES}
WRITTEN = "\n".join(path.read_text() for path in OWN)
USED = re.compile(r"""\bt\(\s*"([a-z_0-9.]+)\"""")
MADE = re.compile(r"""(?:\bt\(|const key = )`([a-z_]+)\.\$\{""")
CHOSEN = re.compile(r"""\bt\([^)]*\? "([a-z_0-9.]+)" : "([a-z_0-9.]+)"\)""")


def shapes(text: str | dict[str, str]) -> set[str]:
    """The places of a text that values go into."""
    texts = text.values() if isinstance(text, dict) else [text]
    return {name for one in texts for name in re.findall(r"\{(\w+)\}", one)}


@pytest.mark.parametrize("name", VENDORED)
def test_what_is_vendored_is_what_was_reviewed(name: str) -> None:
    assert sha256((ROOT / name).read_bytes()).hexdigest() == VENDORED[name][1]


def test_nothing_is_vendored_that_is_not_listed_and_everything_has_its_licence() -> None:
    found = {
        path.relative_to(ROOT).as_posix() for folder in ("web/vendor", "tests/web/vendor") for path in (ROOT / folder).iterdir()
    }
    assert found == set(VENDORED)
    for path in (ROOT / "web/vendor").glob("*.js"):
        assert any((path.parent / f"{stem}.LICENSE").exists() for stem in (path.stem, path.stem.rpartition("-")[0]))


@for_every("path", OWN, ids=lambda path: path.relative_to(WEB).as_posix())
def test_a_module_is_short_says_what_it_is_and_makes_no_markup_of_text(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    assert text.startswith(("/** ", "/**\n", "// "))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert not re.search(r"https?://", text)


def test_every_language_says_everything_with_the_same_values() -> None:
    assert LANGUAGES == ["de", "en"]
    english = CATALOGUES["en"]
    for name, catalogue in CATALOGUES.items():
        assert catalogue.keys() == english.keys(), name
        for key, text in catalogue.items():
            assert shapes(text) == shapes(english[key]), f"{name} {key}"
            assert isinstance(text, dict) == isinstance(english[key], dict), f"{name} {key}"
            assert all(text.values()) if isinstance(text, dict) else text, f"{name} {key}"
            if isinstance(text, dict):
                assert set(text) == {"one", "other"}, f"{name} {key}"


def test_whatever_can_happen_to_an_item_has_words_and_nothing_else_has() -> None:
    said = {key.partition(".")[2] for key in CATALOGUES["en"] if key.startswith("activity.")} - {"sentence", "title"}
    assert said == set(ACTIONS)


def test_a_text_stands_in_one_catalogue_only() -> None:
    for name, catalogues in READ.items():
        assert sum(map(len, catalogues)) == len(CATALOGUES[name])


def test_languages_differ() -> None:
    same = [key for key, text in CATALOGUES["en"].items() if text == CATALOGUES["de"][key]]
    assert len(same) < len(CATALOGUES["en"]) / 20, same


def test_every_text_that_is_asked_for_is_there() -> None:
    asked = set(USED.findall(WRITTEN)) | {key for pair in CHOSEN.findall(WRITTEN) for key in pair}
    assert len(asked) > 100
    assert not asked - CATALOGUES["en"].keys()


def test_every_text_that_is_there_is_asked_for() -> None:
    families = set(MADE.findall(WRITTEN))
    quoted = set(re.findall(r"""["']([a-z_0-9]+(?:\.[a-z_0-9]+)*)["']""", WRITTEN))
    unused = [key for key in CATALOGUES["en"] if key not in quoted and key.partition(".")[0] not in families]
    assert not unused


def test_styles_come_from_this_folder_only() -> None:
    for path in WEB.rglob("*.css"):
        assert not re.search(r"@import|url\(", path.read_text()), path.name
        # Logical properties turn with the direction of writing.
        assert not re.search(r"^\s*(margin|padding|border)-(left|right):|^\s*(left|right):", path.read_text(), re.MULTILINE), (
            path.name
        )


def test_no_style_has_two_different_sides() -> None:
    value = r"((?:\w+\([^)]*\)|[^ ;()]+))"
    for path in WEB.rglob("*.css"):
        for found in re.finditer(
            rf"^\s*(?:padding|margin|inset): {value} {value} {value} {value};", path.read_text(), re.MULTILINE
        ):
            assert found[2] == found[4], f"{path.name}: {found[0].strip()}"
