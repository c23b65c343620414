"""argon2id hashes of passwords (RFC 9106), computed off the event loop. Which passwords are accepted is not decided here.

Nothing here logs, stores or returns a password.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import Field

from coffer_chassis.settings import ServiceSettings
from coffer_contracts.problems import Unavailable

T = TypeVar("T")

RETRY_AFTER_SECONDS = 2
_MARK = "$argon2"


class HashingSettings(ServiceSettings):
    """What a service that keeps passwords can be told about hashing them."""

    password_memory_kib: int = Field(65_536, description="argon2id: memory of one hash.", ge=8, le=4_194_304)
    password_passes: int = Field(2, description="argon2id: passes over that memory.", ge=1, le=100)
    password_threads: int = Field(2, description="Passwords hashed at the same time by one process.", ge=1, le=64)
    password_queue: int = Field(
        96, description="Passwords waiting to be hashed; the next request with one is answered with 503.", ge=0, le=10_000
    )


class Hashing:
    """argon2id in a few threads with a short queue, so that a wave of passwords costs neither the loop nor the memory.

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
        """How many hashes were compared so far: the same number for what has a password and for what has none."""
        self.hashes = 0
        """How many were computed so far, for comparing or for keeping."""

    @classmethod
    def of(cls, settings: HashingSettings) -> Self:
        """As the settings say."""
        return cls(
            memory_kib=settings.password_memory_kib,
            passes=settings.password_passes,
            threads=settings.password_threads,
            queue=settings.password_queue,
        )

    async def hash(self, password: str) -> str:
        """A fresh hash with its parameters and salt inside, of the same form of the password that `verify` compares.

        Raises Unavailable when too many calls are waiting.
        """
        return await self._run(self._hasher.hash, unicodedata.normalize("NFKC", password))

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Whether the hash is this password's. For `None` and for what is no hash a decoy is compared at the same cost: False.

        Raises Unavailable when too many calls are waiting.
        """
        if self._decoy is None:
            self._decoy = await self._run(self._hasher.hash, "decoy")
        self.verifications += 1
        known = hashed if hashed is not None and hashed.startswith(_MARK) else None
        matches = await self._run(self._matches, known or self._decoy, unicodedata.normalize("NFKC", password))
        return matches and known is not None

    def outdated(self, hashed: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(hashed)

    async def warm_up(self) -> None:
        """Make the decoy, so that the first comparison with nothing takes no longer than the next."""
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
            raise Unavailable("Too many passwords are looked at at this moment.", retry_after_seconds=RETRY_AFTER_SECONDS)
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
