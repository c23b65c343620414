"""What people were given in the drives of others, from the copy of sharing's grants; and many items with where they stand."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, bindparam, exists, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.tables import Id
from coffer_contracts.ids import ItemId, UserId
from coffer_files.domain.items import Given, Item, Located, Mark, Owner
from coffer_files.store.items import IS_OF_GRANTEE, ITEM_COLUMNS, NOBODY
from coffer_files.store.tables import grants, items, marks, users

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


async def folders_above(connection: AsyncConnection, item_ids: Collection[ItemId]) -> frozenset[ItemId]:
    """Every folder above any of the items."""
    return frozenset(map(ItemId, (await connection.execute(_folders_above, {"ids": [*item_ids]})).scalars()))


async def locate_many(
    connection: AsyncConnection, item_ids: Collection[ItemId], given: Iterable[Given] = (), grantee: str = NOBODY
) -> dict[ItemId, Located]:
    """Those of the items that exist, with where they stand, what of `given` reaches them and `grantee`'s marks; in one
    statement.
    """
    if not item_ids:
        return {}
    known: dict[ItemId, list[Given]] = {}
    for one in given:
        known.setdefault(one.item_id, []).append(one)
    values = {"ids": [*item_ids], "grantee": grantee}
    rows = {row.id: row for row in await connection.execute(_with_all_above, values)}
    return {item_id: _located(rows[item_id], rows, known) for item_id in item_ids if item_id in rows}


def _up(item_ids: Any) -> Any:
    """The items that are asked for and every folder above any of them, each once. Tied together by LATERAL and OFFSET 0: the
    planner takes the walk to be long and would read the whole tree of all drives at every step.
    """
    up = select(items.c.id, items.c.parent_id).where(items.c.id == func.any(item_ids)).cte("up", recursive=True)
    above = select(items.c.id, items.c.parent_id).where(items.c.id == up.c.parent_id).offset(0).lateral("above")
    return up.union(select(above.c.id, above.c.parent_id).select_from(up.join(above, true())))


_ids = bindparam("ids", type_=ARRAY(Id))
every_above = _up(_ids)
_folders_above = select(every_above.c.parent_id).where(every_above.c.parent_id.is_not(None)).distinct()
_with_all_above = (
    select(
        *ITEM_COLUMNS,
        users.c.username,
        users.c.display_name,
        exists().where(grants.c.item_id == items.c.id, grants.c.removed_at.is_(None)).label("shared"),
        marks.c.favourite_at,
        marks.c.touched_at,
    )
    .select_from(
        items.outerjoin(users, users.c.user_id == items.c.owner_id).outerjoin(
            marks, (marks.c.item_id == items.c.id) & IS_OF_GRANTEE
        )
    )
    # As an array for the same reason.
    .where(items.c.id == func.any(func.array(select(every_above.c.id).scalar_subquery())))
)


def _located(row: Any, rows: Mapping[ItemId, Any], known: Mapping[ItemId, Sequence[Given]]) -> Located:
    above: list[Any] = []
    folder = rows.get(row.parent_id)
    while folder is not None:
        above.append(folder)
        folder = rows.get(folder.parent_id)
    above.reverse()
    item = Item._make(row[:_SEEN])
    ids = tuple(ItemId(folder.id) for folder in above)
    return Located(
        item,
        Owner(item.owner_id, row.username, row.display_name),
        ids,
        tuple(folder.name for folder in above),
        any(folder.trashed_at is not None for folder in above),
        tuple(one for item_id in (*ids, item.id) for one in known.get(item_id, ())),
        row.shared,
        Mark(row.favourite_at, row.touched_at),
    )
