"""Who may see what, by the copies: every notice and every entry that is shown was held against this.

Copies are late by nature. What was never heard of is judged by the grants on it alone; what is known to be gone is seen
by nobody.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Grant, Place, Rights, rights_on
from coffer_chassis.copies.grants import grants_on, grants_to
from coffer_chassis.copies.tree import Standing, standings
from coffer_contracts.ids import ItemId, UserId
from coffer_notifier.store.tables import grants, tree


def grantee_of(user_id: UserId) -> str:
    """A person as grants name them."""
    return f"user/{user_id}"


async def given_since(connection: AsyncConnection, item_ids: Collection[ItemId]) -> dict[tuple[str, ItemId], datetime]:
    """Since when each grantee has had something on each of these items. One statement."""
    has = (grants.c.item_id.in_(item_ids), grants.c.removed_at.is_(None), grants.c.granted_at.is_not(None))
    earliest = select(grants.c.grantee, grants.c.item_id, func.min(grants.c.granted_at)).where(*has)
    rows = await connection.execute(earliest.group_by(grants.c.grantee, grants.c.item_id))
    return {(grantee, ItemId(item_id)): moment for grantee, item_id, moment in rows}


@dataclass(frozen=True)
class Sight:
    """What is known about some items at one moment. Asking costs nothing."""

    places: Mapping[ItemId, Standing]
    gone: frozenset[ItemId]
    given: Mapping[str, tuple[Grant, ...]]
    now: datetime

    def may_read(self, user_id: UserId, item_id: ItemId, owner_id: UserId | None) -> bool:
        """Whether the person may read the item now; `owner_id` counts only where the tree was not heard of yet."""
        if item_id in self.gone:
            return False
        standing = self.places.get(item_id)
        place = standing.place if standing else Place(item_id, owner_id or UserId(""), ())
        grantee = grantee_of(user_id)
        return Rights.READ in rights_on(place, grantee, self.given.get(grantee, ()), self.now)


async def look(
    connection: AsyncConnection, item_ids: Collection[ItemId], now: datetime, *, reader: UserId | None = None
) -> Sight:
    """What is known about these items: for one reader, or for anybody. Two statements, more if some are missing."""
    places = await standings(connection, tree, item_ids)
    gone: frozenset[ItemId] = frozenset()
    if missing := [item_id for item_id in item_ids if item_id not in places]:
        rows = await connection.execute(select(tree.c.item_id).where(tree.c.item_id.in_(missing)))
        if known := set(map(ItemId, rows.scalars())):
            # Asked again, because a statement sees what was committed since the one before: it may just have come.
            places |= await standings(connection, tree, known)
            gone = frozenset(known - places.keys())
    covering = {above for standing in places.values() for above in standing.ancestor_ids} | set(item_ids)
    if not covering:
        return Sight(places, gone, {}, now)
    if reader is None:
        found = await grants_on(connection, grants, covering)
    else:
        found = await grants_to(connection, grants, grantee_of(reader), covering)
    given: dict[str, list[Grant]] = {}
    for grant in found:
        given.setdefault(grant.grantee, []).append(grant)
    return Sight(places, gone, {grantee: tuple(theirs) for grantee, theirs in given.items()}, now)
