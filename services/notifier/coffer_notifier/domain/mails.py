"""Mail on its way: its states, and how long it is tried. What it says is `letters.py`'s.

Sent at least once. The one way to send it twice: the process dies between the provider's yes and the row that says so.
The claim then lapses, and the mail goes out again under the same Message-ID.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from coffer_contracts.auth_mail import EMAIL_CHANGED, EMAIL_TAKEN, RESET_PASSWORD, VERIFY_EMAIL

MailState = Literal["queued", "sending", "sent", "failed"]

SHARE_CREATED = "share_created"
SECURITY_ALERT = "security_alert"
WEBHOOK_DISABLED = "webhook_disabled"
NOTICE = "notice"
"""Made from a notice, by words that each type of notice has of its own."""
INVITATION = "invitation"
PRIVATE_KINDS = frozenset({VERIFY_EMAIL, RESET_PASSWORD, EMAIL_TAKEN, EMAIL_CHANGED, INVITATION})
"""What auth and sharing ask for in private. Its text is never stored, and what it was made from only until it has ended."""

LEASE = timedelta(minutes=2)
"""How long one attempt may take; longer than all time limits of the provider's client together."""

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)

UNKNOWN_FOR = timedelta(hours=24)
"""How long a recipient may be unheard of before the mail is given up."""

MOST_BY_ONE = 30
BY_ONE_WITHIN = timedelta(hours=1)
"""How many mails about what one person did another gets in so long a time. What is more stands in the feed only: nobody is to
fill somebody else's mailbox by sharing and taking back.
"""


@dataclass(frozen=True, slots=True)
class Giving:
    """Why a mail will not be sent: a stable word."""

    reason: Literal[
        "recipient_unknown",
        "recipient_inactive",
        "address_unverified",
        "address_unusable",
        "expired",
        "no_longer_shared",
        "no_longer_visible",
        "not_wanted",
        "too_many_by_one",
        "notice_read",
        "notice_gone",
        "refused",
        "too_many_attempts",
    ]


@dataclass(frozen=True, slots=True)
class Later:
    """Why a mail is not to be sent yet, and until when if that is known."""

    reason: str
    until: datetime | None = None


def message_id_at(mail_id: str, public_url: str) -> str:
    """The Message-ID of a mail of this Coffer, the same for every attempt (RFC 5322 section 3.6.4)."""
    return f"<{mail_id}@{urlsplit(public_url).hostname or 'coffer'}>"


def wait_after(attempts: int, jitter: float) -> timedelta:
    """How long to wait after so many attempts: doubled each time within bounds; `jitter` in 0..1 shortens by up to half."""
    doubled = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts - 1, 20)) if attempts > 0 else FIRST_WAIT
    return doubled * (1 - jitter / 2)
