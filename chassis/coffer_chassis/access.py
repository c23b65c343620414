"""Who may do what: the one pure resolver. Files decides with it, sharing explains with it, notifier filters with it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Flag, auto

from coffer_contracts.ids import ItemId, UserId


class Rights(Flag):
    """What a principal may do with an item."""

    NONE = 0
    READ = auto()
    UPLOAD = auto()
    """Put new files into a folder. Alone it is what a public link has that collects files: it shows nothing."""
    CHANGE = auto()
    """Alter what is there; has no word of its own, because nobody is given it without UPLOAD."""
    WRITE = UPLOAD | CHANGE
    DELETE = auto()
    SHARE = auto()
    OWN = READ | WRITE | DELETE | SHARE


VIEWER = Rights.READ
EDITOR = Rights.READ | Rights.WRITE | Rights.DELETE

ROLES: Mapping[str, Rights] = {
    "viewer": VIEWER,
    "contributor": Rights.READ | Rights.WRITE,
    "remover": Rights.READ | Rights.DELETE,
    "editor": EDITOR,
}
"""What shares are given as."""

_WORDS: Mapping[str, Rights] = {
    "read": Rights.READ,
    "write": Rights.WRITE,
    "delete": Rights.DELETE,
    "share": Rights.SHARE,
    "upload": Rights.UPLOAD,
}


def rights_named(words: Iterable[str]) -> Rights:
    """Rights from their words in events; a word of the future gives nothing."""
    rights = Rights.NONE
    for word in words:
        rights |= _WORDS.get(word, Rights.NONE)
    return rights


def words_of(rights: Rights) -> tuple[str, ...]:
    """Rights as the words that stand in events: `read`, `write`, `delete`, `share`; `upload` where `write` does not say it."""
    return tuple(word for word, right in _WORDS.items() if right in rights and (word != "upload" or Rights.WRITE not in rights))


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
    in_trash: bool = False
    """Itself put into the trash."""
    below_trash: bool = False
    """Below a folder that was."""


def rights_on(place: Place, grantee: str, grants: Iterable[Grant], now: datetime) -> Rights:
    """The rights of `grantee` (`user/<id>` or `link/<id>`) on an item: all for its owner, else the union of the
    unexpired grants to them on the item or any folder above it. An expiry is exclusive: at that moment it is over.

    The trash is its owner's. Only what was taken out of a folder that the grantee was given can still be seen, and put
    back, by them; of public links not even that, because nobody takes something away to leave it there. To put in without
    seeing is for links alone: a person who may only upload may nothing.
    """
    if grantee == f"user/{place.owner_id}":
        return Rights.OWN
    is_link = grantee.startswith("link/")
    if place.below_trash or (place.in_trash and is_link):
        return Rights.NONE
    covered = {*place.ancestor_ids} if place.in_trash else {place.item_id, *place.ancestor_ids}
    rights = Rights.NONE
    for grant in grants:
        if grant.grantee != grantee or grant.item_id not in covered:
            continue
        if grant.expires_at is None or now < grant.expires_at:
            rights |= grant.rights
    if Rights.WRITE not in rights and not is_link:
        rights &= ~Rights.UPLOAD
    return rights
