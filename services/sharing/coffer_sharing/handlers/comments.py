"""Commenting, replying and editing, and reading what was said. Whoever may see an item reads and writes comments on it.

Whoever changes anything holds the item, so all changes to the comments of one item come one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coffer_chassis.etags import Conditions
from coffer_chassis.idempotency import Claim, once
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import CommentId, ItemId, UserId
from coffer_contracts.problems import Forbidden, LimitReached, NotFound, StateConflict
from coffer_sharing.domain import KEEP, Keep, Named
from coffer_sharing.domain.comments import (
    MOST_ON_ITEM,
    Anchor,
    Comment,
    Reading,
    ThreadPlace,
    accept_mentions,
    accept_text,
    invalid,
    may_edit,
    newly,
)
from coffer_sharing.handlers.comments_facts import tell_comment_changed, tell_commented
from coffer_sharing.handlers.comments_showing import ShownComment, show_comments, shown_comment
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.sight import Seen, look, seen
from coffer_sharing.store import comments as rows
from coffer_sharing.store.people import known_people
from coffer_sharing.store.shares import lock_item


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody wants to say, and where: on the item, on a point of it, or as a reply."""

    item_id: ItemId
    text: str
    mentions: Sequence[Named] = ()
    parent_id: CommentId | None = None
    anchor: Anchor | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be different about a comment."""

    text: str | Keep = KEEP
    mentions: Sequence[Named] | Keep = KEEP


@dataclass(frozen=True, slots=True)
class CommentPage:
    """Part of the comments of an item. `after` is where the next page begins, None at the end."""

    comments: list[ShownComment]
    after: ThreadPlace | None


async def list_comments(deps: Deps, principal: Principal, item_id: ItemId, reading: Reading) -> CommentPage:
    """The comments of an item, each thread whole before the next. Four statements at most, however many they are.

    Raises NotFound, after a wait for an item that was made just now.
    """
    await seen(deps, item_id, principal)
    async with deps.work.read() as connection:
        asked = Reading(reading.limit + 1, reading.newest_first, reading.resolved, reading.after)
        found = await rows.page(connection, item_id, asked)
        page = found[: reading.limit]
        last = ThreadPlace(page[-1].thread_id, page[-1].is_reply, page[-1].id) if len(found) > reading.limit else None
        return CommentPage(await show_comments(connection, page), last)


async def find_comment(deps: Deps, principal: Principal, comment_id: CommentId) -> ShownComment:
    """One comment of an item that the caller may see, also what is left of one that was deleted. Raises NotFound."""
    async with deps.work.read() as connection:
        comment = await rows.comment_by_id(connection, comment_id)
        if comment is None or await look(connection, comment.item_id, principal, deps.work.clock.now()) is None:
            raise NotFound
        return (await show_comments(connection, [comment]))[0]


async def add_comment(
    deps: Deps, principal: Principal, origin: Origin, claim: Claim | None, remark: Remark
) -> tuple[ShownComment, bool]:
    """Comment or reply; the comment, and whether this is the replay of an earlier request, which answers with the comment as
    it stands by now.

    Raises NotFound (after a wait for an item that was made just now; also where a replay's comment is gone), ValidationFailed
    for text that comments may not hold, people who are unknown and a parent that cannot be replied to, LimitReached.
    """
    text = accept_text(remark.text)
    made: list[ShownComment] = []

    async def run(unit: Unit) -> dict[str, Any]:
        made[:] = [await _add(unit, principal, remark, text)]
        return {"comment_id": made[0].comment.id}

    try:
        result, replayed = await once(deps.work, origin, claim, run)
    except NotFound:
        await seen(deps, remark.item_id, principal)
        result, replayed = await once(deps.work, origin, claim, run)
    if replayed:
        made[:] = [await find_comment(deps, principal, CommentId(result["comment_id"]))]
    return made[0], replayed


async def _add(unit: Unit, principal: Principal, remark: Remark, text: str) -> ShownComment:
    item = await _hold_item(unit, principal, remark.item_id)
    comment_id = CommentId(new_id())
    if remark.parent_id is not None:
        await _require_thread(unit, remark)
    author = UserId(principal.user_id)
    known = await known_people(unit.connection, remark.mentions, {author})
    comment = Comment(
        id=comment_id,
        item_id=remark.item_id,
        thread_id=remark.parent_id or comment_id,
        is_reply=remark.parent_id is not None,
        author_id=author,
        text=text,
        mentioned=accept_mentions(known.active(one) for one in remark.mentions),
        anchor_page=remark.anchor.page if remark.anchor else None,
        anchor_x=remark.anchor.x if remark.anchor else None,
        anchor_y=remark.anchor.y if remark.anchor else None,
        replies=0,
        created_at=unit.now,
        edited_at=None,
        changed_at=unit.now,
        revision=1,
        resolved_at=None,
        resolved_by=None,
        deleted_at=None,
    )
    if await rows.insert_comment(unit.connection, comment) > MOST_ON_ITEM:
        raise LimitReached(f"An item has at most {MOST_ON_ITEM} comments. Delete some first.", limit=MOST_ON_ITEM)
    if comment.is_reply:
        await rows.note_reply(unit.connection, comment.thread_id, more=1)
    await tell_commented(unit, comment, item.at)
    return shown_comment(comment, known.by_id)


async def _require_thread(unit: Unit, remark: Remark) -> None:
    parent = await rows.comment_by_id(unit.connection, remark.parent_id) if remark.parent_id else None
    if parent is None or parent.item_id != remark.item_id:
        raise invalid("/parent_id", "unknown_comment", "There is no such comment on this item.")
    if parent.is_reply:
        raise invalid("/parent_id", "is_reply", "Threads have one level: reply to the comment that began this one.")
    if remark.anchor is not None:
        raise invalid("/anchor", "not_for_replies", "A reply stands where its thread does.")


async def edit_comment(
    deps: Deps, principal: Principal, origin: Origin, comment_id: CommentId, edit: Edit, conditions: Conditions
) -> ShownComment:
    """Change text or mentions. A wish that is fulfilled already changes nothing, so it may run twice.

    Raises NotFound, Forbidden for anybody but the author, StateConflict for one that was deleted, PreconditionFailed,
    ValidationFailed as for a new one.
    """
    text = edit.text if isinstance(edit.text, Keep) else accept_text(edit.text)
    async with deps.work.unit(origin) as unit:
        item, comment = await hold_comment(unit, principal, comment_id)
        if comment.text is None:
            raise StateConflict("This comment was deleted.")
        if not may_edit(comment, UserId(principal.user_id)):
            raise Forbidden("Only who wrote a comment changes it.")
        before = (await show_comments(unit.connection, [comment]))[0]
        conditions.require(before.etag)
        mentioned = comment.mentioned
        if not isinstance(edit.mentions, Keep):
            known = await known_people(unit.connection, edit.mentions)
            mentioned = accept_mentions(known.active(one) for one in edit.mentions)
        after, changes = comment.edited(comment.text if isinstance(text, Keep) else text, mentioned, unit.now)
        if not changes:
            return before
        await rows.write_comment(unit.connection, after)
        await tell_comment_changed(unit, after, item.at, changes, newly(after.mentioned, comment.mentioned))
        return (await show_comments(unit.connection, [after]))[0]


async def hold_comment(unit: Unit, principal: Principal, comment_id: CommentId) -> tuple[Seen, Comment]:
    """A comment and its item, which nobody else changes until the unit ends. Raises NotFound."""
    known = await rows.comment_by_id(unit.connection, comment_id)
    if known is None:
        raise NotFound
    item = await _hold_item(unit, principal, known.item_id)
    # Again: it may have been changed or deleted while the item was waited for.
    comment = await rows.comment_by_id(unit.connection, comment_id)
    if comment is None:
        raise NotFound
    return item, comment


async def _hold_item(unit: Unit, principal: Principal, item_id: ItemId) -> Seen:
    if not await lock_item(unit.connection, item_id):
        raise NotFound
    item = await look(unit.connection, item_id, principal, unit.now)
    if item is None:
        raise NotFound
    return item
