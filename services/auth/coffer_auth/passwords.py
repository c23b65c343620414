"""Passwords of accounts: which are accepted. Hashing them is `coffer_chassis.hashing`'s."""

import re
import unicodedata
from collections.abc import Callable
from importlib.resources import files

from coffer_contracts.problems import FieldError, PasswordWeak

LENGTH = range(10, 257)
DIFFERENT_CHARACTERS = 4

COMMON_WORDS = frozenset(files("coffer_auth").joinpath("common_passwords.txt").read_text("utf-8").split())
"""Words that stand at the core of the most used passwords. A password is common if, without the digits and signs around
it and with the usual swaps undone (`p@ssw0rd`), it is one of them, or one of them several times."""

LOCKED = "!"
"""Stands in place of a hash where no password opens the account until its owner sets one by mail."""

_SWAPS = str.maketrans("@4831!05$7", "aabeiiosst")
_RUNS = ("01234567890123456789", "98765432109876543210", "abcdefghijklmnopqrstuvwxyz", "zyxwvutsrqponmlkjihgfedcba")
_DECORATION = re.compile(r"^[^a-z]+|[^a-z]+$")


def accept_password(raw: str, *, username: str, email: str, pointer: str = "/password") -> str:
    """The password as it is hashed: NFKC (NIST SP 800-63B section 3.1.1.2). Raises PasswordWeak with every reason, all of
    which point at `pointer` in the body.

    No rules about kinds of characters: length, and not being what everybody tries first, is what counts.
    """
    password = unicodedata.normalize("NFKC", raw)
    reasons = [(code, detail) for code, detail, applies in _RULES if applies(password, username, email)]
    if reasons:
        raise PasswordWeak(
            " ".join(detail for _, detail in reasons),
            errors=tuple(FieldError(pointer, code, detail) for code, detail in reasons),
            reason=reasons[0][0],
        )
    return password


def _contains_name(password: str, username: str, email: str) -> bool:
    folded = password.casefold()
    names = (username, email, email.partition("@")[0])
    return any(len(name) >= 3 and unicodedata.normalize("NFKC", name).casefold() in folded for name in names)


def _is_common(password: str, _username: str, _email: str) -> bool:
    folded = password.casefold()
    bare, unswapped = _DECORATION.sub("", folded), folded.translate(_SWAPS)
    cores = {bare, bare.translate(_SWAPS), unswapped, _DECORATION.sub("", unswapped)}
    return any(core in COMMON_WORDS or _repeated_unit(core) in COMMON_WORDS for core in cores)


def _is_simple(password: str, _username: str, _email: str) -> bool:
    folded = password.casefold()
    if len(set(folded)) < DIFFERENT_CHARACTERS:
        return True
    return any(folded in run for run in _RUNS) or len(_repeated_unit(folded)) < 5


def _repeated_unit(text: str) -> str:
    """The shortest piece that `text` is a repetition of; `text` itself if it is none."""
    length = (text + text).find(text, 1)
    return text[:length]


_RULES: tuple[tuple[str, str, Callable[[str, str, str], bool]], ...] = (
    ("too_short", "A password has at least 10 characters.", lambda password, *_: len(password) < LENGTH.start),
    ("too_long", "A password has at most 256 characters.", lambda password, *_: len(password) >= LENGTH.stop),
    ("unreadable", "The password holds broken characters.", lambda password, *_: not _encodable(password)),
    ("common", "This password is among those tried first.", _is_common),
    ("contains_name", "A password does not contain the user name or e-mail address.", _contains_name),
    ("too_simple", "This password is a simple pattern.", _is_simple),
)


def _encodable(password: str) -> bool:
    try:
        password.encode()
    except UnicodeEncodeError:
        return False
    return True
