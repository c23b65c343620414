"""What requests to files have in common, beside what all services share (`coffer_chassis.requests`)."""

from collections.abc import Collection
from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from pydantic import StringConstraints

from coffer_chassis.requests import ID_PATTERN, known_id, refused
from coffer_chassis.tickets import TicketVerifier
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.items import ROOT

READ = "files:read"
WRITE = "files:write"

NO_STORE = "private, no-store"
DEFAULT_LIMIT = 100

TheDeps = NamedDependency[Deps]
TheTickets = NamedDependency[TicketVerifier]

InPath = Annotated[str, PathParameter(description="An id; for items also `root`, the caller's own root folder.")]
Included = Annotated[str, QueryParameter(description="What is added, separated by commas.")]

ItemRef = Annotated[str, StringConstraints(pattern=rf"^(root|{ID_PATTERN})$")]
"""An item's id in a body, or `root`."""


def item_ref(text: str) -> str:
    """An id of a path, or `root`; raises NotFound for what cannot be one."""
    return text if text == ROOT else known_id(text)


SHOWN_WITH = frozenset({"path", "permissions"})
"""What can be added to a single item."""


def included(text: str, known: Collection[str]) -> frozenset[str]:
    """The words of an `include` parameter; raises ValidationFailed for one that is not known there."""
    words = frozenset(word.strip() for word in text.split(",") if word.strip())
    if not words <= frozenset(known):
        raise refused("include", "unknown_word", f"Any of {', '.join(sorted(known))}, separated by commas.")
    return words
