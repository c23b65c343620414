"""What makers of public links send: links as they are wanted, and what is to be different about one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from litestar.params import PathParameter, QueryParameter
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from coffer_chassis.answers import Body
from coffer_chassis.cursors import Cursors, Listing, Value
from coffer_chassis.requests import IdText, Moment, known_id
from coffer_contracts.ids import LinkId
from coffer_contracts.problems import CursorInvalid
from coffer_contracts.sharing_links import LinkMode
from coffer_sharing.domain.links import MOST_DOWNLOADS, NAME_LENGTH, PASSWORD_LENGTH
from coffer_sharing.handlers.links import Place

LinkInPath = Annotated[str, PathParameter(description="The link's id.")]
OfSomeItem = Annotated[str | None, QueryParameter(description="Links to this item only; of one's own item everybody's.")]


def _utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PydanticCustomError("unreadable", "This holds broken characters.") from error
    return text


def _printable(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("unprintable", "A name has no control characters.")
    return text.strip()


Password = Annotated[
    str,
    Field(min_length=PASSWORD_LENGTH.start, max_length=PASSWORD_LENGTH.stop - 1),
    AfterValidator(_utf8),
]
Label = Annotated[str, Field(max_length=NAME_LENGTH), AfterValidator(_printable)]
Downloads = Annotated[int, Field(strict=True, ge=1, le=MOST_DOWNLOADS)]
Switch = Annotated[bool, Field(strict=True)]

MODES = (
    "`view`: look, without downloading. `download`: download as well. `edit`: change, add and remove as well. `upload_only`:"
    " only send files into a folder, seeing nothing of it."
)


class LinkBody(Body):
    """A link that is wanted."""

    item_id: IdText = Field(description="The file or folder that it leads to; what lies below a folder is reached with it.")
    mode: LinkMode = Field("view", description=MODES)
    password: Password | None = Field(None, description="What visitors have to know; nothing without it.")
    expires_at: Moment | None = Field(None, description="When it ends by itself; never without it.")
    max_downloads: Downloads | None = Field(None, description="How many downloads it allows in all; any number without it.")
    name: Label | None = Field(None, description="What you call it; visitors do not see it.")
    notify_on_upload: Switch = Field(False, description="Whether you want to be told of files that come through it.")


class LinkChangeBody(Body):
    """What is to be different; what is left out stays as it is."""

    mode: LinkMode | None = Field(None, description=MODES)
    password: Password | None = Field(None, description="Another password; null for none. Ends the sessions of visitors.")
    expires_at: Moment | None = Field(None, description="The new end; null for never.")
    max_downloads: Downloads | None = Field(None, description="How many downloads in all, those of before included; or null.")
    name: Label | None = Field(None, description="What you call it; null for nothing.")
    notify_on_upload: Switch | None = Field(None, description="Whether you want to be told of files that come through it.")
    disabled: Switch | None = Field(None, description="Shuts the link, or opens it again. Shutting ends sessions of visitors.")


NULLABLE = frozenset({"password", "expires_at", "max_downloads", "name"})
"""Of a change: null stands for nothing there, and elsewhere for what is left out."""


def link_in_path(text: str) -> LinkId:
    """The link that a path names. Raises NotFound for what is no id."""
    return LinkId(known_id(text))


def place_in(cursors: Cursors, cursor: str | None, listing: Listing) -> Place | None:
    """Where the page begins that a cursor stands for. Raises CursorInvalid."""
    if cursor is None:
        return None
    position: Sequence[Value] = cursors.open(cursor, listing)
    match position:
        case [datetime() as at, str() as row_id]:
            return at, row_id
    raise CursorInvalid
