"""What auth asks the notifier to send by mail, with the secret that only the mail's reader may see. Commands, no facts.

The recipient's address stands in the command because it may be one that no account has yet, or no longer has.
"""

import json
from datetime import datetime
from typing import ClassVar

from coffer_contracts.event import PrivateCommand, described, rfc3339
from coffer_contracts.ids import MailId, UserId

VERIFY_EMAIL = "verify_email"
RESET_PASSWORD = "reset_password"  # noqa: S105  # a word, no password
EMAIL_TAKEN = "email_taken"
EMAIL_CHANGED = "email_changed"
SEALED_KINDS = frozenset({VERIFY_EMAIL, RESET_PASSWORD})
"""Kinds that are of no use without a secret; the others carry none."""


class MailRequestedV1(PrivateCommand):
    """Auth asks for a mail about an account, now, to this address and no other."""

    type: ClassVar[str] = "auth.mail.requested.v1"

    mail_id: MailId = described(description="The mail; nothing else is ever asked about it.")
    user_id: UserId = described(description="The account that it is about; not always that of whoever asked.")
    kind: str = described(
        description="What the mail says, a stable word; a reader leaves aside words it does not know: `verify_email`,"
        " `reset_password`, `email_taken`, `email_changed`.",
        max_length=100,
    )
    address: str = described(description="Where it goes, whatever address the account has.", max_length=320)
    display_name: str = described(description="What the person is called.")
    locale: str = described(description="BCP 47 language tag of the mail.")
    sealed: str | None = described(
        None, description="The secret of its link, sealed to the notifier's key and to what else the command says."
    )

    @property
    def subject(self) -> str:
        return f"mail/{self.mail_id}"

    @property
    def owner(self) -> UserId:
        return self.user_id

    @property
    def context(self) -> bytes:
        """What the secret is sealed to; see `mail_context`."""
        return mail_context(self.mail_id, self.user_id, self.kind, self.address, self.expires_at)


def mail_context(mail_id: MailId, user_id: UserId, kind: str, address: str, expires_at: datetime) -> bytes:
    """The bytes that bind a secret to one mail: moved into another command, to another address or beyond its time, it does
    not open.
    """
    bound = [MailRequestedV1.type, mail_id, user_id, kind, address, rfc3339(expires_at)]
    return json.dumps(bound, ensure_ascii=True, separators=(",", ":")).encode("ascii")
