"""What entries of the change feed mean to their reader: how the items stand now, and what their fate did to what lies below."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.identity import Principal
from coffer_contracts.ids import ItemId, UserId
from coffer_files.domain.items import ChangeReason, Given, Located
from coffer_files.handlers.sight import Seen, seen_by
from coffer_files.store.entries import Entry, Reading
from coffer_files.store.grants import folders_above, given_to, locate_many

_LAID_BARE: frozenset[ChangeReason] = frozenset({"moved", "trashed", "restored", "shared", "unshared"})
"""What can open or close everything below an item."""

_NEW_BELOW: frozenset[ChangeReason] = frozenset({"moved", "restored", "shared", "unshared"})
"""What may leave other things or other rights below an item than the reader knows."""

_GIVEN: frozenset[ChangeReason] = frozenset({"shared", "unshared"})


@dataclass(frozen=True, slots=True)
class Told:
    """An item as the reader may see it now; None if it is gone, in the trash or not theirs to see. `subtree`: what lies below
    it is to be listed anew.
    """

    item_id: ItemId
    reason: ChangeReason
    actor_id: str | None
    at: datetime
    seen: Seen | None
    subtree: bool = False


async def given_now(connection: AsyncConnection, principal: Principal, now: datetime) -> list[tuple[Given, UserId]]:
    """What holds at this moment."""
    everything = await given_to(connection, principal.grantee)
    return [(one, owner) for one, owner in everything if one.expires_at is None or now < one.expires_at]


async def reading_of(connection: AsyncConnection, principal: Principal, given: Collection[tuple[Given, UserId]]) -> Reading:
    """Whose feeds somebody reads who was given this."""
    if not given:
        return Reading(principal.user_id)
    roots = {one.item_id for one, _ in given}
    above = await folders_above(connection, roots)
    return Reading(principal.user_id, {owner for _, owner in given} - {principal.user_id}, roots, above)


async def told_of(
    connection: AsyncConnection,
    principal: Principal,
    entries: Sequence[Entry],
    given: Collection[tuple[Given, UserId]],
    now: datetime,
) -> list[tuple[Entry, Told]]:
    """What to tell of the entries, each with its own. `given` was asked before the entries were read."""
    roots = {one.item_id for one, _ in given}
    if any(entry.reason in _GIVEN for entry in entries):
        # Asked again: a share that began between the two looks stands in the entries, and must not be told as lost.
        given = await given_now(connection, principal, now)
        roots |= {one.item_id for one, _ in given}
    opens = any(entry.reason in _LAID_BARE for entry in entries)
    ids = {entry.item_id for entry in entries} | (roots if opens else set())
    found = await locate_many(connection, ids, [one for one, _ in given], principal.grantee)
    below = _roots_below(roots, found) if opens else {}
    told = [(entry, one) for entry in entries for one in _tell(entry, found, roots, below, principal, now)]
    return list(_once_for_each_root(told))


def _roots_below(roots: Collection[ItemId], found: Mapping[ItemId, Located]) -> dict[ItemId, list[ItemId]]:
    """Folder -> what the reader was given below it."""
    below: dict[ItemId, list[ItemId]] = {}
    for root_id in sorted(roots):
        at = found.get(root_id)
        for folder_id in at.ancestor_ids if at is not None else ():
            below.setdefault(folder_id, []).append(root_id)
    return below


def _tell(
    entry: Entry,
    found: Mapping[ItemId, Located],
    roots: Collection[ItemId],
    below: Mapping[ItemId, Sequence[ItemId]],
    principal: Principal,
    now: datetime,
) -> Iterator[Told]:
    """The item itself, if it concerns the reader; then whatever they were given below it, which its fate may change."""
    own = entry.owner_id == principal.user_id
    if own or not entry.scope.isdisjoint(roots):
        yield _as_it_stands(entry, entry.item_id, found, principal, now)
    if entry.reason in _LAID_BARE:
        for root_id in below.get(entry.item_id, ()):
            yield _as_it_stands(entry, root_id, found, principal, now)


def _once_for_each_root(told: Sequence[tuple[Entry, Told]]) -> Iterator[tuple[Entry, Told]]:
    """What was told because something happened above it is told once in a page, the last time, however often that was: all
    of them say how it stands now. So a page is no longer than its entries and what the reader was given.
    """
    last: dict[ItemId, int] = {}
    subtrees: set[ItemId] = set()
    for place, (entry, one) in enumerate(told):
        if entry.item_id != one.item_id:
            last[one.item_id] = place
            if one.subtree:
                subtrees.add(one.item_id)
    for place, (entry, one) in enumerate(told):
        if entry.item_id == one.item_id:
            yield entry, one
        elif last[one.item_id] == place:
            yield entry, replace(one, subtree=one.item_id in subtrees)


def _as_it_stands(entry: Entry, item_id: ItemId, found: Mapping[ItemId, Located], principal: Principal, now: datetime) -> Told:
    at = found.get(item_id)
    known = seen_by(at, principal.grantee, now) if at is not None and at.is_live else None
    reasons = _NEW_BELOW if at is not None and at.item.owner_id != principal.user_id else {"restored"}
    subtree = known is not None and known.at.item.kind == "folder" and entry.reason in reasons
    return Told(item_id, entry.reason, entry.actor_id, entry.at, known, subtree)
