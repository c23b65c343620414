"""Facts about comments as they are published. Of the people in them only those are named who may see the item at that moment:
what others are told of it would be news of something that is not for them.
"""

from collections.abc import Collection, Sequence
from typing import Any

from coffer_chassis.access import Grant, Rights, rights_on
from coffer_chassis.copies.tree import Standing
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import UserId
from coffer_contracts.sharing_comments import CommentChangedV1, CommentCreatedV1, CommentDeletedV1
from coffer_sharing.domain.comments import MOST_PARTICIPANTS, Change, Comment
from coffer_sharing.store.comments import shares_with_any, writers_in
from coffer_sharing.store.shares import grant_of


async def tell_commented(unit: Unit, comment: Comment, at: Standing) -> None:
    """Somebody commented or replied. At most two statements, none for a comment that neither replies nor mentions."""
    wrote: list[UserId] = []
    if comment.is_reply:
        writers = await writers_in(unit.connection, comment.item_id, comment.thread_id, MOST_PARTICIPANTS + 1)
        wrote = [user_id for user_id in writers if user_id != comment.author_id][:MOST_PARTICIPANTS]
    readers = await _readers_among(unit, at, {*wrote, *comment.mentioned})
    participants = tuple(user_id for user_id in wrote if user_id in readers)
    fact = CommentCreatedV1(
        **_standing(comment, at),
        author_id=comment.author_id,
        mentioned_ids=_named(comment, readers),
        participant_ids=participants,
    )
    unit.emit(fact, sequence=comment.revision)


async def tell_comment_changed(
    unit: Unit, comment: Comment, at: Standing, changes: Sequence[Change], newly_mentioned: Collection[UserId] = ()
) -> None:
    """Something about a comment is other than before. One statement at most."""
    readers = await _readers_among(unit, at, comment.mentioned)
    new = tuple(user_id for user_id in newly_mentioned if user_id in readers)
    fact = CommentChangedV1(
        **_standing(comment, at),
        author_id=comment.author_id,
        mentioned_ids=_named(comment, readers),
        edited_at=comment.edited_at,
        resolved_at=comment.resolved_at,
        resolved_by=comment.resolved_by,
        changes=tuple(changes),
        newly_mentioned_ids=new,
    )
    unit.emit(fact, sequence=comment.revision)


def tell_comment_deleted(unit: Unit, comment: Comment, at: Standing) -> None:
    """A comment is gone; `comment` is what remains of it, or would."""
    fact = CommentDeletedV1(**_standing(comment, at), deleted_at=unit.now)
    unit.emit(fact, sequence=comment.revision)


async def _readers_among(unit: Unit, at: Standing, people: Collection[UserId]) -> set[UserId]:
    if not people:
        return set()
    given: dict[str, list[Grant]] = {}
    for share in await shares_with_any(unit.connection, [*at.ancestor_ids, at.item_id], people):
        given.setdefault(share.grantee, []).append(grant_of(share))

    def reads(user_id: UserId) -> bool:
        grantee = f"user/{user_id}"
        return Rights.READ in rights_on(at.place, grantee, given.get(grantee, ()), unit.now)

    return {user_id for user_id in people if reads(user_id)}


def _named(comment: Comment, readers: Collection[UserId]) -> tuple[UserId, ...]:
    return tuple(user_id for user_id in comment.mentioned if user_id in readers)


def _standing(comment: Comment, at: Standing) -> dict[str, Any]:
    return {
        "comment_id": comment.id,
        "thread_id": comment.thread_id,
        "item_id": at.item_id,
        "item_kind": at.kind,
        "item_name": at.name,
        "owner_id": at.owner_id,
        "ancestor_ids": at.ancestor_ids,
        "created_at": comment.created_at,
        "changed_at": comment.changed_at,
    }
