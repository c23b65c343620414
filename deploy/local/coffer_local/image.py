"""Which packages an image holds: contracts, chassis and one service, copied as they are with the version they carry; and
the web app where it is served.

`python -m coffer_local.image SERVICE INTO` is run by deploy/docker/Dockerfile in the root of the repository, before anything
is installed: standard library only.
"""

import argparse
import shutil
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

GATEWAY = "gateway"
LOCAL = "local"
"""Jobs and the local cloud, which know every service."""
_SHARED = ("contracts/coffer_contracts", "chassis/coffer_chassis")
_DEPLOY = "deploy/local/coffer_local"


def packages(service: str, root: Path) -> list[Path]:
    """The folders of the packages that the image of `service` holds. Raises ValueError for a service that is none."""
    known = {package.parent.name: package for package in sorted(root.glob("services/*/coffer_*"))}
    match service:
        case "gateway":
            own = [root / _DEPLOY]
        case "local":
            own = [root / _DEPLOY, *known.values()]
        case _ if service in known:
            own = [known[service]]
        case _:
            raise ValueError(f"{service!r} is none of {', '.join([*known, GATEWAY, LOCAL])}")
    return [*(root / shared for shared in _SHARED), *own]


def requirements(service: str, root: Path) -> Path:
    """What has to be installed for it: a set of its own, or what every service needs."""
    own = root / "requirements" / f"{service}.txt"
    return own if own.exists() else root / "requirements" / "service.txt"


def assemble(service: str, into: Path, root: Path) -> None:
    """Copy the packages and say which version they are. Raises ValueError as `packages`, OSError if one is there already."""
    for package in packages(service, root):
        shutil.copytree(package, into / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    if service == GATEWAY:
        shutil.copytree(root / "web", into / "coffer_local" / "web")
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    told = into / f"coffer-{version}.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: coffer\nVersion: {version}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Assemble, or with `--requirements` only print what has to be installed; 2 for a service that is none."""
    parser = argparse.ArgumentParser(prog="python -m coffer_local.image", description="Put together what an image holds.")
    parser.add_argument("service")
    parser.add_argument("into", type=Path, nargs="?", help="the folder that Python finds packages in")
    parser.add_argument("--root", type=Path, default=Path())
    parser.add_argument("--requirements", action="store_true", help="print the file of what has to be installed")
    asked = parser.parse_args(arguments)
    if asked.requirements:
        sys.stdout.write(f"{requirements(asked.service, asked.root)}\n")
    if asked.into:
        try:
            assemble(asked.service, asked.into, asked.root)
        except ValueError as error:
            sys.stderr.write(f"No such image: {error}.\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
