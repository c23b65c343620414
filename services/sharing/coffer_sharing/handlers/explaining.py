"""Why somebody may do what they may do. Only the resolver is asked; no rule of its own stands here."""

from dataclasses import dataclass, replace

from coffer_chassis.access import Place, Rights, rights_on
from coffer_chassis.identity import Principal
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.problems import NotFound
from coffer_sharing.domain import Share
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.showing import Named, Shown, concerned, named, shown
from coffer_sharing.handlers.sight import seen
from coffer_sharing.store.people import people_by_id
from coffer_sharing.store.shares import grant_of, names_of_items, shares_reaching

NOBODY = UserId("")
"""Owns what is asked about as if it had no owner."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that gives rights: a share, or (None) that the item is theirs."""

    share: Shown | None
    gives: Rights
    """Alone, at this moment: nothing while what was shared is in the trash, or the account is shut."""
    without: Rights
    """What would remain if only this were taken away."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What somebody may do with an item, and why."""

    item_id: ItemId
    person: Named
    account: str | None
    """Whether they may sign in, as auth told it last; None for somebody who was never heard of."""
    rights: Rights
    """None for an account that is shut: whatever it was given, nobody comes in by it."""
    causes: list[Cause]


async def explain(deps: Deps, principal: Principal, item_id: ItemId, user_id: UserId | None) -> Explanation:
    """Why `user_id`, the caller by default, may do what with an item that the caller sees.

    Raises NotFound, after a wait for an item that was made just now; also when somebody but the owner asks about others.
    """
    item = await seen(deps, item_id, principal)
    person = user_id or principal.user_id
    if principal.user_id not in {person, item.at.owner_id}:
        raise NotFound
    now = deps.work.clock.now()
    async with deps.work.read() as connection:
        shares = [share for share in await shares_reaching(connection, item.chain, person) if not share.is_over(now)]
        known = await people_by_id(connection, {person, *concerned(shares)})
        items = await names_of_items(connection, {share.item_id for share in shares})
    place, unowned = item.at.place, replace(item.at.place, owner_id=NOBODY)

    known_person = known.get(person)
    is_shut = known_person is not None and not known_person.is_active

    def rights(place: Place, *given: Share) -> Rights:
        return Rights.NONE if is_shut else rights_on(place, f"user/{person}", map(grant_of, given), now)

    causes = [Cause(None, rights(place), rights(unowned, *shares))] if place.owner_id == person else []
    for share in shares:
        what = items[share.item_id]
        others = [one for one in shares if one is not share]
        causes.append(Cause(shown(share, what.kind, what.name, known), rights(unowned, share), rights(place, *others)))
    account = known_person.status if known_person is not None else None
    return Explanation(item_id, named(known, person), account, rights(place, *shares), causes)
