"""Resolving threads, deleting comments, and removing those of items that are gone for good."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Rights
from coffer_chassis.etags import Conditions
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import CommentId, ItemId, UserId
from coffer_contracts.problems import Forbidden, StateConflict
from coffer_sharing.domain.comments import Comment, may_delete, may_resolve
from coffer_sharing.handlers.comments import hold_comment
from coffer_sharing.handlers.comments_facts import tell_comment_changed, tell_comment_deleted
from coffer_sharing.handlers.comments_showing import ShownComment, show_comments
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.store import comments as rows

GONE_PAGE = 500
"""Comments of an item that is gone which one transaction removes."""


async def resolve_thread(
    deps: Deps, principal: Principal, origin: Origin, comment_id: CommentId, conditions: Conditions, *, resolved: bool
) -> ShownComment:
    """Mark a thread as resolved, or as open again. One that is so already stays as it is, so it may run twice.

    Raises NotFound, StateConflict for a reply, Forbidden for whoever neither began the thread nor may change the item,
    PreconditionFailed.
    """
    async with deps.work.unit(origin) as unit:
        item, comment = await hold_comment(unit, principal, comment_id)
        if comment.is_reply:
            raise StateConflict("Whole threads are resolved: resolve the comment that began this one.")
        person = UserId(principal.user_id)
        if not may_resolve(comment, person, may_write=Rights.WRITE in item.rights):
            raise Forbidden("Threads are resolved by whoever began them and by those who may change the item.")
        before = (await show_comments(unit.connection, [comment]))[0]
        conditions.require(before.etag)
        if (comment.resolved_at is not None) == resolved:
            return before
        after = comment.resolved(person if resolved else None, unit.now)
        await rows.write_comment(unit.connection, after)
        await tell_comment_changed(unit, after, item.at, ["resolved"])
        return (await show_comments(unit.connection, [after]))[0]


async def delete_comment(
    deps: Deps, principal: Principal, origin: Origin, comment_id: CommentId, conditions: Conditions
) -> None:
    """Delete a comment: whole, or but for its place while it has replies. Where only its place is left it stays so, so it may
    run twice until the replies are gone too.

    Raises NotFound, Forbidden for whoever neither wrote it nor owns the item, PreconditionFailed.
    """
    async with deps.work.unit(origin) as unit:
        item, comment = await hold_comment(unit, principal, comment_id)
        if comment.deleted_at is not None:
            return
        if not may_delete(comment, UserId(principal.user_id), item.at.owner_id):
            raise Forbidden("A comment is deleted by its author or by the owner of the item.")
        conditions.require((await show_comments(unit.connection, [comment]))[0].etag)
        after = comment.deleted(unit.now)
        if comment.replies:
            await rows.write_comment(unit.connection, after)
        else:
            await _remove(unit, comment)
        tell_comment_deleted(unit, after, item.at)


async def _remove(unit: Unit, comment: Comment) -> None:
    gone = [comment.id]
    if comment.is_reply and await rows.note_reply(unit.connection, comment.thread_id, more=-1) == 0:
        thread = await rows.comment_by_id(unit.connection, comment.thread_id)
        if thread is not None and thread.deleted_at is not None:
            gone.append(thread.id)
    await rows.remove_comments(unit.connection, comment.item_id, gone)


def forget_comments_of(unit: Unit, item_id: ItemId) -> None:
    """Have the comments of an item that is gone for good removed, in a while: there may be thousands."""
    unit.together(_note_gone, item_id)


async def _note_gone(connection: AsyncConnection, asked: Sequence[tuple[Unit, ItemId]]) -> None:
    await rows.note_gone(connection, [item_id for _, item_id in asked], asked[0][0].now)


async def remove_comments_of_gone(deps: Deps) -> int:
    """Remove the comments of items that are gone for good; how many. May run twice and at once."""
    count = 0
    while True:
        async with deps.work.engine.begin() as connection:
            gone = await rows.remove_some_of_gone(connection, GONE_PAGE)
        if gone is None:
            return count
        count += gone
