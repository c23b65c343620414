"""What requests have in common: ids, page sizes, the names handlers are given by."""

import re
from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import QueryParameter

from coffer_chassis.cursors import Cursors
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.problems import FieldError, NotFound, ValidationFailed
from coffer_notifier.handlers.deps import Deps

READ = "events:read"

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 1000

ThePrincipal = NamedDependency[Principal]
TheOrigin = NamedDependency[Origin]
TheDeps = NamedDependency[Deps]
TheCursors = NamedDependency[Cursors]

Limit = Annotated[int, QueryParameter(description=f"Entries per page; brought into 1 to {LARGEST_LIMIT}.")]
Cursor = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.")]

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def known_id(text: str) -> str:
    """An id of a path; raises NotFound for what cannot be one."""
    if not _ID.fullmatch(text):
        raise NotFound
    return text.lower()


def id_in_query(name: str, text: str | None) -> str | None:
    """An id of a query; raises ValidationFailed for what cannot be one."""
    if text is None:
        return None
    if not _ID.fullmatch(text):
        raise refused(name, "invalid_id", "This is not an id.")
    return text.lower()


def refused(name: str, code: str, detail: str) -> ValidationFailed:
    """The refusal of one query parameter."""
    return ValidationFailed(detail, errors=(FieldError(f"/{name}", code, detail, "query"),))


def page_size(limit: int) -> int:
    """Into the range that is served."""
    return max(1, min(limit, LARGEST_LIMIT))
