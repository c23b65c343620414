"""What the launcher says when it cannot do what it is asked: one sentence, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from coffer_local.home import Home, write_private

pytestmark = pytest.mark.slow  # every test starts Python anew


def launched(home: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "coffer_local", *arguments]
    settings = os.environ | {"COFFER_HOME": str(home)} | variables
    ended = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stderr


def test_a_command_needs_a_running_stack(tmp_path: Path) -> None:
    with Home.open(tmp_path / "coffer") as home:
        write_private(home.run / "environment", b"export A=b\n")
    code, told = launched(home.path, "exec", "true")
    assert code == 1
    assert told.startswith(f"Coffer: No Coffer is running on {home.path}")


@pytest.mark.parametrize(
    ("command", "reason"), [([], "Say which command"), (["no-such-program"], "no-such-program cannot be run")]
)
def test_a_command_that_is_none_is_named(tmp_path: Path, command: list[str], reason: str) -> None:
    with Home.open(tmp_path / "coffer") as home:
        write_private(home.run / "environment", b"")
        code, told = launched(home.path, "exec", *command)
    assert code == 1
    assert reason in told


def test_a_list_that_is_no_json_is_named(tmp_path: Path) -> None:
    code, told = launched(tmp_path, COFFER_TRUSTED_ISSUERS="auth")
    assert code == 2
    assert "trusted_issuers" in told


@pytest.mark.parametrize("address", ["coffer.example.org", "ftp://coffer.example.org", "https://"])
def test_an_address_that_no_browser_opens_is_named(tmp_path: Path, address: str) -> None:
    code, told = launched(tmp_path, COFFER_PUBLIC_URL=address)
    assert code == 2
    assert "COFFER_PUBLIC_URL" in told
