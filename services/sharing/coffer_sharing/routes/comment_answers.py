"""How comments look on the wire. Text goes out as it came in, in JSON; whoever shows it makes it harmless first."""

import msgspec

from coffer_chassis.answers import Timestamp, timestamp
from coffer_sharing.domain.comments import Anchor
from coffer_sharing.handlers.comments_showing import ShownComment, Somebody, Standing


class CommenterAnswer(msgspec.Struct, frozen=True):
    """Somebody. Names are null for accounts that were suspended or deleted, and until auth has told them (`unknown`)."""

    id: str
    status: Standing
    username: str | None
    display_name: str | None


class AnchorAnswer(msgspec.Struct, frozen=True):
    """A point: the page, from 1 on, and where on it in parts of its width and height from the top left."""

    page: int
    x: float
    y: float


class CommentAnswer(msgspec.Struct, frozen=True):
    """A comment. `parent_id` is null for the beginning of a thread; only that has an anchor and is resolved. One that was
    deleted while it has replies keeps its place: `deleted_at` is set, `body` and `author` are null.
    """

    id: str
    item_id: str
    parent_id: str | None
    author: CommenterAnswer | None
    body: str | None
    mentions: list[CommenterAnswer]
    anchor: AnchorAnswer | None
    created_at: Timestamp
    edited_at: Timestamp | None
    changed_at: Timestamp
    resolved_at: Timestamp | None
    resolved_by: CommenterAnswer | None
    deleted_at: Timestamp | None
    etag: str


class CommentsPage(msgspec.Struct, frozen=True):
    """Part of the comments of an item, replies behind what they reply to; `next_cursor` is null at the end and nowhere else."""

    items: list[CommentAnswer]
    next_cursor: str | None


def comment_answer(shown: ShownComment) -> CommentAnswer:
    """A comment."""
    comment = shown.comment
    return CommentAnswer(
        comment.id,
        comment.item_id,
        comment.parent_id,
        _commenter(shown.author) if shown.author else None,
        comment.text,
        [_commenter(one) for one in shown.mentioned],
        _anchor(comment.anchor) if comment.anchor else None,
        timestamp(comment.created_at),
        timestamp(comment.edited_at) if comment.edited_at else None,
        timestamp(comment.changed_at),
        timestamp(comment.resolved_at) if comment.resolved_at else None,
        _commenter(shown.resolved_by) if shown.resolved_by else None,
        timestamp(comment.deleted_at) if comment.deleted_at else None,
        shown.etag,
    )


def _commenter(somebody: Somebody) -> CommenterAnswer:
    return CommenterAnswer(somebody.user_id, somebody.status, somebody.username, somebody.display_name)


def _anchor(anchor: Anchor) -> AnchorAnswer:
    return AnchorAnswer(anchor.page, anchor.x, anchor.y)
