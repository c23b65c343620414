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


def test_the_tour_of_the_readme_works_word_for_word(stack: LocalStack, tmp_path: Path) -> None:
    assert shutil.which("curl"), "the tour needs curl: apt-get install curl"
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    (tour,) = [block for block in blocks if "COFFER=" in block]
    (tmp_path / "photo.jpg").write_bytes(images.jpeg(1600, 1200))
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", tour],
        cwd=tmp_path,
        env=os.environ | {"COFFER": stack.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
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
