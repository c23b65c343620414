"""The rules of accounts, sign-ins and sessions: values in, values or refusals out. No clock, no store, no randomness."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Literal

from coffer_contracts.ids import SessionId, UserId
from coffer_contracts.problems import FieldError, ValidationFailed

ACCESS_LIFE = timedelta(minutes=10)
SESSION_LIFE = timedelta(days=30)
"""A session ends when it was not refreshed for this long."""
REFRESH_GRACE = timedelta(seconds=10)
"""Tabs of one browser may refresh at the same moment with the same token; that is no theft."""

USERNAME_LENGTH = range(3, 65)
EMAIL_LENGTH = 254
"""RFC 5321 section 4.5.3.1.3, without the angle brackets."""
DISPLAY_NAME_LENGTH = 128

USER_SCOPES = frozenset(
    {
        "files:read",
        "files:write",
        "shares:write",
        "account:read",
        "account:write",
        "events:read",
        "webhooks:write",
    }
)
OPERATOR_SCOPES = frozenset({"admin:read", "admin:write"})
OPERATOR = "operator"

Status = Literal["active", "suspended", "deleted"]
RevocationReason = Literal["logout", "reuse_detected", "password_changed", "operator", "expired"]

_USERNAME_PUNCTUATION = frozenset("._-")
_USERNAME_CATEGORIES = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd"})
_INVISIBLE = frozenset(
    map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, *range(0xFE00, 0xFE10)))
) | frozenset(map(chr, range(0xE0100, 0xE01F0)))
"""Letters and marks that Unicode calls default-ignorable: they leave no trace on the screen."""


@dataclass(frozen=True, slots=True)
class User:
    """An account. The password hash is kept apart from it on purpose."""

    id: UserId
    username: str
    email: str
    email_verified: bool
    display_name: str
    locale: str
    status: Status
    roles: tuple[str, ...]
    revision: int
    created_at: datetime

    @property
    def scopes(self) -> frozenset[str]:
        """What a sign-in of this person may do."""
        return USER_SCOPES | OPERATOR_SCOPES if OPERATOR in self.roles else USER_SCOPES


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in device."""

    id: SessionId
    user_id: UserId
    device_name: str | None
    created_at: datetime
    expires_at: datetime
    revision: int
    revoked_at: datetime | None = None

    def alive(self, now: datetime) -> bool:
        """Whether it may still be refreshed."""
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from, for security facts."""

    address: str | None
    agent: str | None


def key_of(name: str) -> str:
    """The form in which user names and e-mail addresses are unique: NFC of the case-folded NFC (INTERFACES 1.2)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def accept_username(raw: str) -> str:
    """The user name in NFC. Raises ValidationFailed.

    Letters, marks and digits of any script with `.`, `_` and `-` between them: no `@`, so that it is never taken for an
    e-mail address; nothing invisible and no compatibility forms (NFKC), so that two names do not look the same.
    """
    name = unicodedata.normalize("NFC", raw)
    if len(name) not in USERNAME_LENGTH:
        raise _invalid("/username", "length", "A user name has 3 to 64 characters.")
    if not all(map(_may_stand_in_username, name)) or unicodedata.normalize("NFKC", name) != name:
        raise _invalid("/username", "characters", "A user name has letters, digits, '.', '_' and '-' only.")
    if not name[0].isalnum() or name[-1] in _USERNAME_PUNCTUATION:
        raise _invalid("/username", "ends", "A user name starts and ends with a letter or digit.")
    if len(key_of(name)) not in USERNAME_LENGTH:
        raise _invalid("/username", "length", "A user name has 3 to 64 characters.")
    return name


class RefreshVerdict(Enum):
    """What a shown refresh token deserves."""

    ROTATE = "rotate"
    """Its first use: it is spent, a new pair is given."""
    GRACE = "grace"
    """Spent a moment ago: another tab's twin. A new pair, nothing is revoked."""
    REUSE = "reuse"
    """Spent long ago: a copy is in other hands. The session ends."""
    DEAD = "dead"
    """The session ended, or the token is too old."""


def judge_refresh(*, session: Session, rotated_at: datetime | None, expires_at: datetime, now: datetime) -> RefreshVerdict:
    """Decide on a refresh token that is in the store."""
    if not session.alive(now) or now >= expires_at:
        return RefreshVerdict.DEAD
    if rotated_at is None:
        return RefreshVerdict.ROTATE
    return RefreshVerdict.GRACE if now - rotated_at <= REFRESH_GRACE else RefreshVerdict.REUSE


@dataclass(frozen=True, slots=True)
class AttemptLimit:
    """How many failed sign-ins one counter takes within its window before it refuses."""

    name: str
    failures: int


ATTEMPT_WINDOW = timedelta(minutes=15)
ATTEMPT_LIMITS = (
    AttemptLimit("pair", 10),
    AttemptLimit("account", 50),
    AttemptLimit("address", 300),
)
"""Per account and address together, per account from anywhere, per address to anywhere.

The first is tight and locks out nobody else; the second bounds a guess from many addresses, the third a guess at many names.
Attempts that are being hashed when a limit is reached still get their answer, so a window takes at most the limit and the
length of the hashing queue of every process.
"""


@dataclass(frozen=True, slots=True)
class AttemptCount:
    """A counter as it stands in the store."""

    failures: int
    window_ends_at: datetime


def seconds_until_allowed(counts: dict[str, AttemptCount], now: datetime) -> int:
    """0 if another attempt is allowed, else whole seconds until the last full window ends."""
    full = [
        counts[limit.name].window_ends_at
        for limit in ATTEMPT_LIMITS
        if limit.name in counts and counts[limit.name].failures >= limit.failures
    ]
    waits = [(end - now).total_seconds() for end in full if end > now]
    return int(max(waits)) + 1 if waits else 0


def _may_stand_in_username(char: str) -> bool:
    if char in _USERNAME_PUNCTUATION:
        return True
    return unicodedata.category(char) in _USERNAME_CATEGORIES and char not in _INVISIBLE


def _invalid(pointer: str, code: str, detail: str) -> ValidationFailed:
    return ValidationFailed(detail, errors=(FieldError(pointer, code, detail),))
