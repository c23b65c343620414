"""Looking at invitations, changing and revoking them; for whoever made them."""

from dataclasses import dataclass

from coffer_chassis.etags import Conditions
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import InvitationId, ItemId, ShareId
from coffer_contracts.problems import NotFound, StateConflict
from coffer_sharing.domain import Wish
from coffer_sharing.domain.invitations import Invitation, changed
from coffer_sharing.handlers.changing import revoke_share
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.invitation_facts import end_invitations, tell_changed
from coffer_sharing.handlers.showing_invitations import ShownInvitation, show_invitations, show_listed_invitations
from coffer_sharing.store import invitations as rows
from coffer_sharing.store.invitations import Beginning


@dataclass(frozen=True, slots=True)
class InvitationsPage:
    """Part of a list. `after` is where the next page begins, None at the end."""

    invitations: list[ShownInvitation]
    after: Beginning | None


async def list_invitations(
    deps: Deps, principal: Principal, *, item_id: ItemId | None, after: Beginning | None, limit: int
) -> InvitationsPage:
    """The caller's invitations that nobody has followed yet, newest first; to one item only if it is named."""
    now = deps.work.clock.now()
    async with deps.work.read() as connection:
        found = await rows.invitations_by(connection, principal.user_id, now, item_id=item_id, after=after, limit=limit + 1)
        page = found[:limit]
        end = page[-1].invitation if len(found) > limit else None
        shown = await show_listed_invitations(connection, deps.addresses, page)
    return InvitationsPage(shown, Beginning(end.created_at, end.id) if end else None)


async def find_invitation(deps: Deps, principal: Principal, invitation_id: InvitationId) -> ShownInvitation:
    """An invitation that is open or has become a share. Raises NotFound."""
    async with deps.work.read() as connection:
        invitation = _of(await rows.invitation_by_id(connection, invitation_id), principal)
        if invitation.is_over(deps.work.clock.now()) and invitation.end_reason != "accepted":
            raise NotFound
        return (await show_invitations(connection, deps.addresses, [invitation]))[0]


async def change_invitation(
    deps: Deps, principal: Principal, origin: Origin, invitation_id: InvitationId, wish: Wish, conditions: Conditions
) -> ShownInvitation:
    """Change the role or the end of the share that it will be. A wish that is fulfilled already changes nothing, so it may run
    twice.

    Raises NotFound, StateConflict with `share_id` when it has become a share, PreconditionFailed, ValidationFailed.
    """
    async with deps.work.unit(origin) as unit:
        invitation = _of(await rows.lock_invitation(unit.connection, invitation_id), principal)
        if invitation.end_reason == "accepted":
            raise StateConflict("It has become a share; change that one.", share_id=invitation.id)
        if invitation.is_over(unit.now):
            raise NotFound
        before = await _show(unit, deps, invitation)
        conditions.require(before.etag)
        after, changes = changed(invitation, wish, unit.now, deps.settings.invitation_days)
        if not changes:
            return before
        await rows.write(unit.connection, [after])
        tell_changed(unit, invitation, after, before, changes)
        return await _show(unit, deps, after)


async def revoke_invitation(
    deps: Deps, principal: Principal, origin: Origin, invitation_id: InvitationId, conditions: Conditions
) -> None:
    """Take an invitation back, and the share that it has become meanwhile. One that is over stays so, so it may run twice.

    Raises NotFound, PreconditionFailed.
    """
    async with deps.work.unit(origin) as unit:
        invitation = _of(await rows.lock_invitation(unit.connection, invitation_id), principal)
        accepted = invitation.end_reason == "accepted"
        if accepted or invitation.ended_at is None:
            conditions.require((await _show(unit, deps, invitation)).etag)
        if invitation.ended_at is None:
            await end_invitations(unit, [invitation], "revoked")
    if accepted:
        await revoke_share(deps, principal, origin, ShareId(invitation_id), Conditions())


async def _show(unit: Unit, deps: Deps, invitation: Invitation) -> ShownInvitation:
    return (await show_invitations(unit.connection, deps.addresses, [invitation]))[0]


def _of(invitation: Invitation | None, principal: Principal) -> Invitation:
    if invitation is None or invitation.granted_by != principal.user_id:
        raise NotFound
    return invitation
