"""What requests about comments say: bodies and parameters."""

from typing import Annotated, Self

from litestar.params import PathParameter, QueryParameter
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from coffer_chassis.answers import Body
from coffer_chassis.requests import IdText, known_id, refused
from coffer_contracts.ids import CommentId, ItemId, UserId
from coffer_sharing.domain import Named
from coffer_sharing.domain.comments import LAST_PAGE, MOST_MENTIONS, TEXT_LENGTH, Anchor
from coffer_sharing.handlers.comments import Remark

WRITE = "files:write"
"""A comment is about content and gives nobody access, so it takes what changing items takes, and not `shares:write`."""

NAME_LIMIT = 256
"""Characters of a user name that are looked at."""

CommentInPath = Annotated[str, PathParameter(description="The comment's id.")]
Resolved = Annotated[bool | None, QueryParameter(description="Only threads that are resolved, or only such that are not.")]
ThreadSort = Annotated[str, QueryParameter(description="`created_at` of threads; with `-` the newest thread first.")]

_ID = "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"
COMMENT_EXAMPLE = {
    "item_id": _ID,
    "body": "Is **this** the last version, @grace?",
    "mentions": [{"username": "grace"}],
    "anchor": {"page": 3, "x": 0.25, "y": 0.8},
}
_TEXT = "Text in the subset of Markdown of docs/comments.md. It is kept as given and never made into HTML here."


class Mention(Body):
    """Somebody with an account, by one of the two."""

    user_id: IdText | None = Field(None, description="By id.")
    username: str | None = Field(None, max_length=NAME_LIMIT, description="By user name, however it is spelled.")

    @model_validator(mode="after")
    def _one_way_to_name_them(self) -> Self:
        if (self.user_id is None) == (self.username is None):
            raise PydanticCustomError("one_of", "Name a person by user_id or by username, one of the two.")
        return self

    @property
    def named(self) -> Named:
        """As the store looks for them."""
        return Named(None if self.user_id is None else UserId(self.user_id), self.username)


class AnchorBody(Body):
    """A point that a thread is about."""

    page: int = Field(strict=True, ge=1, le=LAST_PAGE, description="The page, from 1 on; 1 for pictures.")
    x: float = Field(ge=0, le=1, allow_inf_nan=False, description="How far from the left, in parts of the width.")
    y: float = Field(ge=0, le=1, allow_inf_nan=False, description="How far from the top, in parts of the height.")


class CommentBody(Body):
    """What is said, about what, and to whom."""

    item_id: IdText = Field(description="The file or folder.")
    body: str = Field(min_length=1, max_length=TEXT_LENGTH, description=_TEXT)
    parent_id: IdText | None = Field(None, description="The comment that this replies to, which is no reply itself.")
    anchor: AnchorBody | None = Field(None, description="The point it is about; not for replies.")
    mentions: list[Mention] = Field(
        [], max_length=MOST_MENTIONS, description="Who is addressed. Those who may see the item are told of it."
    )

    @property
    def remark(self) -> Remark:
        """As the handler takes it."""
        anchor = Anchor(self.anchor.page, self.anchor.x, self.anchor.y) if self.anchor else None
        parent_id = CommentId(self.parent_id) if self.parent_id else None
        return Remark(ItemId(self.item_id), self.body, [one.named for one in self.mentions], parent_id, anchor)


class CommentChangeBody(Body):
    """What is to be different; what is left out, or null, stays as it is."""

    body: str | None = Field(None, min_length=1, max_length=TEXT_LENGTH, description=_TEXT)
    mentions: list[Mention] | None = Field(
        None, max_length=MOST_MENTIONS, description="All who are addressed now. Only those who were not before are told."
    )


def comment_in_path(text: str) -> CommentId:
    """The id of a path; raises NotFound for what cannot be one."""
    return CommentId(known_id(text))


def newest_first(sort: str) -> bool:
    """The order of threads. Raises ValidationFailed for any other than by `created_at`."""
    if sort.removeprefix("-") != "created_at":
        raise refused("sort", "not_allowed", "Threads are sorted by created_at, with a minus in front the newest first.")
    return sort.startswith("-")
