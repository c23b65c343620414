"""Passwords: which are accepted, and their argon2id hashes (RFC 9106), computed off the event loop.

Nothing here logs, stores or returns a password.
"""

import asyncio
import re
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from coffer_contracts.problems import FieldError, PasswordWeak, Unavailable

T = TypeVar("T")

LENGTH = range(10, 257)
DIFFERENT_CHARACTERS = 4
RETRY_AFTER_SECONDS = 2

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


class Hashing:
    """argon2id in a few threads with a short queue, so that a wave of sign-ins costs neither the loop nor the memory.

    Memory in use is at most `threads` times `memory_kib`. When `queue` calls are waiting, the next one is refused.
    """

    def __init__(self, *, memory_kib: int, passes: int, threads: int, queue: int) -> None:
        self._hasher = PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
        )
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._places = threads + queue
        self._decoy: str | None = None
        self.verifications = 0
        """How many hashes were compared so far: the same number for accounts that exist and those that do not."""
        self.hashes = 0
        """How many were computed so far, for comparing or for keeping."""

    async def hash(self, password: str) -> str:
        """A fresh hash with its parameters and salt inside, of the same form of the password that `verify` compares.

        Raises Unavailable when too many calls are waiting.
        """
        return await self._run(self._hasher.hash, unicodedata.normalize("NFKC", password))

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Whether the hash is this password's. For `None`, no account, and for LOCKED a decoy is compared at the same
        cost: False.

        Raises Unavailable when too many calls are waiting.
        """
        if self._decoy is None:
            self._decoy = await self._run(self._hasher.hash, "decoy")
        self.verifications += 1
        known = hashed if hashed != LOCKED else None
        matches = await self._run(self._matches, known or self._decoy, unicodedata.normalize("NFKC", password))
        return matches and known is not None

    def outdated(self, hashed: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(hashed)

    async def warm_up(self) -> None:
        """Make the decoy, so that the first sign-in for an unknown account takes no longer than the next."""
        await self.verify("decoy", None)

    def close(self) -> None:
        """Let running hashes end and refuse new ones."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False

    async def _run(self, work: Callable[..., T], *arguments: str) -> T:
        if self._places <= 0:
            raise Unavailable("Too many people are signing in at this moment.", retry_after_seconds=RETRY_AFTER_SECONDS)
        self._places -= 1
        self.hashes += 1
        running = asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        # The place is free when the thread is, not when the caller stops waiting: a client that hangs up frees nothing.
        running.add_done_callback(self._leave)
        return await asyncio.shield(running)

    def _leave(self, running: asyncio.Future[T]) -> None:
        self._places += 1
        if not running.cancelled():
            running.exception()
