"""Facts about comments as the notifier hears them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from coffer_chassis.ids import new_id
from coffer_contracts.event import Envelope
from coffer_contracts.ids import CommentId, UserId
from coffer_contracts.sharing_comments import CommentChangedV1, CommentCreatedV1, CommentDeletedV1, CommentFact
from factories.events import NOON
from factories.telling import Item, told

C = TypeVar("C", bound=CommentFact)


@dataclass(frozen=True)
class Comment:
    """A comment of somebody on an item, from which facts about it are made."""

    item: Item
    author: UserId
    mentioned: tuple[UserId, ...] = ()
    thread: str | None = None
    id: str = field(default_factory=new_id)

    def reply(self, author: UserId, mentioned: tuple[UserId, ...] = ()) -> "Comment":
        """Somebody replies."""
        return Comment(self.item, author, mentioned, self.id)

    def created(self, *, participants: tuple[UserId, ...] = (), at: datetime = NOON) -> Envelope[CommentCreatedV1]:
        """It was said."""
        return self._told(
            CommentCreatedV1, at=at, author_id=self.author, mentioned_ids=self.mentioned, participant_ids=participants
        )

    def changed(
        self, *changes: str, newly: tuple[UserId, ...] = (), sequence: int = 2, resolved_by: UserId | None = None
    ) -> Envelope[CommentChangedV1]:
        """Something about it is other than before."""
        return self._told(
            CommentChangedV1,
            sequence=sequence,
            author_id=self.author,
            mentioned_ids=self.mentioned,
            resolved_at=NOON if resolved_by else None,
            resolved_by=resolved_by,
            changes=changes,
            newly_mentioned_ids=newly,
        )

    def deleted(self, *, sequence: int = 9) -> Envelope[CommentDeletedV1]:
        """It is gone."""
        return self._told(CommentDeletedV1, sequence=sequence, deleted_at=NOON)

    def _told(self, kind: type[C], *, at: datetime = NOON, sequence: int = 1, **more: Any) -> Envelope[C]:
        fact = kind(
            comment_id=CommentId(self.id),
            thread_id=CommentId(self.thread or self.id),
            item_id=self.item.id,
            item_kind=self.item.kind,
            item_name=self.item.name,
            owner_id=self.item.owner,
            ancestor_ids=self.item.above,
            created_at=NOON,
            changed_at=NOON,
            **more,
        )
        return told(fact, actor=self.author, sequence=sequence, source="/sharing", at=at)
