"""What requests have in common: ids in paths, page sizes, idempotency keys, the names handlers are given by."""

import re
from datetime import UTC, datetime
from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import HeaderParameter, PathParameter, QueryParameter
from pydantic import AfterValidator, AwareDatetime, BaseModel, StringConstraints
from pydantic_core import PydanticCustomError

from coffer_chassis.cursors import Cursors
from coffer_chassis.etags import Conditions
from coffer_chassis.idempotency import Claim, claim
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.problems import NotFound
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.items import ROOT

READ = "files:read"
WRITE = "files:write"

NO_STORE = "private, no-store"
DEFAULT_LIMIT = 100
LARGEST_LIMIT = 1000

ThePrincipal = NamedDependency[Principal]
TheOrigin = NamedDependency[Origin]
TheDeps = NamedDependency[Deps]
TheConditions = NamedDependency[Conditions]
TheCursors = NamedDependency[Cursors]

InPath = Annotated[str, PathParameter(description="An id; for items also `root`, the caller's own root folder.")]
IdempotencyKey = Annotated[str | None, HeaderParameter(name="Idempotency-Key", description="Repeating is safe for 24 hours.")]
Limit = Annotated[int, QueryParameter(description=f"Items per page; brought into 1 to {LARGEST_LIMIT}.")]
Cursor = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.")]
Included = Annotated[str, QueryParameter(description="What is added, separated by commas.")]

IdText = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
"""An id in a body."""

ItemRef = Annotated[str, StringConstraints(pattern=r"^(root|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$")]
"""An item's id in a body, or `root`."""


def _in_calendar(moment: datetime) -> datetime:
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        moment = datetime.max.replace(tzinfo=UTC)
    # asyncpg takes the first and the last datetime for PostgreSQL's infinities and reads them without a zone.
    if not 1 < moment.year < 9999:
        raise PydanticCustomError("out_of_range", "The time is not between the years 2 and 9998 in UTC.")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_in_calendar)]
"""A time in a body, brought to UTC."""

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def item_ref(text: str) -> str:
    """An id of a path, or `root`; raises NotFound for what cannot be one."""
    return text if text == ROOT else known_id(text)


def known_id(text: str) -> str:
    """An id of a path; raises NotFound for what cannot be one."""
    if not _ID.fullmatch(text):
        raise NotFound
    return text.lower()


def page_size(limit: int) -> int:
    """Into the range that is served."""
    return max(1, min(limit, LARGEST_LIMIT))


def included(text: str) -> frozenset[str]:
    """The words of an `include` parameter."""
    return frozenset(word.strip() for word in text.split(",") if word.strip())


def claim_of(key: str | None, principal: Principal, route: str, body: BaseModel) -> Claim | None:
    """The use of an Idempotency-Key that a request makes, if it has one."""
    return claim(key, principal=principal.grantee, route=route, body=body.model_dump(mode="json"))


def replay_header(replayed: bool) -> dict[str, str]:  # noqa: FBT001  # the only thing there is to say
    """Tells a repeated answer from a first one."""
    return {"Idempotent-Replayed": "true"} if replayed else {}
