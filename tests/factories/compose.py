"""docker-compose.yml as Docker Compose reads it: variables filled in, containers as values. Starts nothing."""

import graphlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"

_INNERMOST = re.compile(r"\$\{([A-Z0-9_]+)(?::-([^${}]*))?\}")


@dataclass(frozen=True)
class Container:
    """One service of the file."""

    name: str
    raw: Mapping[str, Any]

    @property
    def image(self) -> str | None:
        """Which image of ours it runs, as the Dockerfile's SERVICE; None for somebody else's."""
        service = self.raw.get("build", {}).get("args", {}).get("SERVICE")
        return str(service) if service else None

    @property
    def command(self) -> list[str]:
        """What the image's entry point is given."""
        return [str(word) for word in self.raw["command"]]

    @property
    def environment(self) -> dict[str, str]:
        """What stands in the file; a container has its own file of secrets besides."""
        return {name: str(value) for name, value in self.raw.get("environment", {}).items()}

    @property
    def mounts(self) -> dict[str, tuple[str, bool]]:
        """Path in the container -> volume, and whether it may be written."""
        parts = [mount.split(":") for mount in self.raw.get("volumes", ())]
        return {part[1]: (part[0], part[2:] != ["ro"]) for part in parts}

    @property
    def networks(self) -> set[str]:
        """Which networks it is on."""
        return set(self.raw.get("networks", ()))

    @property
    def needs(self) -> dict[str, str]:
        """Container -> the condition it must be in before this one starts."""
        return {name: how["condition"] for name, how in self.raw.get("depends_on", {}).items()}

    @property
    def is_job(self) -> bool:
        """Whether it ends by itself."""
        return bool(self.raw.get("restart") == "no")

    @property
    def probe(self) -> list[str]:
        """The command that tells whether it is healthy."""
        return [str(word) for word in self.raw["healthcheck"]["test"][1:]]


def filled_in(value: Any, environ: Mapping[str, str]) -> Any:
    """A part of the file with `${NAME}` and `${NAME:-default}` replaced, defaults within defaults included."""
    if isinstance(value, dict):
        return {key: filled_in(inner, environ) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled_in(inner, environ) for inner in value]
    while isinstance(value, str) and _INNERMOST.search(value):
        value = _INNERMOST.sub(lambda match: environ.get(match[1]) or match[2] or "", value)
    return value


@cache
def document() -> dict[str, Any]:
    """The whole file, as it is written."""
    loaded: dict[str, Any] = YAML(typ="safe").load(FILE)
    return loaded


def containers(environ: Mapping[str, str] | None = None) -> dict[str, Container]:
    """The containers by name, filled in with these variables."""
    return {name: Container(name, filled_in(raw, environ or {})) for name, raw in document()["services"].items()}


def start_order(found: Mapping[str, Container]) -> list[str]:
    """Names so that each stands after everything it needs; raises graphlib.CycleError."""
    return list(graphlib.TopologicalSorter({name: set(one.needs) for name, one in found.items()}).static_order())


def needs_of(found: Mapping[str, Container], name: str) -> set[str]:
    """Everything that must be there before a container starts, however far away."""
    direct = set(found[name].needs)
    return direct.union(*(needs_of(found, one) for one in direct))
