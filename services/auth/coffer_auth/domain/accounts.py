"""Accounts: what one is, and which names it may have."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from coffer_contracts.ids import UserId
from coffer_contracts.problems import FieldError, ValidationFailed
from coffer_contracts.scopes import ADMIN_SCOPES, USER_SCOPES

USERNAME_LENGTH = range(3, 65)
DISPLAY_NAME_LENGTH = 128

OPERATOR = "operator"

Status = Literal["active", "suspended", "deleted"]

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
    timezone: str | None = None
    quota_bytes: int | None = None
    """Room an operator gave its drive; None for the room that everybody has."""
    photo: str | None = None
    """The name of its photo among the objects of the account."""

    @property
    def scopes(self) -> frozenset[str]:
        """What a sign-in of this person may do."""
        return USER_SCOPES | ADMIN_SCOPES if OPERATOR in self.roles else USER_SCOPES


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


def _may_stand_in_username(char: str) -> bool:
    if char in _USERNAME_PUNCTUATION:
        return True
    return unicodedata.category(char) in _USERNAME_CATEGORIES and char not in _INVISIBLE


def _invalid(pointer: str, code: str, detail: str) -> ValidationFailed:
    return ValidationFailed(detail, errors=(FieldError(pointer, code, detail),))
