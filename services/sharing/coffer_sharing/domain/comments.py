"""The rules of comments: what may stand in one, who may do what with it, and what becomes of it. Pure.

A thread is a comment with its replies, one level. Text is kept as it was given; nothing here reads or renders its markup.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from coffer_contracts.ids import CommentId, ItemId, UserId
from coffer_contracts.problems import FieldError, ValidationFailed

TEXT_LENGTH: Final = 4000
"""Characters of one comment."""
MOST_MENTIONS: Final = 20
MOST_ON_ITEM: Final = 5000
"""Comments of one item, replies included."""
MOST_PARTICIPANTS: Final = 100
"""Who are told of a reply: those who wrote in the thread last."""
LAST_PAGE: Final = 1_000_000

Change = Literal["body", "mentions", "resolved"]
TextFault = Literal["empty", "control_character", "bidi_override"]

_LINE_END = re.compile(r"\r\n?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BIDI = re.compile(r"[\u202a-\u202e\u2066-\u2069]")

_FAULTS: dict[TextFault, str] = {
    "empty": "There is nothing to read in it.",
    "control_character": "Beside line breaks and tabs a comment holds no control characters.",
    "bidi_override": "A comment cannot contain characters that reverse the reading direction: they disguise what is written.",
}


class Anchor(NamedTuple):
    """The point that a thread is about: a page from 1 on, and where on it from the top left, in parts of width and height."""

    page: int
    x: float
    y: float


class Comment(NamedTuple):
    """A row of `comments`, in the order of its columns. Listings make these by the hundred, hence a tuple."""

    id: CommentId
    item_id: ItemId
    thread_id: CommentId
    """The comment that began the thread; its own id if it is that one."""
    is_reply: bool
    author_id: UserId | None
    """None, like the text, once it was deleted but is kept for its replies."""
    text: str | None
    mentioned: Sequence[UserId]
    anchor_page: int | None
    anchor_x: float | None
    anchor_y: float | None
    replies: int
    created_at: datetime
    edited_at: datetime | None
    changed_at: datetime
    revision: int
    resolved_at: datetime | None
    resolved_by: UserId | None
    deleted_at: datetime | None

    @property
    def parent_id(self) -> CommentId | None:
        """What it replies to."""
        return self.thread_id if self.is_reply else None

    @property
    def anchor(self) -> Anchor | None:
        """Where its thread stands."""
        if self.anchor_page is None or self.anchor_x is None or self.anchor_y is None:
            return None
        return Anchor(self.anchor_page, self.anchor_x, self.anchor_y)

    def edited(self, text: str, mentioned: Sequence[UserId], now: datetime) -> tuple["Comment", tuple[Change, ...]]:
        """With this text and these mentions, and which of the two that changes; neither leaves it as it is."""
        changes: list[Change] = []
        if text != self.text:
            changes.append("body")
        if set(mentioned) != set(self.mentioned):
            changes.append("mentions")
        if not changes:
            return self, ()
        edited_at = now if "body" in changes else self.edited_at
        after = self._replace(text=text, mentioned=mentioned, edited_at=edited_at)
        return after.changed(now), tuple(changes)

    def resolved(self, by: UserId | None, now: datetime) -> "Comment":
        """Its thread as resolved by somebody, or open again (None)."""
        return self._replace(resolved_at=now if by else None, resolved_by=by).changed(now)

    def deleted(self, now: datetime) -> "Comment":
        """What remains of it: neither text nor author, but its place, which its replies need."""
        return self._replace(author_id=None, text=None, mentioned=(), deleted_at=now).changed(now)

    def changed(self, now: datetime) -> "Comment":
        """As of now, at the next revision."""
        return self._replace(changed_at=now, revision=self.revision + 1)


class ThreadPlace(NamedTuple):
    """The place of a comment in every list: threads by their beginning, in a thread its beginning and then its replies."""

    thread_id: CommentId
    is_reply: bool
    id: CommentId


@dataclass(frozen=True, slots=True)
class Reading:
    """Which part of the comments of an item is asked for."""

    limit: int
    newest_first: bool = True
    """Of threads; replies stand oldest first in any case."""
    resolved: bool | None = None
    """Only threads that are, or are not."""
    after: ThreadPlace | None = None


def accept_text(text: str) -> str:
    """The text as it is kept: as given, but with a line feed for every kind of line end. Raises ValidationFailed."""
    text = _LINE_END.sub("\n", text)
    fault = _fault_of(text)
    if fault is not None:
        raise invalid("/body", fault, _FAULTS[fault])
    return text


def _fault_of(text: str) -> TextFault | None:
    if not text.strip():
        return "empty"
    if _CONTROL.search(text):
        return "control_character"
    return "bidi_override" if _BIDI.search(text) else None


def accept_mentions(found: Iterable[UserId | None]) -> list[UserId]:
    """Who is mentioned, each once; `found` holds, in the order of the request, whom each mention stands for.

    Raises ValidationFailed that points at everybody who is unknown. Whether they may see the item is not said here: whoever
    comments would learn who else can.
    """
    mentioned = list(found)
    errors = tuple(
        FieldError(f"/mentions/{position}", "unknown_person", "There is nobody of this name or id.")
        for position, user_id in enumerate(mentioned)
        if user_id is None
    )
    if errors:
        raise ValidationFailed(errors[0].detail, errors=errors)
    return [*dict.fromkeys(user_id for user_id in mentioned if user_id is not None)]


def may_edit(comment: Comment, user_id: UserId) -> bool:
    """Whether the comment is theirs."""
    return comment.author_id == user_id


def may_delete(comment: Comment, user_id: UserId, owner_id: UserId) -> bool:
    """Authors delete their own, the owner of the item any."""
    return user_id == owner_id or may_edit(comment, user_id)


def may_resolve(comment: Comment, user_id: UserId, *, may_write: bool) -> bool:
    """Whoever began the thread, and whoever may change the item."""
    return may_write or may_edit(comment, user_id)


def newly(mentioned: Collection[UserId], before: Collection[UserId]) -> list[UserId]:
    """Those who were not mentioned before."""
    return [user_id for user_id in mentioned if user_id not in before]


def invalid(pointer: str, code: str, detail: str) -> ValidationFailed:
    """The refusal of one field."""
    return ValidationFailed(detail, errors=(FieldError(pointer, code, detail),))
