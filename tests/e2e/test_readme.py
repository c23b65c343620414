"""The README is what a new user does: its tour is run as it stands there."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from factories import images
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

README = Path(__file__).parents[2] / "README.md"


def tour() -> str:
    """What the README has people type."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    (found,) = [block for block in blocks if "COFFER=" in block]
    return str(found)


def typed(script: str, stack: LocalStack, folder: Path) -> subprocess.CompletedProcess[str]:
    """The script in a shell, in a folder with a photo."""
    assert shutil.which("curl"), "the tour needs curl: apt-get install curl"
    (folder / "photo.jpg").write_bytes(images.jpeg(1600, 1200))
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ | {"COFFER": stack.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run


def test_the_tour_of_the_readme_works_word_for_word(stack: LocalStack, tmp_path: Path) -> None:
    run = typed(tour(), stack, tmp_path)
    assert "The same bytes came back." in run.stdout
    assert '"committed"' in run.stdout
    assert "\nHoliday\nphoto.jpg\n" in run.stdout
    assert run.stdout.rstrip().endswith("Ben no longer sees it.")
    assert (tmp_path / "thumbnail.webp").read_bytes()[8:12] == b"WEBP"


def test_the_two_commands_of_the_readme_exist() -> None:
    makefile = (README.parent / "Makefile").read_text()
    for command in ("run", "test"):
        assert f"make {command}" in README.read_text()
        assert re.search(rf"^{command}:", makefile, re.MULTILINE)


def test_the_tour_of_public_links_works_word_for_word(stack: LocalStack, tmp_path: Path) -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", (README.parent / "docs/links.md").read_text(), re.DOTALL)
    # As far as the photo, by somebody else than the README's own; and no sleep is long enough for every machine.
    began, _, _ = tour().partition("# Each step of it")
    began = began.replace('"ana"', '"ana2"').replace("ana@", "ana2@")
    there = 'until me "$COFFER/v1/items/$FOLDER/children" | grep -q photo.jpg; do sleep 0.2; done'
    run = typed(f"{began}\n{there}\n{block}", stack, tmp_path)
    assert (tmp_path / "back.jpg").read_bytes() == (tmp_path / "photo.jpg").read_bytes()
    assert "There are no more." in run.stdout
    assert run.stdout.rstrip().endswith("}")
    assert '"disabled":true' in run.stdout.rpartition("There are no more.")[2]
