"""Comments with what people want to read about them: the names of everybody concerned. Those whose account was suspended or
deleted are shown as such, without a name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.etags import etag_of
from coffer_contracts.ids import UserId
from coffer_sharing.domain.comments import Comment
from coffer_sharing.store.people import Person, people_by_id

Standing = Literal["active", "suspended", "deleted", "unknown"]
"""Of an account; `unknown` as long as auth has not told."""


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person by the names they had last; only who has an account that is in use has any."""

    user_id: UserId
    status: Standing
    username: str | None = None
    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class ShownComment:
    """A comment as it is answered. The author is None for one that was deleted."""

    comment: Comment
    author: Somebody | None
    mentioned: list[Somebody]
    resolved_by: Somebody | None

    @property
    def etag(self) -> str:
        """Changes with everything that is shown, names included."""
        named = [one for one in (self.author, self.resolved_by, *self.mentioned) if one is not None]
        names = [part for one in named for part in (one.status, one.username or "", one.display_name or "")]
        return etag_of(self.comment.id, self.comment.revision, *names)


async def show_comments(connection: AsyncConnection, page: Sequence[Comment]) -> list[ShownComment]:
    """One statement, however many there are."""
    wanted = {user_id for comment in page for user_id in _concerned(comment)}
    known = await people_by_id(connection, wanted) if wanted else {}
    return [shown_comment(comment, known) for comment in page]


def shown_comment(comment: Comment, known: Mapping[UserId, Person]) -> ShownComment:
    """A comment with its names."""

    def somebody(user_id: UserId | None) -> Somebody | None:
        return _somebody(user_id, known.get(user_id)) if user_id is not None else None

    mentioned = [_somebody(user_id, known.get(user_id)) for user_id in comment.mentioned]
    return ShownComment(comment, somebody(comment.author_id), mentioned, somebody(comment.resolved_by))


def _concerned(comment: Comment) -> Iterable[UserId]:
    return (one for one in (comment.author_id, comment.resolved_by, *comment.mentioned) if one is not None)


def _somebody(user_id: UserId, person: Person | None) -> Somebody:
    if person is None:
        return Somebody(user_id, "unknown")
    if person.is_active:
        return Somebody(user_id, "active", person.username, person.display_name)
    return Somebody(user_id, "deleted" if person.status == "deleted" else "suspended")
