"""The set-up tells in one sentence what a machine lacks."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in a folder that holds nothing but the Makefile and the requirements."""
    shutil.copy(ROOT / "Makefile", folder)
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def fake_python(folder: Path, script: str) -> Path:
    """A stand-in for an interpreter that lacks something."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def test_an_old_python_is_one_clear_sentence(tmp_path: Path) -> None:
    run = make(tmp_path, "setup", f"PYTHON={fake_python(tmp_path, 'exit 1')}")
    assert run.returncode != 0
    assert "Coffer needs Python 3.11 or later" in run.stderr


def test_no_python_is_one_clear_sentence(tmp_path: Path) -> None:
    run = make(tmp_path, "setup", f"PYTHON={tmp_path / 'absent'}")
    assert run.returncode != 0
    assert "Coffer needs Python 3.11 or later" in run.stderr


def test_a_missing_venv_module_is_one_clear_sentence(tmp_path: Path) -> None:
    python = fake_python(tmp_path, 'case "$2" in *ensurepip*) exit 1;; *) exit 0;; esac')
    run = make(tmp_path, "setup", f"PYTHON={python}")
    assert run.returncode != 0
    assert "python3-venv" in run.stderr


@pytest.mark.parametrize("target", ["setup", "run", "test", "check", "bench", "screenshots", "proof", "docs", "help"])
def test_help_names_every_target(tmp_path: Path, target: str) -> None:
    assert f"  {target} " in make(tmp_path, "help").stdout


def test_the_makefile_stays_short() -> None:
    assert len((ROOT / "Makefile").read_text().splitlines()) < 80
