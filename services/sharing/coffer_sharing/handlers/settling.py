"""What is decided after an answer was given: whether somebody has the address that was invited, and what the facts about a
person mean for shares and invitations.

Whoever invites marks the invitation, and a fact about a person marks the person, both in the transaction that writes them down.
A loop looks at what is marked, after those have committed: of an invitation and a person who come at the same moment the later
one finds the other. Nothing here is done twice in effect, and a mark goes only when what it stands for was done.
"""

import asyncio
from datetime import datetime

import structlog

from coffer_chassis.copies.tree import standings
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.rounds import Rounds
from coffer_chassis.sealing import seal
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import InvitationId, MailId, ShareId, UserId
from coffer_contracts.sharing_invitations import InvitationWords, MailRequestedV1, invitation_context
from coffer_sharing.domain import Share
from coffer_sharing.domain.invitations import LOOK_AGAIN, MAIL_LIVES, MAIL_WINDOW, MAILS_TO_ONE, Invitation
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.facts import Described, end_shares, tell_created
from coffer_sharing.handlers.invitation_facts import end_invitations
from coffer_sharing.handlers.link_ending import end_sessions_of
from coffer_sharing.handlers.link_facts import end_links
from coffer_sharing.store import invitations as rows
from coffer_sharing.store import links as link_rows
from coffer_sharing.store import paces
from coffer_sharing.store import people as persons
from coffer_sharing.store import shares as share_rows
from coffer_sharing.store.people import Concerned
from coffer_sharing.store.tables import tree

PAGE = 50
POLL_SECONDS = 5.0
"""How long the loop waits without being woken: for what is to be looked at again, and for lost wake-ups."""
BACK_OFF_SECONDS = (0.2, 10.0)

log = structlog.get_logger(__name__)


def settler(deps: Deps) -> Rounds:
    """A loop that looks at what is marked. Several processes may run it: each decision is made under the item's lock."""

    async def look(_stopping: asyncio.Event) -> float:
        return 0 if await settle_due(deps) else POLL_SECONDS

    return Rounds(look, failed="not_settled", back_off_seconds=BACK_OFF_SECONDS)


async def settle_due(deps: Deps) -> int:
    """Look at one page of what is marked; how much that was. May run twice and at once. What fails is looked at again later
    and keeps nothing else waiting.
    """
    now = deps.work.clock.now()
    async with deps.work.read() as connection:
        concerned = await persons.to_look_at(connection, now, PAGE)
        waiting = await rows.due(connection, now, PAGE)
    for one in concerned:
        await _look_at(deps, one)
    for invitation_id in waiting:
        await _settle_or_postpone(deps, invitation_id)
    return len(concerned) + len(waiting)


async def _look_at(deps: Deps, one: Concerned) -> None:
    again_at = None
    try:
        if one.status == "deleted":
            await _end_all_of(deps, one.user_id)
        elif one.status != "active":
            await end_sessions_of(deps, one.user_id)
        elif one.address_key is not None:
            await _settle_all_to(deps, one.address_key)
    except Exception as error:  # noqa: BLE001  # somebody else must not wait for it; those of the store may show names
        log.warning("person_not_settled", user_id=one.user_id, error=type(error).__name__)
        again_at = deps.work.clock.now() + LOOK_AGAIN
    async with deps.work.unit(Origin.system(new_id())) as unit:
        await persons.looked_at(unit.connection, one, again_at)


async def _settle_all_to(deps: Deps, address_key: bytes) -> None:
    after = None
    while True:
        async with deps.work.read() as connection:
            found = await rows.open_to(connection, address_key, after, PAGE)
        for invitation_id in found:
            await _settle_or_postpone(deps, invitation_id)
        if len(found) < PAGE:
            return
        after = found[-1]


async def _settle_or_postpone(deps: Deps, invitation_id: InvitationId) -> None:
    try:
        await settle(deps, invitation_id)
    except Exception as error:  # noqa: BLE001  # as above
        log.warning("invitation_not_settled", invitation_id=invitation_id, error=type(error).__name__)
        async with deps.work.unit(Origin.system(new_id())) as unit:
            invitation = await rows.lock_invitation(unit.connection, invitation_id)
            if invitation is not None and invitation.ended_at is None:
                await rows.write(unit.connection, [invitation._replace(due_at=unit.now + LOOK_AGAIN)])


async def settle(deps: Deps, invitation_id: InvitationId) -> None:
    """Make an invitation a share if somebody has proved its address; else have it told by mail, once. May run twice and at
    once.
    """
    async with deps.work.read() as connection:
        known = await rows.invitation_by_id(connection, invitation_id)
    if known is None or known.ended_at is not None:
        return
    origin = Origin(known.granted_by, "user", known.correlation_id)
    async with deps.work.unit(origin) as unit:
        held = await share_rows.lock_item(unit.connection, known.item_id)
        invitation = await rows.lock_invitation(unit.connection, invitation_id)
        if invitation is None or invitation.ended_at is not None or invitation.address_key is None:
            return
        if invitation.is_over(unit.now):
            await end_invitations(unit, [invitation], "expired")
            return
        holders = await persons.holders_of(unit.connection, invitation.address_key)
        at = (await standings(unit.connection, tree, [invitation.item_id])).get(invitation.item_id) if held else None
        if at is None or len(holders) > 1:
            await rows.write(unit.connection, [invitation._replace(due_at=unit.now + LOOK_AGAIN)])
        elif not holders:
            mailed_at = await _tell_once(unit, deps, invitation, at)
            await rows.write(unit.connection, [invitation._replace(due_at=None, mailed_at=mailed_at)])
        elif at.owner_id != invitation.granted_by:
            await end_invitations(unit, [invitation], "revoked")
        else:
            await _become_share(unit, invitation, holders[0], at)


async def _become_share(unit: Unit, invitation: Invitation, holder: UserId, item: Described) -> None:
    has = await share_rows.lock_shares_of(unit.connection, invitation.item_id, [holder])
    await end_shares(unit, [share for share in has if share.is_over(unit.now)], "expired")
    if holder == invitation.owner_id or any(not share.is_over(unit.now) for share in has):
        # What they have stays as it is: whoever invited may have given more, or less, on purpose since.
        await end_invitations(unit, [invitation], "not_needed")
        return
    share = Share(
        id=ShareId(invitation.id),
        item_id=invitation.item_id,
        owner_id=invitation.owner_id,
        granted_by=invitation.granted_by,
        recipient_id=holder,
        role=invitation.role,
        message=invitation.message,
        expires_at=invitation.expires_at,
        created_at=unit.now,
        changed_at=unit.now,
        revision=1,
        ended_at=None,
        end_reason=None,
    )
    await share_rows.insert_shares(unit.connection, [share])
    tell_created(unit, share, item, notify=invitation.notify)
    await end_invitations(unit, [invitation], "accepted")


async def _tell_once(unit: Unit, deps: Deps, invitation: Invitation, item: Described) -> datetime | None:
    """Have the invited told by mail, unless they were or are not to be; when that was."""
    if invitation.mailed_at is not None or not invitation.notify or not invitation.address or not invitation.address_key:
        return invitation.mailed_at
    mailbox = f"mailbox/{invitation.address_key.hex()}"
    if await paces.take(unit.connection, mailbox, 1, quota=MAILS_TO_ONE, window=MAIL_WINDOW, now=unit.now):
        log.info("invited_mailbox_has_enough", invitation_id=invitation.id)
        return None
    mail_id, expires_at = MailId(new_id()), min(unit.now + MAIL_LIVES, invitation.lapses_at)
    words = InvitationWords(
        address=deps.addresses.open(invitation.id, invitation.address),
        item_kind=item.kind,
        item_name=item.name,
        role=invitation.role,
        message=invitation.message,
    )
    context = invitation_context(mail_id, invitation.id, invitation.granted_by, expires_at)
    unit.send_privately(
        MailRequestedV1(
            mail_id=mail_id,
            invitation_id=invitation.id,
            user_id=invitation.granted_by,
            sealed=seal(deps.mail_key, words.model_dump_json().encode(), context),
            expires_at=expires_at,
        )
    )
    return unit.now


async def _end_all_of(deps: Deps, user_id: UserId) -> None:
    """End what somebody was given, gave and promised, whose account was closed for good."""
    while True:
        async with deps.work.read() as connection:
            found = await share_rows.shares_with_or_by(connection, user_id, PAGE)
            led = await link_rows.links_by(connection, user_id, PAGE)
            promised = await rows.invitations_from(connection, user_id, PAGE)
        for share_id, item_id in found:
            async with deps.work.unit(Origin.system(new_id())) as unit:
                await share_rows.lock_item(unit.connection, item_id)
                share = await share_rows.lock_share(unit.connection, share_id)
                if share is not None and share.ended_at is None:
                    await end_shares(unit, [share], "account_deleted")
        for link_id, item_id in led:
            async with deps.work.unit(Origin.system(new_id())) as unit:
                await share_rows.lock_item(unit.connection, item_id)
                link = await link_rows.lock_link(unit.connection, link_id)
                if link is not None and link.ended_at is None:
                    await end_links(unit, [link], "account_deleted")
        # One by one as well: their drive is purged at the same time, item by item in any order.
        for invitation_id, item_id in promised:
            async with deps.work.unit(Origin.system(new_id())) as unit:
                await share_rows.lock_item(unit.connection, item_id)
                invitation = await rows.lock_invitation(unit.connection, invitation_id)
                if invitation is not None and invitation.ended_at is None:
                    await end_invitations(unit, [invitation], "account_deleted")
        if max(len(found), len(led), len(promised)) < PAGE:
            return


async def key_addresses(deps: Deps) -> int:
    """Digest the addresses that an older release left in the copy of people; how many. Safe to run twice and at once."""
    count = 0
    while True:
        async with deps.work.engine.begin() as connection:
            found = await persons.unkeyed(connection, PAGE)
            keys = [(user_id, deps.addresses.key_of(email)) for user_id, email in found]
            await persons.write_keys(connection, keys, deps.work.clock.now())
        count += len(found)
        if len(found) < PAGE:
            return count
