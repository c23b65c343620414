"""Comments: finding, writing and removing them, and how many an item has.

Whoever writes or removes a comment holds its item (`lock_item`), so nothing here locks single comments. What happens to the
comments of one item happens one after the other; so the count is exact, and no reply comes to a comment that just went.
"""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Integer, Select, and_, bindparam, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id
from coffer_contracts.ids import CommentId, ItemId, UserId
from coffer_sharing.domain import Share
from coffer_sharing.domain.comments import Comment, Reading
from coffer_sharing.store.shares import SHARE_COLUMNS
from coffer_sharing.store.tables import commented, comments, is_active, shares

COLUMNS = tuple(comments.c[name] for name in Comment._fields)

_by_id = select(*COLUMNS).where(comments.c.id == bindparam("comment"))
_CHANGING = (
    "author_id",
    "text",
    "mentioned",
    "edited_at",
    "changed_at",
    "revision",
    "resolved_at",
    "resolved_by",
    "deleted_at",
)
_write = (
    update(comments)
    .where(comments.c.id == bindparam("comment"))
    .values({name: bindparam(f"new_{name}", type_=comments.c[name].type) for name in _CHANGING})
)
_one_more = (
    insert(commented)
    .values(item_id=bindparam("item", type_=Id), comments=1)
    .on_conflict_do_update(index_elements=[commented.c.item_id], set_={"comments": commented.c.comments + 1})
    .returning(commented.c.comments)
)
_writers = (
    select(comments.c.author_id)
    .where(
        comments.c.item_id == bindparam("item", type_=Id),
        comments.c.thread_id == bindparam("thread", type_=Id),
        comments.c.author_id.is_not(None),
    )
    .group_by(comments.c.author_id)
    .order_by(func.max(comments.c.created_at).desc(), comments.c.author_id)
    .limit(bindparam("limit", type_=Integer))
)


async def comment_by_id(connection: AsyncConnection, comment_id: CommentId) -> Comment | None:
    """The comment, also one of which only its place is left."""
    row = (await connection.execute(_by_id, {"comment": comment_id})).one_or_none()
    return Comment._make(row) if row else None


async def insert_comment(connection: AsyncConnection, comment: Comment) -> int:
    """Write a new comment; how many its item has now."""
    await connection.execute(insert(comments), comment._asdict() | {"mentioned": [*comment.mentioned]})
    return int((await connection.execute(_one_more, {"item": comment.item_id})).scalar_one())


async def write_comment(connection: AsyncConnection, comment: Comment) -> None:
    """Write what may change about a comment."""
    values = {f"new_{name}": getattr(comment, name) for name in _CHANGING} | {"new_mentioned": [*comment.mentioned]}
    await connection.execute(_write, {"comment": comment.id, **values})


async def remove_comments(connection: AsyncConnection, item_id: ItemId, comment_ids: Collection[CommentId]) -> None:
    """Delete comments of one item, and count them off."""
    gone = (await connection.execute(delete(comments).where(comments.c.id.in_(comment_ids)))).rowcount
    fewer = update(commented).where(commented.c.item_id == item_id).values(comments=commented.c.comments - gone)
    await connection.execute(fewer)


async def note_reply(connection: AsyncConnection, thread_id: CommentId, *, more: int) -> int:
    """Count a reply that came or went (-1); how many the thread has now."""
    counted = update(comments).where(comments.c.id == thread_id).values(replies=comments.c.replies + more)
    return int((await connection.execute(counted.returning(comments.c.replies))).scalar_one())


async def writers_in(connection: AsyncConnection, item_id: ItemId, thread_id: CommentId, limit: int) -> list[UserId]:
    """Who wrote in a thread, those who wrote last first."""
    found = await connection.execute(_writers, {"item": item_id, "thread": thread_id, "limit": limit})
    return [UserId(user_id) for user_id in found.scalars()]


async def shares_with_any(
    connection: AsyncConnection, item_ids: Collection[ItemId], recipient_ids: Collection[UserId]
) -> list[Share]:
    """What these people were given on these items, whose time may be up."""
    wanted = select(*SHARE_COLUMNS).where(shares.c.item_id.in_(item_ids), shares.c.recipient_id.in_(recipient_ids), is_active)
    return [Share._make(row) for row in await connection.execute(wanted)]


async def page(connection: AsyncConnection, item_id: ItemId, reading: Reading) -> list[Comment]:
    """The next comments of an item, replies behind what they reply to."""
    values: dict[str, Any] = {"item": item_id, "limit": reading.limit}
    if reading.after is not None:
        values |= {"thread": reading.after.thread_id, "reply": reading.after.is_reply, "comment": reading.after.id}
    statement = _page(newest_first=reading.newest_first, resolved=reading.resolved, goes_on=reading.after is not None)
    return [Comment._make(row) for row in await connection.execute(statement, values)]


@cache
def _page(*, newest_first: bool, resolved: bool | None, goes_on: bool) -> Select[Any]:
    wanted = select(*COLUMNS).where(comments.c.item_id == bindparam("item", type_=Id))
    if resolved is not None:
        thread = comments.alias("thread")
        wanted = wanted.join(thread, thread.c.id == comments.c.thread_id)
        wanted = wanted.where(thread.c.resolved_at.is_not(None) if resolved else thread.c.resolved_at.is_(None))
    if goes_on:
        place = bindparam("thread", type_=Id)
        behind = tuple_(comments.c.is_reply, comments.c.id) > tuple_(
            bindparam("reply", type_=comments.c.is_reply.type), bindparam("comment", type_=Id)
        )
        same = and_(comments.c.thread_id == place, behind)
        if newest_first:
            wanted = wanted.where(comments.c.thread_id <= place, or_(comments.c.thread_id < place, same))
        else:
            wanted = wanted.where(comments.c.thread_id >= place, or_(comments.c.thread_id > place, same))
    threads = comments.c.thread_id.desc() if newest_first else comments.c.thread_id.asc()
    return wanted.order_by(threads, comments.c.is_reply, comments.c.id).limit(bindparam("limit", type_=Integer))


async def note_gone(connection: AsyncConnection, item_ids: Collection[ItemId], now: datetime) -> None:
    """Remember which of these items, which are gone for good, have comments that must go. May run twice."""
    have = update(commented).where(commented.c.item_id.in_(item_ids), commented.c.gone_at.is_(None))
    await connection.execute(have.values(gone_at=now))


async def remove_some_of_gone(connection: AsyncConnection, limit: int) -> int | None:
    """Delete up to so many comments of one item that is gone, and the last thing that is known of it with the last of them;
    how many, None if there is no such item. Several at once take different items. Safe to run twice.
    """
    oldest = select(commented.c.item_id).where(commented.c.gone_at.is_not(None)).order_by(commented.c.gone_at).limit(1)
    item_id = (await connection.execute(oldest.with_for_update(skip_locked=True))).scalar_one_or_none()
    if item_id is None:
        return None
    some = select(comments.c.id).where(comments.c.item_id == item_id).limit(limit)
    gone = (await connection.execute(delete(comments).where(comments.c.id.in_(some)))).rowcount
    if gone < limit:
        await connection.execute(delete(commented).where(commented.c.item_id == item_id))
    return gone
