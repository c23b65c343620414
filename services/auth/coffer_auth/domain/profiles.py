"""Profiles: what people may say about themselves, and which of it changes anything."""

import unicodedata
from collections.abc import Mapping
from functools import cache
from zoneinfo import available_timezones

from coffer_auth.domain.accounts import DISPLAY_NAME_LENGTH, User
from coffer_contracts.problems import FieldError, ValidationFailed

_INVISIBLE = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of what a name is not made of: controls, lone surrogates, private and unassigned, separators of lines."""
_TURNS = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
"""Characters that turn the direction of what stands behind them on somebody else's screen (UAX 9, section 2)."""


def accept_display_name(raw: str) -> str:
    """The name in NFC without blanks around it. Raises ValidationFailed."""
    name = unicodedata.normalize("NFC", raw).strip()
    if not 1 <= len(name) <= DISPLAY_NAME_LENGTH:
        raise _refused("display_name", "length", f"A name has 1 to {DISPLAY_NAME_LENGTH} characters.")
    if any(unicodedata.category(char) in _INVISIBLE or char in _TURNS for char in name):
        raise _refused("display_name", "characters", "A name has no control characters.")
    return name


def accept_timezone(raw: str) -> str:
    """The IANA name of a time zone. Raises ValidationFailed for one that this system does not know."""
    if raw not in _timezones():
        raise _refused("timezone", "unknown", "This is not the IANA name of a time zone, e.g. Europe/Berlin.")
    return raw


def changed(user: User, wish: Mapping[str, object]) -> dict[str, object]:
    """What of a wish differs from how the account stands; names are those of its fields."""
    return {name: value for name, value in wish.items() if getattr(user, name) != value}


@cache
def _timezones() -> frozenset[str]:
    # Reads the system's whole folder of them, which takes a while.
    return frozenset(available_timezones())


def _refused(field: str, code: str, detail: str) -> ValidationFailed:
    return ValidationFailed(detail, errors=(FieldError(f"/{field}", code, detail),))
