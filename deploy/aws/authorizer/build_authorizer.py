"""Builds the Lambda function's archive: `python deploy/aws/authorizer/build_authorizer.py authorizer.zip`.

Holds the entry point, the few modules of chassis and contracts that it imports, and its pinned dependencies as wheels.
"""

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
REQUIREMENTS = ROOT / "requirements/authorizer.txt"
MODULES = (
    "deploy/aws/authorizer/coffer_authorizer.py",
    *(
        f"chassis/coffer_chassis/{name}.py"
        for name in (
            "__init__",
            "bearer",
            "clock",
            "identity",
            "keysets",
            "sightings",
            "tickets",
            "trusted",
            "logs",
            "tracing",
            "trace_headers",
            "ids",
        )
    ),
    *(f"contracts/coffer_contracts/{name}.py" for name in ("__init__", "ids", "problem", "problems")),
)
PLATFORMS = {"x86_64": "manylinux2014_x86_64", "arm64": "manylinux2014_aarch64"}
DATE = (1980, 1, 1, 0, 0, 0)
"""The same bytes for the same sources."""


def lay_out(folder: Path) -> None:
    """Copy the modules as they are imported."""
    for module in MODULES:
        source = ROOT / module
        inside = source.name if module.startswith("deploy/") else f"{source.parent.name}/{source.name}"
        (folder / inside).parent.mkdir(parents=True, exist_ok=True)
        (folder / inside).write_bytes(source.read_bytes())


def install(folder: Path, *, architecture: str, python: str) -> None:
    """Put the pinned dependencies beside them, by hash. Raises CalledProcessError."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:"]
    command += ["--target", str(folder), "--platform", PLATFORMS[architecture], "--python-version", python]
    subprocess.run([*command, "-r", str(REQUIREMENTS)], check=True)  # noqa: S603  # our own arguments


def pack(folder: Path, archive: Path) -> None:
    """Write the archive."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)), DATE)
            entry.external_attr = 0o644 << 16
            zipped.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def main() -> int:
    """Run the command; its exit code."""
    parser = argparse.ArgumentParser(description="Build the archive of the Lambda authorizer.")
    parser.add_argument("archive", type=Path)
    parser.add_argument("--architecture", choices=sorted(PLATFORMS), default="arm64")
    parser.add_argument("--python", default="3.12", help="of the Lambda runtime; default: 3.12")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))
        install(Path(folder), architecture=asked.architecture, python=asked.python)
        pack(Path(folder), asked.archive)
    sys.stdout.write(f"{asked.archive}: {asked.archive.stat().st_size // 1024} KiB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
