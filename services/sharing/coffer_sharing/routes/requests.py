"""What requests to sharing have in common, beside what all services share (`coffer_chassis.requests`)."""

from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from coffer_chassis.requests import id_in_query, known_id
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import InvitationId, ItemId, ShareId, UserId
from coffer_sharing.handlers.deps import Deps

READ = "files:read"
WRITE = "shares:write"

DEFAULT_LIMIT = 100
NAME_LIMIT = 256
"""Characters of a user name that are looked at."""

TheDeps = NamedDependency[Deps]

InPath = Annotated[str, PathParameter(description="The share's id.")]
InvitationInPath = Annotated[str, PathParameter(description="The invitation's id.")]
OfItem = Annotated[str, QueryParameter(description="The file or folder.")]
OfPerson = Annotated[str | None, QueryParameter(description="Whose rights; default: the caller's own.")]
OfKind = Annotated[ItemKind | None, QueryParameter(description="Shares of files or of folders only.")]
Sort = Annotated[str, QueryParameter(description="`created_at` or `name` of the item; with `-` descending.")]


def share_in_path(text: str) -> ShareId:
    """The id of a path; raises NotFound for what cannot be one."""
    return ShareId(known_id(text))


def invitation_in_path(text: str) -> InvitationId:
    """The id of a path; raises NotFound for what cannot be one."""
    return InvitationId(known_id(text))


def item_in_query(text: str) -> ItemId:
    """The parameter `item_id`; raises ValidationFailed for what cannot be an id."""
    return ItemId(id_in_query("item_id", text))


def person_in_query(text: str | None) -> UserId | None:
    """The parameter `user_id`, if it is given; raises ValidationFailed for what cannot be an id."""
    return None if text is None else UserId(id_in_query("user_id", text))
