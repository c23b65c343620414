"""Sharing with an e-mail address: an invitation is written down, whether anybody has the address or not.

A request looks nobody up by an address. So it does the same for an address that has an account as for one that has none, and
neither its answer nor its time says which it was. What becomes of an invitation is decided afterwards, by `settling`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coffer_chassis.emails import normal_address
from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import InvitationId, ItemId, UserId
from coffer_contracts.problems import AlreadyShared, FieldError, RateLimited
from coffer_contracts.sharing import ShareRole
from coffer_sharing.domain import Named
from coffer_sharing.domain.invitations import ADDRESS_LIMIT, INVITING_WINDOW, Invitation, accept_addresses, lapses_at
from coffer_sharing.handlers.deps import INVITATIONS, Deps
from coffer_sharing.handlers.facts import Described
from coffer_sharing.handlers.invitation_facts import end_invitations, tell_invited
from coffer_sharing.store import invitations as rows
from coffer_sharing.store import paces

POLICY = "invitations"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An address that an item is to be shared with, and its place in the request."""

    place: int
    address: str
    key: bytes


def addresses_in(deps: Deps, recipients: Sequence[Named]) -> list[Wanted]:
    """The addresses among the recipients, in normal form. Raises ValidationFailed for what is none or stands there twice."""
    given: dict[int, str | None] = {place: _normal(one.email) for place, one in enumerate(recipients) if one.email is not None}
    wanted = [Wanted(place, one, deps.addresses.key_of(one)) for place, one in given.items() if one is not None]
    accept_addresses(given, [one.key for one in wanted])
    return wanted


def _normal(email: str) -> str | None:
    try:
        return normal_address(email) if len(email) <= ADDRESS_LIMIT else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What the invited are promised, by whom."""

    item_id: ItemId
    owner_id: UserId
    granted_by: UserId
    role: ShareRole
    message: str | None
    notify: bool
    expires_at: datetime | None


async def invite(unit: Unit, deps: Deps, promise: Promise, item: Described, wanted: Sequence[Wanted]) -> list[Invitation]:
    """Invite the addresses to an item, which is held and may be shared; the invitations, in their order.

    Raises AlreadyShared with `existing` for those that are invited to it already, RateLimited for too many in a day.
    """
    if not wanted:
        return []
    made = [_new(unit, deps, promise, one) for one in wanted]
    await _insert(unit, made, {one.key: one.place for one in wanted})
    quota = deps.settings.invitations_per_day
    name = f"inviter/{promise.granted_by}"
    wait = await paces.take(unit.connection, name, len(made), quota=quota, window=INVITING_WINDOW, now=unit.now)
    if wait:
        more: Any = {"violated-policies": [POLICY]}
        raise RateLimited(f"You may share with {quota} addresses in a day.", retry_after_seconds=wait, **more)
    for one in made:
        tell_invited(unit, one, item)
    unit.wake(INVITATIONS)
    return made


def _new(unit: Unit, deps: Deps, promise: Promise, wanted: Wanted) -> Invitation:
    invitation_id = InvitationId(new_id())
    return Invitation(
        id=invitation_id,
        item_id=promise.item_id,
        owner_id=promise.owner_id,
        granted_by=promise.granted_by,
        address_key=wanted.key,
        address=deps.addresses.seal(invitation_id, wanted.address),
        role=promise.role,
        message=promise.message,
        notify=promise.notify,
        expires_at=promise.expires_at,
        lapses_at=lapses_at(unit.now, promise.expires_at, deps.settings.invitation_days),
        created_at=unit.now,
        changed_at=unit.now,
        revision=1,
        due_at=unit.now,
        mailed_at=None,
        correlation_id=unit.origin.correlation_id,
        ended_at=None,
        end_reason=None,
    )


async def _insert(unit: Unit, made: Sequence[Invitation], places: Mapping[bytes, int]) -> None:
    """Raises AlreadyShared. One whose time is up, but which nobody has ended yet, is in nobody's way."""
    written = await rows.insert_invitations(unit.connection, made)
    missing = [one for one in made if one.id not in written]
    if not missing:
        return
    keys = [one.address_key for one in missing if one.address_key is not None]
    taken = await rows.lock_invitations_to(unit.connection, made[0].item_id, keys)
    in_force = sorted(
        (places[one.address_key], one.id) for one in taken if one.address_key is not None and not one.is_over(unit.now)
    )
    if in_force:
        detail = "This address is invited already; change that invitation."
        errors = tuple(FieldError(f"/recipients/{place}", "already_shared", detail) for place, _ in in_force)
        raise AlreadyShared(detail, errors=errors, existing={"invitation_id": in_force[0][1]})
    await end_invitations(unit, taken, "expired")
    # The item is held and what was in the way has ended, so that now nothing can be.
    await rows.insert_invitations(unit.connection, missing)
