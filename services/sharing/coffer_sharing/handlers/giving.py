"""The command that gives: share an item with people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coffer_chassis.idempotency import Claim, once
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import InvitationId, ItemId, ShareId, UserId
from coffer_contracts.problems import AlreadyShared, FieldError, NotFound
from coffer_contracts.sharing import ShareRole
from coffer_sharing.domain import Named, Share, accept_expiry, accept_recipients
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.facts import end_shares, tell_created
from coffer_sharing.handlers.holding import hold
from coffer_sharing.handlers.inviting import Promise, Wanted, addresses_in, invite
from coffer_sharing.handlers.showing import Shown, show, shown
from coffer_sharing.handlers.showing_invitations import ShownInvitation, show_invitations
from coffer_sharing.handlers.sight import Seen, seen
from coffer_sharing.store import invitations as invitation_rows
from coffer_sharing.store import shares as rows
from coffer_sharing.store.people import known_people


@dataclass(frozen=True, slots=True)
class Gift:
    """What is to be shared, with whom and how."""

    item_id: ItemId
    recipients: Sequence[Named]
    role: ShareRole
    message: str | None = None
    expires_at: datetime | None = None
    notify: bool = True
    kind: ItemKind | None = None
    """What the item must be, where that was said."""


@dataclass(frozen=True, slots=True)
class Given:
    """What came of it: a share with everybody who was named by id or user name, an invitation for every address."""

    shares: list[Shown]
    invitations: list[ShownInvitation]


async def share_item(deps: Deps, principal: Principal, origin: Origin, claim: Claim | None, gift: Gift) -> tuple[Given, bool]:
    """Share an item with everybody named, or with nobody; what came of it, and whether this is the replay of an earlier
    request.

    Raises NotFound (after a wait for an item that was made just now), Forbidden without the right to share, StateConflict
    for a drive's root folder and for what is in the trash, ValidationFailed for people who cannot be shared with and what is
    no address, AlreadyShared with `existing`, RateLimited for too many addresses in a day.
    """
    made = Given([], [])
    wanted = addresses_in(deps, gift.recipients)

    async def run(unit: Unit) -> dict[str, Any]:
        nonlocal made
        made = await _share(unit, deps, principal, gift, wanted)
        told: dict[str, Any] = {"share_ids": [one.share.id for one in made.shares]}
        return told | ({"invitation_ids": [one.invitation.id for one in made.invitations]} if made.invitations else {})

    try:
        result, replayed = await once(deps.work, origin, claim, run)
    except NotFound:
        await seen(deps, gift.item_id, principal, live=True)
        result, replayed = await once(deps.work, origin, claim, run)
    if replayed:
        made = await _as_they_are(deps, result["share_ids"], result.get("invitation_ids", []))
    return made, replayed


async def _share(unit: Unit, deps: Deps, principal: Principal, gift: Gift, wanted: Sequence[Wanted]) -> Given:
    item = await hold(unit, principal, gift.item_id)
    if gift.kind not in {None, item.at.kind}:
        raise NotFound
    accept_expiry(gift.expires_at, unit.now)
    places = [place for place, one in enumerate(gift.recipients) if one.email is None]
    named = [gift.recipients[place] for place in places]
    known = await known_people(unit.connection, named, {UserId(principal.user_id), item.at.owner_id})
    found = [known.active(one) for one in named]
    recipients = accept_recipients(found, sharer=principal.user_id, owner=item.at.owner_id, places=places)
    shares = [_new_share(unit, item, principal, recipient, gift) for recipient in recipients]
    await _insert(unit, shares, places)
    promise = Promise(
        item_id=item.at.item_id,
        owner_id=item.at.owner_id,
        granted_by=principal.user_id,
        role=gift.role,
        message=gift.message,
        notify=gift.notify,
        expires_at=gift.expires_at,
    )
    invited = await invite(unit, deps, promise, item.at, wanted)
    for share in shares:
        tell_created(unit, share, item.at, notify=gift.notify)
    return Given(
        [shown(share, item.at.kind, item.at.name, known.by_id) for share in shares],
        await show_invitations(unit.connection, deps.addresses, invited),
    )


def _new_share(unit: Unit, item: Seen, principal: Principal, recipient: UserId, gift: Gift) -> Share:
    return Share(
        id=ShareId(new_id()),
        item_id=item.at.item_id,
        owner_id=item.at.owner_id,
        granted_by=principal.user_id,
        recipient_id=recipient,
        role=gift.role,
        message=gift.message,
        expires_at=gift.expires_at,
        created_at=unit.now,
        changed_at=unit.now,
        revision=1,
        ended_at=None,
        end_reason=None,
    )


async def _insert(unit: Unit, wanted: Sequence[Share], places: Sequence[int]) -> None:
    """Raises AlreadyShared. A share whose time is up, but which nobody has ended yet, is in nobody's way."""
    written = await rows.insert_shares(unit.connection, wanted) if wanted else frozenset()
    missing = [share for share in wanted if share.id not in written]
    if not missing:
        return
    taken = await rows.lock_shares_of(unit.connection, wanted[0].item_id, [share.recipient_id for share in missing])
    in_force = {share.recipient_id: share for share in taken if not share.is_over(unit.now)}
    if in_force:
        in_the_way = {place: share.recipient_id for place, share in zip(places, wanted, strict=True)}
        raise _already_shared({place: in_force[one] for place, one in in_the_way.items() if one in in_force})
    await end_shares(unit, taken, "expired")
    # The item is held and what was in the way has ended, so that now nothing can be.
    await rows.insert_shares(unit.connection, missing)


def _already_shared(in_force: Mapping[int, Share]) -> AlreadyShared:
    """By the place of each in the request."""
    detail = "This person has a share of it already; change that one."
    errors = tuple(FieldError(f"/recipients/{place}", "already_shared", detail) for place in in_force)
    first = next(iter(in_force.values()))
    return AlreadyShared(detail, errors=errors, existing={"id": first.id, "recipient_id": first.recipient_id})


async def _as_they_are(deps: Deps, share_ids: Sequence[ShareId], invitation_ids: Sequence[InvitationId]) -> Given:
    async with deps.work.read() as connection:
        found = await rows.shares_by_id(connection, share_ids)
        shares = await show(connection, [found[share_id] for share_id in share_ids])
        invited = await invitation_rows.invitations_by_id(connection, invitation_ids) if invitation_ids else {}
        shown_ones = await show_invitations(connection, deps.addresses, [invited[one] for one in invitation_ids])
        return Given(shares, shown_ones)
