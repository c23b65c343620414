"""The command that gives: share an item with people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coffer_chassis.access import Rights
from coffer_chassis.idempotency import Claim, once
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import ItemId, ShareId, UserId
from coffer_contracts.problems import AlreadyShared, FieldError, Forbidden, NotFound, StateConflict
from coffer_contracts.sharing import ShareRole
from coffer_sharing.domain import Named, Share, accept_expiry, accept_recipients
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.facts import end_shares, tell_created
from coffer_sharing.handlers.showing import Shown, show, shown
from coffer_sharing.handlers.sight import Seen, look, seen
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


async def share_item(
    deps: Deps, principal: Principal, origin: Origin, claim: Claim | None, gift: Gift
) -> tuple[list[Shown], bool]:
    """Share an item with everybody named, or with nobody; the shares, and whether this is the replay of an earlier request.

    Raises NotFound (after a wait for an item that was made just now), Forbidden without the right to share, StateConflict
    for a drive's root folder and for what is in the trash, ValidationFailed for people who cannot be shared with,
    AlreadyShared with `existing`.
    """
    made: list[Shown] = []

    async def run(unit: Unit) -> dict[str, Any]:
        nonlocal made
        made = await _share(unit, principal, gift)
        return {"share_ids": [one.share.id for one in made]}

    try:
        result, replayed = await once(deps.work, origin, claim, run)
    except NotFound:
        await seen(deps, gift.item_id, principal, live=True)
        result, replayed = await once(deps.work, origin, claim, run)
    if replayed:
        made = await _as_they_are(deps, result["share_ids"])
    return made, replayed


async def _share(unit: Unit, principal: Principal, gift: Gift) -> list[Shown]:
    item = await _hold(unit, principal, gift.item_id)
    accept_expiry(gift.expires_at, unit.now)
    known = await known_people(unit.connection, gift.recipients, {UserId(principal.user_id), item.at.owner_id})
    found = [known.active(one) for one in gift.recipients]
    recipients = accept_recipients(found, sharer=principal.user_id, owner=item.at.owner_id)
    wanted = [_new_share(unit, item, principal, recipient, gift) for recipient in recipients]
    await _insert(unit, wanted)
    for share in wanted:
        tell_created(unit, share, item.at, notify=gift.notify)
    return [shown(share, item.at.kind, item.at.name, known.by_id) for share in wanted]


async def _hold(unit: Unit, principal: Principal, item_id: ItemId) -> Seen:
    """The item, which stays until the unit ends. Raises NotFound, Forbidden, StateConflict."""
    if not await rows.lock_item(unit.connection, item_id):
        raise NotFound
    item = await look(unit.connection, item_id, principal, unit.now, live=True)
    if item is None:
        raise NotFound
    if Rights.SHARE not in item.rights:
        raise Forbidden("You can see this but may not share it.")
    if item.at.parent_id is None:
        raise StateConflict("The root folder of a drive is not shared; share what lies in it.")
    if not item.at.is_live:
        raise StateConflict("What is in the trash is not shared; take it out first.")
    return item


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


async def _insert(unit: Unit, wanted: Sequence[Share]) -> None:
    """Raises AlreadyShared. A share whose time is up, but which nobody has ended yet, is in nobody's way."""
    written = await rows.insert_shares(unit.connection, wanted)
    missing = [share for share in wanted if share.id not in written]
    if not missing:
        return
    taken = await rows.lock_shares_of(unit.connection, wanted[0].item_id, [share.recipient_id for share in missing])
    in_force = {share.recipient_id: share for share in taken if not share.is_over(unit.now)}
    if in_force:
        raise _already_shared(wanted, in_force)
    await end_shares(unit, taken, "expired")
    # The item is held and what was in the way has ended, so that now nothing can be.
    await rows.insert_shares(unit.connection, missing)


def _already_shared(wanted: Sequence[Share], in_force: dict[UserId, Share]) -> AlreadyShared:
    detail = "This person has a share of it already; change that one."
    positions = [position for position, share in enumerate(wanted) if share.recipient_id in in_force]
    errors = tuple(FieldError(f"/recipients/{position}", "already_shared", detail) for position in positions)
    first = in_force[wanted[positions[0]].recipient_id]
    return AlreadyShared(detail, errors=errors, existing={"id": first.id, "recipient_id": first.recipient_id})


async def _as_they_are(deps: Deps, share_ids: Sequence[ShareId]) -> list[Shown]:
    async with deps.work.read() as connection:
        found = await rows.shares_by_id(connection, share_ids)
        return await show(connection, [found[share_id] for share_id in share_ids])
