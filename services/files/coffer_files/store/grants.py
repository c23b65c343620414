"""What people were given in the drives of others, from the copy of sharing's grants; and many items with where they stand."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Text, bindparam, cast, exists, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import ItemId, UserId
from coffer_files.domain.items import Given, Item, Located, Owner
from coffer_files.store.items import ITEM_COLUMNS
from coffer_files.store.tables import grants, items, users

_SEEN = len(ITEM_COLUMNS)
_given = select(grants.c.item_id, grants.c.rights, grants.c.expires_at, grants.c.owner_id).where(
    grants.c.grantee == bindparam("grantee"), grants.c.removed_at.is_(None)
)


async def given_to(connection: AsyncConnection, grantee: str) -> list[tuple[Given, UserId]]:
    """Everything that `grantee` was given, expired or not, with the owner of the item."""
    rows = await connection.execute(_given, {"grantee": grantee})
    return [(Given(ItemId(row.item_id), tuple(row.rights), row.expires_at), UserId(row.owner_id)) for row in rows]


async def is_shared(connection: AsyncConnection, item_ids: Collection[ItemId]) -> frozenset[ItemId]:
    """Which of the items were themselves shared with anybody."""
    found = select(grants.c.item_id).where(grants.c.item_id.in_(item_ids), grants.c.removed_at.is_(None)).distinct()
    return frozenset(ItemId(item_id) for item_id in (await connection.execute(found)).scalars())


async def locate_many(
    connection: AsyncConnection, item_ids: Collection[ItemId], given: Iterable[Given] = ()
) -> dict[ItemId, Located]:
    """Those of the items that exist, with where they stand and what of `given` reaches them; in one statement."""
    if not item_ids:
        return {}
    known = tuple(given)
    return {found.item.id: _with(found, known) for found in map(_read, await connection.execute(_located(item_ids)))}


def _located(item_ids: Collection[ItemId]) -> Any:
    here = (
        select(
            items.c.id.label("start"),
            items.c.id,
            items.c.parent_id,
            items.c.name,
            items.c.trashed_at,
            literal(0).label("height"),
        )
        .where(items.c.id.in_(item_ids))
        .cte("up", recursive=True)
    )
    above = items.alias("above")
    up = here.union_all(
        select(here.c.start, above.c.id, above.c.parent_id, above.c.name, above.c.trashed_at, here.c.height + 1).join(
            here, above.c.id == here.c.parent_id
        )
    )
    over = up.c.height > 0
    chain = (
        select(
            up.c.start,
            func.array_agg(aggregate_order_by(cast(up.c.id, Text), up.c.height.desc())).filter(over).label("ids"),
            func.array_agg(aggregate_order_by(up.c.name, up.c.height.desc())).filter(over).label("names"),
            func.bool_or(up.c.trashed_at.is_not(None)).filter(over).label("below_trash"),
        )
        .group_by(up.c.start)
        .subquery("chain")
    )
    shared = exists().where(grants.c.item_id == items.c.id, grants.c.removed_at.is_(None))
    return select(
        *ITEM_COLUMNS,
        users.c.username,
        users.c.display_name,
        chain.c.ids,
        chain.c.names,
        chain.c.below_trash,
        shared.label("shared"),
    ).select_from(items.join(chain, chain.c.start == items.c.id).outerjoin(users, users.c.user_id == items.c.owner_id))


def _read(row: Any) -> Located:
    item = Item._make(row[:_SEEN])
    username, display_name, ids, names, below_trash, shared = row[_SEEN:]
    owner = Owner(item.owner_id, username, display_name)
    return Located(item, owner, tuple(ids or ()), tuple(names or ()), bool(below_trash), (), shared)


def _with(found: Located, known: tuple[Given, ...]) -> Located:
    reached = frozenset(found.ids_down_to_it)
    return found._replace(given=tuple(one for one in known if one.item_id in reached))
