"""Facts about comments. What a comment says is in none of them: text that was told could not be taken back when its author
changes or deletes it, or when a reader may no longer see the item. Whoever may see the comment reads it at sharing.
"""

from typing import ClassVar

from coffer_contracts.event import Event, Moment, described
from coffer_contracts.files import OpenItemKind
from coffer_contracts.ids import CommentId, ItemId, UserId

MENTIONED = "Whom it mentions, of those who might see the item at that moment."


class CommentFact(Event):
    """A comment on an item, as it stands after the fact."""

    comment_id: CommentId = described(description="The comment.")
    thread_id: CommentId = described(description="The comment that began its thread: its own id, or what it replies to.")
    item_id: ItemId = described(description="The file or folder that it is about.")
    item_kind: OpenItemKind = described(description="What that is.")
    item_name: str = described(description="Its name at that moment.")
    owner_id: UserId = described(description="Whose drive the item lives in.")
    ancestor_ids: tuple[ItemId, ...] = described(description="Folders above the item, the drive's root first, parent last.")
    created_at: Moment = described(description="When it was written.")
    changed_at: Moment = described(description="When anything about it was last changed.")

    @property
    def subject(self) -> str:
        return f"comment/{self.comment_id}"


class CommentCreatedV1(CommentFact):
    """Somebody commented on an item, or replied to a comment."""

    type: ClassVar[str] = "sharing.comment.created.v1"

    author_id: UserId = described(description="Who wrote it.")
    mentioned_ids: tuple[UserId, ...] = described(description=MENTIONED, max_length=20)
    participant_ids: tuple[UserId, ...] = described(
        (),
        description="Of a reply: who wrote in the thread before, without its author, of those who might see the item then.",
        max_length=100,
    )


class CommentChangedV1(CommentFact):
    """The text or the mentions of a comment changed, or its thread was resolved or opened again."""

    type: ClassVar[str] = "sharing.comment.changed.v1"

    author_id: UserId | None = described(None, description="Who wrote it; absent for one of which only its place is left.")
    mentioned_ids: tuple[UserId, ...] = described(description=MENTIONED, max_length=20)
    edited_at: Moment | None = described(None, description="When its text was last changed; null for never.")
    resolved_at: Moment | None = described(None, description="When its thread was resolved; null while it is open.")
    resolved_by: UserId | None = described(None, description="Who resolved the thread.")
    changes: tuple[str, ...] = described(
        description="What changed, stable words; more may come: `body`, `mentions`, `resolved`.", min_length=1
    )
    newly_mentioned_ids: tuple[UserId, ...] = described(
        (), description="Those of the mentioned who were not mentioned before.", max_length=20
    )


class CommentDeletedV1(CommentFact):
    """A comment was deleted, by its author or by the owner of the item. Comments of an item that is gone for good go with it
    and are not told one by one.
    """

    type: ClassVar[str] = "sharing.comment.deleted.v1"

    deleted_at: Moment = described(description="When it was deleted.")
