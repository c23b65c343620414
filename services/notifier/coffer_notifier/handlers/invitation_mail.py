"""Mail to people who were invited: asked for by sharing in private, given up when the invitation ends before it went out."""

import structlog
from pydantic import ValidationError

from coffer_chassis.copies.people import people_by_id
from coffer_chassis.handling import Reject
from coffer_chassis.ids import new_id
from coffer_chassis.sealing import CannotOpen, open_sealed
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope, rfc3339
from coffer_contracts.ids import InvitationId, MailId
from coffer_contracts.sharing_invitations import InvitationEndedV1, InvitationWords, MailRequestedV1, invitation_context
from coffer_notifier.domain.letters import Letter, Trail, usable_address
from coffer_notifier.domain.letters_invitation import InvitationNews, invitation_letter
from coffer_notifier.domain.mails import INVITATION, UNKNOWN_FOR, Giving, Later, message_id_at
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.telling import MAIL
from coffer_notifier.store import audit, mails
from coffer_notifier.store.mails import Mail
from coffer_notifier.store.tables import people

LONGEST = 20_000
"""Characters of a sealed invitation that are looked at: a message of 2000 characters and a name, four bytes each, in base64."""

ENDED = "invitation.ended"
"""What the audit calls the end of an invitation."""

log = structlog.get_logger(__name__)


async def on_invitation_mail(event: Envelope[MailRequestedV1], unit: Unit, deps: Deps) -> None:
    """A mail that goes out at once, its words sealed until then; once, however often the command comes.

    Raises Reject for a seal that does not open: after keys were mended an operator may have it tried again, until it expires.
    """
    asked = event.data
    try:
        open_sealed(deps.settings.mail_keys, asked.sealed, asked.context, longest=LONGEST)
    except CannotOpen as error:
        raise Reject(str(error)) from None
    mail_id = new_id()
    queued = await mails.queue(
        unit.connection,
        mail_id=mail_id,
        event_id=event.id,
        user_id=asked.user_id,
        kind=INVITATION,
        data={
            "mail_id": asked.mail_id,
            "invitation_id": asked.invitation_id,
            "sealed": asked.sealed,
            "expires_at": rfc3339(asked.expires_at),
        },
        message_id=message_id_at(mail_id, deps.public_url),
        now=unit.now,
        trail=Trail(event.traceparent, event.correlationid),
    )
    if queued:
        unit.wake(MAIL)


async def give_up_mail(event: Envelope[InvitationEndedV1], unit: Unit) -> None:
    """Nobody is told any more of an invitation that is over. A mail that is asked for later, because the two travel apart or an
    old command was tried again, is not sent either: see `compose_invitation`.
    """
    given_up = await mails.give_up_invitation(unit.connection, event.data.granted_by, event.data.invitation_id, unit.now)
    if given_up:
        log.info("invitation_mail_given_up", invitation_id=event.data.invitation_id)


async def compose_invitation(unit: Unit, deps: Deps, mail: Mail) -> Letter | Giving | Later:
    """What the mail says, why it is not to be sent at all, or why not yet."""
    expires_at = mails.expiry_of(mail)
    if expires_at <= unit.now:
        return Giving("expired")
    sharer = (await people_by_id(unit.connection, people, [mail.user_id])).get(mail.user_id)
    if sharer is None:
        unknown_for = unit.now - mail.created_at
        return Giving("no_longer_shared") if unknown_for > UNKNOWN_FOR else Later("whoever invites is not known yet")
    if not sharer.is_active:
        return Giving("no_longer_shared")
    data = mail.data
    if await audit.has_happened(unit.connection, "invitation", data["invitation_id"], ENDED):
        return Giving("no_longer_shared")
    context = invitation_context(MailId(data["mail_id"]), InvitationId(data["invitation_id"]), mail.user_id, expires_at)
    try:
        opened = open_sealed(deps.settings.mail_keys, data["sealed"], context, longest=LONGEST)
        words = InvitationWords.model_validate_json(opened)
    except (CannotOpen, ValidationError):
        return Later("its words do not open with the keys of this process")
    address = usable_address(words.address)
    if address is None:
        return Giving("address_unusable")
    news = InvitationNews(
        sharer_name=sharer.display_name,
        sharer_username=sharer.username,
        item_kind=words.item_kind,
        item_name=words.item_name,
        role=words.role,
        message=words.message,
        locale=sharer.locale,
        public_url=deps.public_url,
    )
    return invitation_letter(address, news)
