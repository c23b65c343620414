"""Who hears that something changed: whoever may read the item, or might before it was taken from them."""

from collections.abc import Iterable
from datetime import datetime

from coffer_chassis.access import Grant, Place, Rights, rights_on
from coffer_contracts.ids import ItemId, UserId

_PERSON = "user/"


def person_of(grantee: str) -> UserId | None:
    """The account behind a grantee; None for a public link."""
    return UserId(grantee.removeprefix(_PERSON)) if grantee.startswith(_PERSON) else None


def readers_among(
    given: Iterable[Grant], item_id: ItemId, owner_id: UserId, above: Iterable[tuple[ItemId, ...]], now: datetime
) -> set[UserId]:
    """The owner and everybody who may read the item at one of its places, each given by the folders above it, by the grants
    on it and on those folders.

    The trash is left aside: whoever saw the item there must hear that it went, too.
    """
    places = [Place(item_id, owner_id, ancestor_ids) for ancestor_ids in above]
    theirs: dict[str, list[Grant]] = {}
    for grant in given:
        theirs.setdefault(grant.grantee, []).append(grant)
    readers = {owner_id}
    for grantee, grants in theirs.items():
        person = person_of(grantee)
        if person and any(Rights.READ in rights_on(place, grantee, grants, now) for place in places):
            readers.add(person)
    return readers
