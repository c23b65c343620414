"""Lists of shares, page by page. A page by time reads about as many rows as it shows; one by name sorts what there is."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import Integer, Select, Text, bindparam, exists, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.copies.tree import DEEPEST
from coffer_chassis.tables import Id, Instant
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ItemId, UserId
from coffer_sharing.domain import Beginning, Order, Share
from coffer_sharing.store.shares import SHARE_COLUMNS
from coffer_sharing.store.tables import is_active, shares, tree

View = Literal["by_sharer", "with_recipient", "of_items", "of_items_with_recipient"]


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
    """What is shared with the person and open to them: neither over, nor in the trash or below it."""
    return await _page(connection, "with_recipient", now, asked, user=user_id)


async def shares_on(
    connection: AsyncConnection, item_ids: Collection[ItemId], recipient_id: UserId | None, now: datetime, asked: Asked
) -> list[Listed]:
    """The shares of any of the items, of one recipient only if they are named."""
    if recipient_id is None:
        return await _page(connection, "of_items", now, asked, items=[*item_ids])
    return await _page(connection, "of_items_with_recipient", now, asked, items=[*item_ids], user=recipient_id)


async def _page(connection: AsyncConnection, view: View, now: datetime, asked: Asked, **values: Any) -> list[Listed]:
    statement = _statement(view, asked.order, of_kind=asked.kind is not None, goes_on=asked.after is not None)
    values |= {"now": now, "limit": asked.limit}
    if asked.kind is not None:
        values["kind"] = asked.kind
    if asked.after is not None:
        values |= {"value": asked.after.value, "id": asked.after.id}
    rows = await connection.execute(statement, values)
    return [Listed(Share._make(row[:_OWN]), *row[_OWN:-1]) for row in rows]


_OWN = len(SHARE_COLUMNS)


@cache
def _statement(view: View, order: Order, *, of_kind: bool, goes_on: bool) -> Select[Any]:
    """One for each kind of list; few exist, and each is put together once."""
    value: Any = shares.c.created_at if order.key == "created_at" else func.lower(tree.c.name).collate("C")
    wanted = (
        select(*SHARE_COLUMNS, tree.c.kind, tree.c.name, value.label("place"), tree.c.parent_id)
        .join_from(shares, tree, tree.c.item_id == shares.c.item_id)
        .where(is_active, or_(shares.c.expires_at.is_(None), shares.c.expires_at > bindparam("now", type_=Instant)))
    )
    match view:
        case "by_sharer":
            wanted = wanted.where(shares.c.granted_by == bindparam("user"))
        case "with_recipient":
            wanted = wanted.where(shares.c.recipient_id == bindparam("user"))
            wanted = wanted.where(tree.c.trashed_at.is_(None), tree.c.purged_at.is_(None))
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
    ordered = wanted.order_by(*_ends(order, value, shares.c.id))
    if view == "with_recipient" and order.key == "created_at":
        ordered = ordered.where(_nothing_is_shut_above(tree))
    elif view == "with_recipient":
        # No index gives this order: it is made first (OFFSET 0 holds the planner to that), then walks up fill the page.
        listed = ordered.offset(0).subquery("listed")
        ordered = select(listed).where(_nothing_is_shut_above(listed)).order_by(*_ends(order, listed.c.place, listed.c.id))
    return ordered.limit(bindparam("limit", type_=Integer))


def _ends(order: Order, *by: Any) -> list[Any]:
    return [part.desc() if order.descending else part for part in by]


def _nothing_is_shut_above(listed: Any) -> Any:
    """No folder above the item is in the trash or gone. Says the same as the resolver does with `standings`."""
    above = tree.alias("above")
    higher = tree.alias("higher")
    columns = ("parent_id", "trashed_at", "purged_at")
    up = (
        select(*(above.c[name] for name in columns), literal(1).label("height"))
        .where(above.c.item_id == listed.c.parent_id)
        .correlate(listed)
        .cte("up", recursive=True, nesting=True)
    )
    up = up.union_all(
        select(*(higher.c[name] for name in columns), up.c.height + 1)
        .where(higher.c.item_id == up.c.parent_id, up.c.height < DEEPEST)
        .select_from(up)
    )
    shut = select(literal(1)).select_from(up).where(or_(up.c.trashed_at.is_not(None), up.c.purged_at.is_not(None)))
    return ~exists(shut.correlate(listed))
