"""Looking at one share, changing it and ending it."""

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.copies.tree import standings
from coffer_chassis.etags import Conditions
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import ShareId
from coffer_contracts.problems import Forbidden, NotFound
from coffer_sharing.domain import Share, Wish, changed
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.facts import end_shares, tell_changed
from coffer_sharing.handlers.showing import Shown, show
from coffer_sharing.store import shares as rows
from coffer_sharing.store.tables import tree


async def find_share(deps: Deps, principal: Principal, share_id: ShareId) -> Shown:
    """A share that is in force, for its owner, sharer or recipient; for the last only while what it opens is not in the
    trash. Raises NotFound.
    """
    async with deps.work.read() as connection:
        share = _involving(await rows.share_by_id(connection, share_id), principal)
        if share.is_over(deps.work.clock.now()):
            raise NotFound
        await _require_open(connection, share, principal)
        return (await show(connection, [share]))[0]


async def change_share(
    deps: Deps, principal: Principal, origin: Origin, share_id: ShareId, wish: Wish, conditions: Conditions
) -> Shown:
    """Change role or expiry. A wish that is fulfilled already changes nothing, so it may run twice.

    Raises NotFound, Forbidden for anybody but the owner, PreconditionFailed, ValidationFailed.
    """
    async with deps.work.unit(origin) as unit:
        share = await _lock_as_owner(unit, principal, share_id)
        if share.is_over(unit.now):
            raise NotFound
        before = (await show(unit.connection, [share]))[0]
        conditions.require(before.etag)
        after, changes = changed(share, wish, unit.now)
        if not changes:
            return before
        await rows.write(unit.connection, [after])
        tell_changed(unit, share, after, before, changes)
        return (await show(unit.connection, [after]))[0]


async def revoke_share(deps: Deps, principal: Principal, origin: Origin, share_id: ShareId, conditions: Conditions) -> None:
    """Take a share back. One that is over already stays so, so it may run twice.

    Raises NotFound, Forbidden for anybody but the owner, PreconditionFailed.
    """
    async with deps.work.unit(origin) as unit:
        share = await _lock_as_owner(unit, principal, share_id)
        if share.is_over(unit.now):
            return
        conditions.require((await show(unit.connection, [share]))[0].etag)
        await end_shares(unit, [share], "revoked")


async def leave_share(deps: Deps, principal: Principal, origin: Origin, share_id: ShareId) -> None:
    """Give up what one was given, also while it is in the trash. May run twice. Raises NotFound, Forbidden for anybody
    but the recipient.
    """
    async with deps.work.unit(origin) as unit:
        share = _involving(await rows.lock_share(unit.connection, share_id), principal)
        if share.recipient_id != principal.user_id:
            raise Forbidden("Only whom it is shared with can leave a share; revoke it instead.")
        if share.end_reason == "left":
            return
        if share.is_over(unit.now):
            raise NotFound
        await end_shares(unit, [share], "left")


async def _lock_as_owner(unit: Unit, principal: Principal, share_id: ShareId) -> Share:
    """The share, locked. Raises NotFound, and Forbidden for those who can see it but do not own the item."""
    share = _involving(await rows.lock_share(unit.connection, share_id), principal)
    if share.owner_id != principal.user_id:
        if share.is_over(unit.now):
            raise NotFound
        await _require_open(unit.connection, share, principal)
        raise Forbidden("Only the owner of the item changes or revokes its shares; you can leave yours.")
    return share


def _involving(share: Share | None, principal: Principal) -> Share:
    if share is None or principal.user_id not in {share.owner_id, share.granted_by, share.recipient_id}:
        raise NotFound
    return share


async def _require_open(connection: AsyncConnection, share: Share, principal: Principal) -> None:
    """Raises NotFound for a recipient while the item is in the trash or below it."""
    if share.recipient_id != principal.user_id:
        return
    at = (await standings(connection, tree, [share.item_id])).get(share.item_id)
    if at is None or not at.is_live:
        raise NotFound
