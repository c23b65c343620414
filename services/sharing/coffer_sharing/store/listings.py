"""Lists of shares, page by page. A page by time reads about as many rows as it shows; one by name sorts what there is. Of what
lies in the trash more may be read: see `shares_with`.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Integer, Row, Select, Text, bindparam, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.copies.tree import DEEPEST
from coffer_chassis.tables import Id, Instant
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ItemId, UserId
from coffer_sharing.domain import Beginning, Order, Share
from coffer_sharing.store.shares import SHARE_COLUMNS
from coffer_sharing.store.tables import is_active, shares, tree

View = Literal["by_sharer", "with_recipient", "of_items", "of_items_with_recipient"]


LONGEST_PART = 1_000
"""Rows that are read at a time in search of some that are open."""


class Listed(NamedTuple):
    """A share with what is shared, and its place in the order of the list."""

    share: Share
    kind: ItemKind
    name: str
    place: datetime | str


class Asked(NamedTuple):
    """Which part of a list is asked for."""

    order: Order
    limit: int
    after: Beginning | None = None
    kind: ItemKind | None = None


async def shares_by(connection: AsyncConnection, user_id: UserId, now: datetime, asked: Asked) -> list[Listed]:
    """What the person has shared and still gives."""
    return await _page(connection, "by_sharer", now, asked, user=user_id)


async def shares_with(connection: AsyncConnection, user_id: UserId, now: datetime, asked: Asked) -> list[Listed]:
    """What is shared with the person and open to them: neither over, nor in the trash or below it. One statement; more of them,
    each for a longer part, only where so much lies in the trash that the page is not full.
    """
    found: list[Listed] = []
    part = asked
    while True:
        rows = await _rows(connection, "with_recipient", now, part, user=user_id)
        found += [_listed(row) for row in rows if not row.shut]
        if len(rows) < part.limit or len(found) >= asked.limit:
            return found[: asked.limit]
        last = rows[-1]
        part = part._replace(limit=min(4 * part.limit, LONGEST_PART), after=Beginning(last.place, last.id))


async def shares_on(
    connection: AsyncConnection, item_ids: Collection[ItemId], recipient_id: UserId | None, now: datetime, asked: Asked
) -> list[Listed]:
    """The shares of any of the items, of one recipient only if they are named."""
    if recipient_id is None:
        return await _page(connection, "of_items", now, asked, items=[*item_ids])
    return await _page(connection, "of_items_with_recipient", now, asked, items=[*item_ids], user=recipient_id)


async def _page(connection: AsyncConnection, view: View, now: datetime, asked: Asked, **values: Any) -> list[Listed]:
    return [_listed(row) for row in await _rows(connection, view, now, asked, **values)]


async def _rows(connection: AsyncConnection, view: View, now: datetime, asked: Asked, **values: Any) -> Sequence[Row[Any]]:
    statement = _statement(view, asked.order, of_kind=asked.kind is not None, goes_on=asked.after is not None)
    values |= {"now": now, "limit": asked.limit}
    if asked.kind is not None:
        values["kind"] = asked.kind
    if asked.after is not None:
        values |= {"value": asked.after.value, "id": asked.after.id}
    rows: Sequence[Row[Any]] = (await connection.execute(statement, values)).all()
    return rows


def _listed(row: Row[Any]) -> Listed:
    return Listed(Share._make(row[:_OWN]), *row[_OWN:_WHOLE])


_OWN = len(SHARE_COLUMNS)
_WHOLE = _OWN + len(Listed._fields) - 1


@cache
def _statement(view: View, order: Order, *, of_kind: bool, goes_on: bool) -> Select[Any]:
    """One for each kind of list; few exist, and each is put together once."""
    value: Any = shares.c.created_at if order.key == "created_at" else func.lower(tree.c.name).collate("C")
    wanted = (
        select(*SHARE_COLUMNS, tree.c.kind, tree.c.name, value.label("place"), tree.c.parent_id, _is_shut(tree).label("shut"))
        .join_from(shares, tree, tree.c.item_id == shares.c.item_id)
        .where(is_active, or_(shares.c.expires_at.is_(None), shares.c.expires_at > bindparam("now", type_=Instant)))
    )
    match view:
        case "by_sharer":
            wanted = wanted.where(shares.c.granted_by == bindparam("user"))
        case "with_recipient":
            wanted = wanted.where(shares.c.recipient_id == bindparam("user"))
        case "of_items":
            wanted = wanted.where(shares.c.item_id.in_(bindparam("items", expanding=True)))
        case "of_items_with_recipient":
            wanted = wanted.where(shares.c.item_id.in_(bindparam("items", expanding=True)))
            wanted = wanted.where(shares.c.recipient_id == bindparam("user"))
    if of_kind:
        wanted = wanted.where(tree.c.kind == bindparam("kind"))
    if goes_on:
        here = tuple_(value, shares.c.id)
        there = tuple_(bindparam("value", type_=Instant if order.key == "created_at" else Text), bindparam("id", type_=Id))
        wanted = wanted.where(here < there if order.descending else here > there)
    page = wanted.order_by(*_ends(order, value, shares.c.id)).limit(bindparam("limit", type_=Integer))
    return _with_what_is_shut(page, order) if view == "with_recipient" else page


def _ends(order: Order, *by: Any) -> list[Any]:
    return [part.desc() if order.descending else part for part in by]


def _with_what_is_shut(wanted: Select[Any], order: Order) -> Select[Any]:
    """The page, and of each row whether the item or a folder above it is in the trash or gone: what the resolver says with
    `standings`. Not a condition on the rows: the store, which thinks that few would meet it, then reads the whole tree for
    each share. Walks up once from each folder that something of the page lies in, not from each row: most lie side by side.
    """
    page = wanted.cte("page")
    above, higher = tree.alias("above"), tree.alias("higher")
    up = (
        select(above.c.item_id.label("origin"), above.c.parent_id, _is_shut(above).label("shut"), literal(1).label("height"))
        .where(above.c.item_id.in_(select(page.c.parent_id)))
        .cte("up", recursive=True)
    )
    up = up.union_all(
        select(up.c.origin, higher.c.parent_id, _is_shut(higher), up.c.height + 1)
        .where(higher.c.item_id == up.c.parent_id, ~up.c.shut, up.c.height < DEEPEST)
        .select_from(up)
    )
    columns = [column for column in page.c if column.name != "shut"]
    shut = or_(page.c.shut, page.c.parent_id.in_(select(up.c.origin).where(up.c.shut)))
    return select(*columns, shut.label("shut")).order_by(*_ends(order, page.c.place, page.c.id))


def _is_shut(folder: FromClause) -> ColumnElement[bool]:
    return or_(folder.c.trashed_at.is_not(None), folder.c.purged_at.is_not(None))
