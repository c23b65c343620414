"""What git holds of the contracts: as committed last, and as tagged with every release."""

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from factories.golden import ROOT


def _git(*arguments: str) -> bytes | None:
    """What git prints, or None where it refuses or there is none."""
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


@cache
def commits() -> tuple[str, ...]:
    """The newest commit and every release tag `v*`; empty outside of a repository and before the first commit."""
    if _git("rev-parse", "--verify", "--quiet", "HEAD") is None:
        return ()
    return ("HEAD", *(_git("tag", "--list", "v*") or b"").decode().split())


@cache
def _blob(name: str) -> bytes | None:
    """Most files are the same in every release; each is read once."""
    return _git("cat-file", "blob", name)


def committed(commit: str, folder: str) -> Iterator[tuple[Path, bytes]]:
    """The files of a folder below the root as they stood in a commit, by their path below the root."""
    listing = _git("ls-tree", "-r", "-z", "--full-tree", commit, f"{folder}/") or b""
    entries = [line.split(b"\t", 1) for line in listing.split(b"\0") if line]
    for attributes, name in entries:
        blob = attributes.split()[2].decode()
        content = _blob(blob)
        if content is not None:
            yield Path(name.decode()), content
