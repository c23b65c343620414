"""What items are to single people: favourites, and what they had to do with lately."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import ARRAY, DateTime, bindparam, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.forgetting import forget_some
from coffer_chassis.tables import Id
from coffer_contracts.ids import ItemId, UserId
from coffer_files.domain.items import Mark
from coffer_files.store.tables import marks

MarkKind = Literal["favourite", "recent"]

_COLUMNS = {"favourite": marks.c.favourite_at, "recent": marks.c.touched_at}


class Touch(NamedTuple):
    """A person had to do with an item."""

    user_id: UserId
    item_id: ItemId
    at: datetime


async def add_favourite(connection: AsyncConnection, user_id: UserId, item_id: ItemId, now: datetime) -> bool:
    """Make an item a favourite of somebody; False if it is one already."""
    row = insert(marks).values(user_id=user_id, item_id=item_id, favourite_at=now)
    written = row.on_conflict_do_update(
        index_elements=[marks.c.user_id, marks.c.item_id],
        set_={"favourite_at": row.excluded.favourite_at},
        where=marks.c.favourite_at.is_(None),
    )
    return bool((await connection.execute(written)).rowcount)


async def remove_favourite(connection: AsyncConnection, user_id: UserId, item_id: ItemId) -> bool:
    """It is no favourite any more; False if it was none."""
    mine = (marks.c.user_id == user_id, marks.c.item_id == item_id, marks.c.favourite_at.is_not(None))
    return bool((await connection.execute(update(marks).where(*mine).values(favourite_at=None))).rowcount)


def _touching() -> Any:
    noted = (
        func.unnest(
            bindparam("users", type_=ARRAY(Id)),
            bindparam("items", type_=ARRAY(Id)),
            bindparam("at", type_=ARRAY(DateTime(True))),
        )
        .table_valued("user_id", "item_id", "at")
        .render_derived()
    )
    rows = insert(marks).from_select(["user_id", "item_id", "touched_at"], select(noted.c.user_id, noted.c.item_id, noted.c.at))
    return rows.on_conflict_do_update(
        index_elements=[marks.c.user_id, marks.c.item_id],
        set_={"touched_at": func.greatest(marks.c.touched_at, rows.excluded.touched_at)},
    )


_touch = _touching()


async def touch(connection: AsyncConnection, touches: Iterable[Touch]) -> None:
    """Write down who had to do with what, each pair once; the later moment counts, so it may run twice and late."""
    # In one order everywhere: processes that write the same rows then wait for each other and not in a circle.
    noted = sorted(touches)
    if noted:
        users, items, at = zip(*noted, strict=True)
        await connection.execute(_touch, {"users": list(users), "items": list(items), "at": list(at)})


async def marked(
    connection: AsyncConnection, user_id: UserId, kind: MarkKind, *, limit: int, after: tuple[datetime, ItemId] | None
) -> list[tuple[ItemId, datetime]]:
    """A page of somebody's favourites or of what they had to do with, latest first, whether they may still see it or not."""
    at = _COLUMNS[kind]
    query = select(marks.c.item_id, at).where(marks.c.user_id == user_id, at.is_not(None))
    if after:
        query = query.where(tuple_(at, marks.c.item_id) < tuple_(*after, types=[at.type, marks.c.item_id.type]))
    query = query.order_by(at.desc(), marks.c.item_id.desc()).limit(limit)
    return [(ItemId(row[0]), row[1]) for row in await connection.execute(query)]


async def marks_of(connection: AsyncConnection, user_id: UserId, item_ids: Collection[ItemId]) -> dict[ItemId, Mark]:
    """What these items are to somebody; only those that are anything."""
    query = select(marks.c.item_id, marks.c.favourite_at, marks.c.touched_at)
    query = query.where(marks.c.user_id == user_id, marks.c.item_id.in_(item_ids))
    return {ItemId(row[0]): Mark(row[1], row[2]) for row in await connection.execute(query)}


async def forget_touched_before(connection: AsyncConnection, moment: datetime) -> int:
    """Delete a slice of what nobody had to do with since `moment` and is nobody's favourite; how many. May run twice."""
    return await forget_some(connection, marks, (marks.c.touched_at < moment) & marks.c.favourite_at.is_(None))
