"""What requests of all services have in common: ids in paths, queries and bodies, page sizes, times, idempotency keys, and
the names under which handlers are given what they use.
"""

import re
from datetime import UTC, datetime
from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import HeaderParameter, QueryParameter
from pydantic import AfterValidator, AwareDatetime, BaseModel, StringConstraints
from pydantic_core import PydanticCustomError

from coffer_chassis.cursors import Cursors
from coffer_chassis.etags import Conditions
from coffer_chassis.idempotency import Claim, claim
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.problems import FieldError, NotFound, ValidationFailed

LARGEST_LIMIT = 1000

ThePrincipal = NamedDependency[Principal]
TheOrigin = NamedDependency[Origin]
TheConditions = NamedDependency[Conditions]
TheCursors = NamedDependency[Cursors]

IdempotencyKey = Annotated[str | None, HeaderParameter(name="Idempotency-Key", description="Repeating is safe for 24 hours.")]
Limit = Annotated[int, QueryParameter(description=f"Entries per page; brought into 1 to {LARGEST_LIMIT}.")]
Cursor = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.")]

ID_PATTERN = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_ID = re.compile(ID_PATTERN)

IdText = Annotated[str, StringConstraints(pattern=rf"^{ID_PATTERN}$", to_lower=True)]
"""An id in a body."""


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


def known_id(text: str) -> str:
    """An id of a path; raises NotFound for what cannot be one."""
    if not _ID.fullmatch(text):
        raise NotFound
    return text.lower()


def id_in_query(name: str, text: str) -> str:
    """An id of a query; raises ValidationFailed for what cannot be one."""
    if not _ID.fullmatch(text):
        raise refused(name, "invalid_id", "This is not an id.")
    return text.lower()


def refused(name: str, code: str, detail: str) -> ValidationFailed:
    """The refusal of one query parameter."""
    return ValidationFailed(detail, errors=(FieldError(f"/{name}", code, detail, "query"),))


def page_size(limit: int) -> int:
    """Into the range that is served."""
    return max(1, min(limit, LARGEST_LIMIT))


def claim_of(key: str | None, principal: Principal, route: str, body: BaseModel) -> Claim | None:
    """The use of an Idempotency-Key that a request makes, if it has one. Visitors of one link know nothing of each other."""
    who = f"{principal.grantee}/{principal.session_id}" if principal.kind == "link" else principal.grantee
    return claim(key, principal=who, route=route, body=body.model_dump(mode="json"))


def replay_header(replayed: bool) -> dict[str, str]:  # noqa: FBT001  # the only thing there is to say
    """Tells a repeated answer from a first one."""
    return {"Idempotent-Replayed": "true"} if replayed else {}
