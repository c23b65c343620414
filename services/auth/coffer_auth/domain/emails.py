"""Addresses and the links that are mailed to them: how long links live, and how much mail one mailbox gets.

An address belongs to the account that proved to read it. Any number of accounts may claim one that nobody has proved yet; the
oldest claim is what the address stands for until then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from coffer_auth.domain.attempts import AttemptCount, Counter
from coffer_contracts.ids import UserId

VERIFY_LIFE = timedelta(hours=24)
RESET_LIFE = timedelta(minutes=30)
TOLD_FOR = timedelta(hours=24)
"""How long a mail without a link may be under way until it is news no more."""
KEPT_AFTER_END = timedelta(days=7)
"""How long links that ended are kept, for whoever looks into what happened."""

Purpose = Literal["verify", "reset"]

LIVES: Mapping[Purpose, timedelta] = {"verify": VERIFY_LIFE, "reset": RESET_LIFE}

MAILBOX: Counter = "mailbox"
ASKER: Counter = "asker"
MAIL_LIMITS: Mapping[Counter, int] = {MAILBOX: 5, ASKER: 30}
"""Mails that are asked for within a window of failed sign-ins' length: to one mailbox, and from one network.

The first keeps a mailbox from being flooded by who knows its address. It can hardly lock anybody out: the newest mail that was
sent holds a link that works, whoever asked for it.
"""


@dataclass(frozen=True, slots=True)
class MailedLink:
    """A link that was mailed, as it stands in the store."""

    user_id: UserId
    purpose: Purpose
    email: str
    expires_at: datetime


def seconds_until_mail(counts: Mapping[Counter, AttemptCount], now: datetime) -> int:
    """0 if one more mail, counted already, is within the limits; else whole seconds until the last full window ends."""
    full = [
        count.window_ends_at for name, limit in MAIL_LIMITS.items() if (count := counts.get(name)) and count.failures > limit
    ]
    return max((int((end - now).total_seconds()) + 1 for end in full), default=0)
