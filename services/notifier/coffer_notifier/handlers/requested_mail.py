"""Mail that is asked for in private: here by auth. Quick: SQL, and a seal that is tried. The table at the end is a lane of its
own, whose letters nobody is shown.
"""

import structlog

from coffer_chassis.handling import HandlerTable, Handles, Reject, handler_table
from coffer_chassis.ids import new_id
from coffer_chassis.sealing import CannotOpen, open_sealed
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth_mail import SEALED_KINDS, MailRequestedV1
from coffer_contracts.event import Envelope, rfc3339
from coffer_contracts.sharing_invitations import MailRequestedV1 as InvitationMailRequestedV1
from coffer_notifier.domain.letters import Trail
from coffer_notifier.domain.letters_account import PLACES
from coffer_notifier.domain.mails import message_id_at
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.invitation_mail import on_invitation_mail
from coffer_notifier.handlers.telling import MAIL
from coffer_notifier.store import mails

log = structlog.get_logger(__name__)


async def on_mail_requested(event: Envelope[MailRequestedV1], unit: Unit, deps: Deps) -> None:
    """A mail that goes out at once, its secret sealed until then; once, however often the command comes.

    Raises Reject for a seal that does not open: after keys were mended an operator may have it tried again, until it expires.
    """
    asked = event.data
    if asked.kind not in PLACES:
        log.warning("mail_kind_unknown", kind=asked.kind, mail_id=asked.mail_id)
        return
    if (asked.sealed is None) == (asked.kind in SEALED_KINDS):
        raise Reject(f"a mail of kind {asked.kind} {'needs a' if asked.sealed is None else 'has no'} sealed secret")
    if asked.sealed is not None:
        try:
            open_sealed(deps.settings.mail_keys, asked.sealed, asked.context)
        except CannotOpen as error:
            raise Reject(str(error)) from None
    mail_id = new_id()
    queued = await mails.queue(
        unit.connection,
        mail_id=mail_id,
        event_id=event.id,
        user_id=asked.user_id,
        kind=asked.kind,
        data={
            "mail_id": asked.mail_id,
            "address": asked.address,
            "display_name": asked.display_name,
            "locale": asked.locale,
            "sealed": asked.sealed,
            "expires_at": rfc3339(asked.expires_at),
        },
        message_id=message_id_at(mail_id, deps.public_url),
        now=unit.now,
        trail=Trail(event.traceparent, event.correlationid),
    )
    if queued:
        unit.wake(MAIL)


PRIVATE: HandlerTable = handler_table(
    [Handles(MailRequestedV1, on_mail_requested), Handles(InvitationMailRequestedV1, on_invitation_mail)]
)
