"""Locks on items: whom they keep out, and which of them stand in each other's way. Pure."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Literal, NamedTuple

from coffer_contracts.ids import ItemId, LockId

LockScope = Literal["exclusive", "shared"]
LockDepth = Literal["0", "infinity"]

LONGEST_SECONDS = 3600
MOST_IN_A_DRIVE = 1000
"""Living ones: a lock of a folder with everything below it is held against each of them."""


class Lock(NamedTuple):
    """A lock as it stands; from `expires_at` on it keeps nobody out."""

    id: LockId
    item_id: ItemId
    holder: str
    """As grants name them: `user/<id>`. Whoever it is, from whichever session."""
    scope: LockScope
    depth: LockDepth
    expires_at: datetime
    owner_info: str | None

    def clashes_with(self, holder: str, scope: LockScope) -> bool:
        """Whether somebody else holds it, and one of the two is to be alone."""
        return self.holder != holder and "exclusive" in {self.scope, scope}


def covering(locks: Iterable[Lock], item_id: ItemId, ancestor_ids: Collection[ItemId], now: datetime) -> tuple[Lock, ...]:
    """Those of the locks that hold for an item: its own, and those of folders above it that go all the way down."""
    return tuple(
        lock
        for lock in locks
        if lock.expires_at > now and (lock.item_id == item_id or (lock.depth == "infinity" and lock.item_id in ancestor_ids))
    )


def in_the_way(locks: Iterable[Lock], grantee: str) -> Lock | None:
    """The one of the locks that hold for an item that keeps this writer out: of somebody else, unless both share it."""
    locks = tuple(locks)
    shares = any(lock.holder == grantee and lock.scope == "shared" for lock in locks)
    for lock in locks:
        if lock.holder != grantee and (lock.scope == "exclusive" or not shares):
            return lock
    return None
