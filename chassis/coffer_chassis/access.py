"""Who may do what: the one pure resolver. Files decides with it, sharing explains with it, notifier filters with it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Flag, auto

from coffer_contracts.ids import ItemId, UserId


class Rights(Flag):
    """What a principal may do with an item."""

    NONE = 0
    READ = auto()
    WRITE = auto()
    DELETE = auto()
    SHARE = auto()
    OWN = READ | WRITE | DELETE | SHARE


VIEWER = Rights.READ
EDITOR = Rights.READ | Rights.WRITE | Rights.DELETE


@dataclass(frozen=True, slots=True)
class Grant:
    """A right given on an item and everything below it, to a user (`user/<id>`) or a public link (`link/<id>`)."""

    grantee: str
    item_id: ItemId
    rights: Rights
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item stands: whose it is, and the folders above it, the drive's root first."""

    item_id: ItemId
    owner_id: UserId
    ancestor_ids: Sequence[ItemId]


def rights_on(place: Place, grantee: str, grants: Iterable[Grant], now: datetime) -> Rights:
    """The rights of `grantee` (`user/<id>` or `link/<id>`) on an item: all for its owner, else the union of the
    unexpired grants to them on the item or any folder above it. An expiry is exclusive: at that moment it is over.
    """
    if grantee == f"user/{place.owner_id}":
        return Rights.OWN
    covered = {place.item_id, *place.ancestor_ids}
    rights = Rights.NONE
    for grant in grants:
        if grant.grantee != grantee or grant.item_id not in covered:
            continue
        if grant.expires_at is None or now < grant.expires_at:
            rights |= grant.rights
    return rights
