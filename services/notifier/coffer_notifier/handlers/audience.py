"""Who hears that something changed: whoever may read the item, or might before it was taken from them."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Grant, Place, Rights, rights_on
from coffer_chassis.copies.grants import grants_on
from coffer_contracts.ids import ItemId, UserId
from coffer_notifier.store.tables import grants

_PERSON = "user/"


def person_of(grantee: str) -> UserId | None:
    """The account behind a grantee; None for a public link."""
    return UserId(grantee.removeprefix(_PERSON)) if grantee.startswith(_PERSON) else None


async def readers_of(
    connection: AsyncConnection, item_id: ItemId, owner_id: UserId, above: Iterable[tuple[ItemId, ...]], now: datetime
) -> set[UserId]:
    """The owner and everybody who may read the item at one of its places, each given by the folders above it.

    The trash is left aside: whoever saw the item there must hear that it went, too.
    """
    places = [Place(item_id, owner_id, ancestor_ids) for ancestor_ids in above]
    covering = {item_id}.union(*(place.ancestor_ids for place in places))
    given: dict[str, list[Grant]] = {}
    for grant in await grants_on(connection, grants, covering):
        given.setdefault(grant.grantee, []).append(grant)
    readers = {owner_id}
    for grantee, theirs in given.items():
        person = person_of(grantee)
        if person and any(Rights.READ in rights_on(place, grantee, theirs, now) for place in places):
            readers.add(person)
    return readers
