"""The types of events, as they were at build: nothing of it changes while the process runs."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from coffer_contracts.problems import NotFound
from coffer_notifier.domain.event_types import KnownType, known_types

WRITTEN = "event_types.json"
"""Beside the package's modules; generated with the documentation, so an image holds it without the golden files."""


@cache
def list_event_types() -> Mapping[str, KnownType]:
    """Every type, in the order of the catalog."""
    return known_types((files("coffer_notifier") / WRITTEN).read_text(encoding="utf-8"))


def find_event_type(wire_type: str) -> KnownType:
    """One of them. Raises NotFound."""
    known = list_event_types().get(wire_type)
    if known is None:
        raise NotFound
    return known
