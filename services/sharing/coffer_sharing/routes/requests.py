"""What requests have in common: ids, page sizes, idempotency keys, the names handlers are given by."""

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
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ItemId, ShareId, UserId
from coffer_contracts.problems import FieldError, NotFound, ValidationFailed
from coffer_sharing.handlers.deps import Deps

READ = "files:read"
WRITE = "shares:write"

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 1000

ThePrincipal = NamedDependency[Principal]
TheOrigin = NamedDependency[Origin]
TheDeps = NamedDependency[Deps]
TheConditions = NamedDependency[Conditions]
TheCursors = NamedDependency[Cursors]

InPath = Annotated[str, PathParameter(description="The share's id.")]
OfItem = Annotated[str, QueryParameter(description="The file or folder.")]
OfPerson = Annotated[str | None, QueryParameter(description="Whose rights; default: the caller's own.")]
OfKind = Annotated[ItemKind | None, QueryParameter(description="Shares of files or of folders only.")]
Sort = Annotated[str, QueryParameter(description="`created_at` or `name` of the item; with `-` descending.")]
Limit = Annotated[int, QueryParameter(description=f"Shares per page; brought into 1 to {LARGEST_LIMIT}.")]
Cursor = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.")]
IdempotencyKey = Annotated[str | None, HeaderParameter(name="Idempotency-Key", description="Repeating is safe for 24 hours.")]

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_ID = re.compile(_UUID)

IdText = Annotated[str, StringConstraints(pattern=rf"^{_UUID}$", to_lower=True)]
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


def share_in_path(text: str) -> ShareId:
    """The id of a path; raises NotFound for what cannot be one."""
    if not _ID.fullmatch(text):
        raise NotFound
    return ShareId(text.lower())


def item_in_query(text: str) -> ItemId:
    """The parameter `item_id`; raises ValidationFailed for what cannot be an id."""
    return ItemId(_id_in_query("item_id", text))


def person_in_query(text: str | None) -> UserId | None:
    """The parameter `user_id`, if it is given; raises ValidationFailed for what cannot be an id."""
    return None if text is None else UserId(_id_in_query("user_id", text))


def _id_in_query(name: str, text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValidationFailed(
            f"{name} is no id.", errors=(FieldError(f"/{name}", "wrong_pattern", "An id is a UUID.", "query"),)
        )
    return text.lower()


def page_size(limit: int) -> int:
    """Into the range that is served."""
    return max(1, min(limit, LARGEST_LIMIT))


def claim_of(key: str | None, principal: Principal, route: str, body: BaseModel) -> Claim | None:
    """The use of an Idempotency-Key that a request makes, if it has one."""
    return claim(key, principal=principal.grantee, route=route, body=body.model_dump(mode="json"))


def replay_header(replayed: bool) -> dict[str, str]:  # noqa: FBT001  # the only thing there is to say
    """Tells a repeated answer from a first one."""
    return {"Idempotent-Replayed": "true"} if replayed else {}
