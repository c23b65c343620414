"""Facts about invitations: shares that wait for whoever proves an e-mail address. And the mail that tells of one, a command.

No fact names the mail address or anything made of it: it belongs to somebody who may not even know of this Coffer. It
goes to the notifier alone, sealed, and to nobody else.
"""

import json
from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from coffer_contracts.audited import AuditedFact
from coffer_contracts.event import Moment, PrivateCommand, described, rfc3339
from coffer_contracts.files import ItemKind, OpenItemKind
from coffer_contracts.ids import InvitationId, ItemId, MailId, ShareId, UserId
from coffer_contracts.sharing import FieldChange, OpenShareRole, ShareRole

ENDINGS = "`accepted`, `not_needed`, `revoked`, `expired`, `item_purged`, `account_deleted`"


class InvitationFact(AuditedFact):
    """An invitation as it stands after the fact. To whom it went is not said."""

    invitation_id: InvitationId = described(description="The invitation; the share that it becomes has the same id.")
    item_id: ItemId = described(description="The file or folder that is to be shared.")
    item_kind: OpenItemKind = described(description="What it is.")
    item_name: str = described(description="Its name at that moment.")
    owner_id: UserId = described(description="Whose drive it lives in.")
    granted_by: UserId = described(description="Who invited.")
    role: OpenShareRole = described(description="What the invited will be able to do.")
    expires_at: Moment | None = described(None, description="When the share will end by itself; null for never.")
    lapses_at: Moment = described(description="When the invitation ends if nobody has proved the address by then.")
    created_at: Moment = described(description="When somebody was invited.")
    changed_at: Moment = described(description="When the invitation was last changed.")

    @property
    def subject(self) -> str:
        return f"invitation/{self.invitation_id}"


class InvitationCreatedV1(InvitationFact):
    """An item is to be shared with whoever proves an e-mail address."""

    type: ClassVar[str] = "sharing.invitation.created.v1"


class InvitationChangedV1(InvitationFact):
    """Something about an invitation changed, for now its role or the end of the share that it will be."""

    type: ClassVar[str] = "sharing.invitation.changed.v1"

    changes: tuple[FieldChange, ...] = described(
        description="What changed, one entry for each field: `role`, `expires_at`; more may come.", min_length=1
    )


class InvitationEndedV1(InvitationFact):
    """An invitation is over: it has become a share, or it never will."""

    type: ClassVar[str] = "sharing.invitation.ended.v1"

    reason: str = described(description=f"Why, a stable word; more may come: {ENDINGS}.")
    share_id: ShareId | None = described(None, description="The share that it has become; null if it became none.")
    ended_at: Moment = described(description="When it ended.")


class MailRequestedV1(PrivateCommand):
    """Sharing asks for a mail to somebody who was invited."""

    type: ClassVar[str] = "sharing.mail.requested.v1"

    mail_id: MailId = described(description="The mail; nothing else is ever asked about it.")
    invitation_id: InvitationId = described(description="The invitation that it tells of.")
    user_id: UserId = described(description="Who invited, in whose name and language it is written.")
    sealed: str = described(
        description="What it says and where it goes, sealed to the notifier's key and to what else the command says."
    )

    @property
    def subject(self) -> str:
        return f"mail/{self.mail_id}"

    @property
    def owner(self) -> UserId:
        return self.user_id

    @property
    def context(self) -> bytes:
        """What its words are sealed to; see `invitation_context`."""
        return invitation_context(self.mail_id, self.invitation_id, self.user_id, self.expires_at)


class InvitationWords(BaseModel):
    """What is sealed into the command, as JSON. Read by whoever is at least as new as whoever wrote it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    address: str
    item_kind: ItemKind
    item_name: str
    role: ShareRole
    message: str | None = None


def invitation_context(mail_id: MailId, invitation_id: InvitationId, user_id: UserId, expires_at: datetime) -> bytes:
    """The bytes that bind the words to one mail: moved into another command or beyond its time, they do not open."""
    bound = [MailRequestedV1.type, mail_id, invitation_id, user_id, rfc3339(expires_at)]
    return json.dumps(bound, ensure_ascii=True, separators=(",", ":")).encode("ascii")
