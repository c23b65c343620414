"""Comments for tests of sharing: somebody says something, and what is there afterwards."""

from collections.abc import Sequence
from typing import Any

from coffer_chassis.etags import Conditions
from coffer_contracts.ids import CommentId
from coffer_sharing.domain import Named
from coffer_sharing.domain.comments import Comment, Reading
from coffer_sharing.handlers.comments import Edit, Remark, add_comment, edit_comment, list_comments
from coffer_sharing.handlers.comments_ending import delete_comment, resolve_thread
from coffer_sharing.handlers.comments_showing import ShownComment
from coffer_sharing.store.comments import comment_by_id
from factories.files import origin_of
from factories.sharing import Item, Sharing

ANY = Conditions()


async def say(
    sharing: Sharing,
    item: Item,
    by: Any = None,
    text: str = "Nice",
    *,
    to: ShownComment | None = None,
    mentions: Sequence[Any] = (),
    **more: Any,
) -> ShownComment:
    """Somebody, the owner by default, comments or replies."""
    by = by or sharing.owner
    named = [Named(one.user_id, None) for one in mentions]
    remark = Remark(item.id, text, named, to.comment.id if to else None, **more)
    return (await add_comment(sharing.deps, by, origin_of(by), None, remark))[0]


async def edit(sharing: Sharing, comment: ShownComment, by: Any = None, text: str = "Better", **more: Any) -> ShownComment:
    """Somebody changes what it says."""
    by = by or sharing.owner
    mentions = {"mentions": [Named(one.user_id, None) for one in more.pop("mentions")]} if "mentions" in more else {}
    conditions = more.pop("conditions", ANY)
    return await edit_comment(sharing.deps, by, origin_of(by), comment.comment.id, Edit(text, **mentions), conditions)


async def remove(sharing: Sharing, comment: ShownComment, by: Any = None, conditions: Conditions = ANY) -> None:
    """Somebody deletes it."""
    by = by or sharing.owner
    await delete_comment(sharing.deps, by, origin_of(by), comment.comment.id, conditions)


async def resolve(sharing: Sharing, comment: ShownComment, by: Any = None, *, resolved: bool = True) -> ShownComment:
    """Somebody resolves its thread, or opens it again."""
    by = by or sharing.owner
    return await resolve_thread(sharing.deps, by, origin_of(by), comment.comment.id, ANY, resolved=resolved)


async def read(sharing: Sharing, item: Item, by: Any = None, **reading: Any) -> list[ShownComment]:
    """All comments of the item as somebody reads them, the oldest thread first."""
    asked = Reading(**{"limit": 1000, "newest_first": False, **reading})
    return (await list_comments(sharing.deps, by or sharing.owner, item.id, asked)).comments


def texts(shown: Sequence[ShownComment]) -> list[str | None]:
    """What they say."""
    return [one.comment.text for one in shown]


async def as_it_is(sharing: Sharing, comment: ShownComment) -> Comment | None:
    """The row as it stands."""
    async with sharing.deps.work.read() as connection:
        return await comment_by_id(connection, CommentId(comment.comment.id))


async def told_of_comment(sharing: Sharing, comment: ShownComment) -> list[Any]:
    """What was emitted about it, oldest first."""
    return await sharing.facts(f"comment/{comment.comment.id}")


async def counted(sharing: Sharing, item: Item) -> tuple[int, int]:
    """How many comments the item is said to have, and how many there are."""
    said = await sharing.rows(f"SELECT comments FROM commented WHERE item_id = '{item.id}'")
    there = await sharing.rows(f"SELECT count(*) FROM comments WHERE item_id = '{item.id}'")
    return (said[0][0] if said else 0), there[0][0]
