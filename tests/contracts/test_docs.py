"""The documentation is part of the product: generated pages equal the code, and nothing that exists goes unmentioned."""

import functools
import os
import re
import shutil
from pathlib import Path

import pytest

from coffer_chassis.settings import CofferSettings
from coffer_contracts.catalog import READABLE
from coffer_contracts.events_page import anchor
from coffer_local import docs
from coffer_local.registry import SERVICES
from coffer_local.released import RELEASED
from factories.golden import ROOT
from factories.rows import for_every

DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
MAKERS = docs.makers()
HAND_WRITTEN = [
    path
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "services").rglob("*.md")])
    if not set(path.relative_to(ROOT).parts) & {".venv", "node_modules"}
]
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
ENVIRONMENT = re.compile(r"""environ(?:\.get\(|\[|\.setdefault\()\s*["']([A-Z][A-Z0-9_]+)["']""")
SECTIONS = ["Context", "Choice", "What it gives up", "When to revisit"]


@functools.cache
def generated(path: Path) -> str:
    return MAKERS[path]()


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@for_every("path", MAKERS, ids=str)
def test_a_generated_file_is_what_the_code_says(path: Path) -> None:
    assert (ROOT / path).is_file(), "run `make docs`"
    assert (ROOT / path).read_text(encoding="utf-8") == generated(path), "run `make docs`"


@pytest.mark.slow
def test_the_command_writes_once_and_then_has_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(ROOT / docs.GOLDEN, tmp_path / docs.GOLDEN)
    assert docs.main(["--check"], root=tmp_path) == 1
    assert docs.main([], root=tmp_path) == 0
    written = capsys.readouterr().out.splitlines()
    assert "docs/settings.md written" in written
    assert docs.main([], root=tmp_path) == 0
    assert docs.main(["--check"], root=tmp_path) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_the_check_names_the_stale_page_and_leaves_it_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(ROOT / docs.GOLDEN, tmp_path / docs.GOLDEN)
    docs.main([], root=tmp_path)
    edited = tmp_path / "docs" / "events.md"
    edited.write_text("edited by hand")
    capsys.readouterr()
    assert docs.main(["--check"], root=tmp_path) == 1
    assert capsys.readouterr().out == "docs/events.md is stale; run `make docs`\n"
    assert edited.read_text() == "edited by hand"


def test_writing_the_pages_freezes_nothing() -> None:
    assert not any(path.is_relative_to(RELEASED) for path in MAKERS)


def test_every_event_is_documented() -> None:
    text = page("events.md")
    for wire_type, event in READABLE.items():
        assert f"### {wire_type}\n" in text
        for name in event.model_fields:
            assert f"| `{name}` |" in text


def test_every_problem_is_documented() -> None:
    text = page("problems.md")
    for kind in docs.problems():
        assert f"## {kind.code}\n" in text
        assert (kind.__doc__ or "").strip(), kind.code


def test_every_setting_is_documented_with_its_meaning() -> None:
    named = set(re.findall("`([^`]+)`", page("settings.md")))
    for name, field in CofferSettings.model_fields.items():
        assert f"COFFER_{name.upper()}" in named
        assert field.description, name
    for service in SERVICES:
        for name, field in service.settings.model_fields.items():
            assert {f"{service.prefix}{name.upper()}", f"COFFER_<SERVICE>_{name.upper()}"} & named, name
            assert field.description, name


def test_the_prefix_on_the_page_is_the_one_that_is_read() -> None:
    for service in SERVICES:
        assert service.settings.model_config.get("env_prefix") == service.prefix


def test_every_variable_that_the_code_reads_is_documented() -> None:
    text = page("settings.md")
    for folder in ("chassis", "services"):
        for source in (ROOT / folder).rglob("*.py"):
            for name in ENVIRONMENT.findall(source.read_text()):
                assert f"`{name}`" in text, f"{source.relative_to(ROOT)} reads {name}"


def test_no_page_shows_what_the_machine_it_was_made_on_looks_like() -> None:
    for path in MAKERS:
        assert str(ROOT) not in generated(path), path
        assert str(Path.home()) + os.sep not in generated(path), path


@for_every("record", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_record_says_context_choice_price_and_when_to_revisit(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert text.startswith(f"# {int(record.name[:4])}. ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS


def test_decision_records_have_unique_numbers_without_gaps() -> None:
    assert DECISIONS
    assert all(re.fullmatch(r"\d{4}(-[a-z0-9]+)+\.md", record.name) for record in DECISIONS)
    assert [int(record.name[:4]) for record in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@for_every("source", HAND_WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_inside_the_repository_leads_somewhere(source: Path) -> None:
    for target, fragment in LINK.findall(source.read_text(encoding="utf-8")):
        path = (source.parent / target).resolve() if target else source
        assert path.exists(), target
        if fragment and path.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert fragment in {anchor(heading.replace(" ", "-")) for heading in headings}, fragment


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for source in HAND_WRITTEN:
        for named in re.findall(r"`make ([a-z-]+)", source.read_text(encoding="utf-8")):
            assert named in targets, f"{source.name} names make {named}"


def test_the_glossary_has_one_entry_per_word_in_order() -> None:
    words = re.findall(r"^- \*\*([^*]+)\*\*", page("glossary.md"), re.MULTILINE)
    assert len(words) > 20
    assert words == sorted(set(words), key=str.lower)
