"""The README is what a new user does: its tour is run as it stands there."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from factories import images
from factories.stacks import LocalStack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

README = Path(__file__).parents[2] / "README.md"


def tour() -> str:
    """What the README has people type."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    (found,) = [block for block in blocks if "COFFER=" in block]
    return str(found)


SLEEP = """
slept=0
sleep() {
  slept=$((slept + 1))
  for _ in $(seq 300); do if "outcome_$slept" > /dev/null 2>&1; then return; fi; command sleep 0.2; done
  echo "never: outcome $slept" >&2
  return 1
}
"""


def sleeping_until(*outcomes: str) -> str:
    """What has each `sleep` of a script wait for what the next commands build on, however busy the machine is."""
    return SLEEP + "".join(f"outcome_{number}() {{ {outcome}; }}\n" for number, outcome in enumerate(outcomes, 1))


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
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run


def test_the_tour_of_the_readme_works_word_for_word(stack: LocalStack, tmp_path: Path) -> None:
    ben = 'user_id=$(ben "$COFFER/v1/me" | field id)'
    patience = sleeping_until(
        """me "$COFFER/v1/items/$FOLDER/children?include=thumbnail" | grep '"thumbnail_url":"'""",
        f"""me "$COFFER/v1/shares/explain?item_id=$FOLDER&{ben}" | grep '"account":"active"'""",
        """ben "$COFFER/v1/items/$FOLDER" && ben "$COFFER/v1/notifications" | grep '"title"'""",
        '! ben "$COFFER/v1/items/$FOLDER"',
    )
    run = typed(patience + tour(), stack, tmp_path)
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
    # As far as the photo, by somebody else than the README's own.
    began, _, _ = tour().partition("# Each step of it")
    began = began.replace('"ana"', '"ana2"').replace("ana@", "ana2@")
    photo = '$(me "$COFFER/v1/items/$FOLDER/children" | field items.0.id)'
    patience = sleeping_until(f'me "$COFFER/v1/links?item_id={photo}"', 'visitor "$COFFER/v1/items/$FOLDER/children"')
    run = typed(f"{patience}{began}\nsleep 1\n{block}", stack, tmp_path)
    assert (tmp_path / "back.jpg").read_bytes() == (tmp_path / "photo.jpg").read_bytes()
    assert "There are no more." in run.stdout
    assert run.stdout.rstrip().endswith("}")
    assert '"disabled":true' in run.stdout.rpartition("There are no more.")[2]
