"""One live connection: what waits to be written to it, bounded, and why it ends. Knows neither store nor hub."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Literal

from coffer_contracts.ids import UserId
from coffer_notifier.domain.places import Place

BUFFER_BYTES = 256 * 1024
"""What a reader may leave unread, beside what the sockets hold, before it is sent away to come back."""

FAREWELL_SECONDS = 1.0
"""How long the last bytes may take once a stream was closed; a reader who does not take them is cut off."""

NOT_YET = Place(2**63, 0)
"""Behind everything: a connection that has not begun is handed nothing."""

End = Literal["gone", "slow", "expired", "revoked", "stopping"]


class Connection:
    """A person's open stream. Everything is called on the event loop; nothing here blocks but `write`."""

    __slots__ = (
        "_hint",
        "_news",
        "_size",
        "_waiting",
        "abort",
        "after",
        "beat_at",
        "end",
        "expires_at",
        "seat",
        "session_id",
        "topics",
        "user_id",
    )

    def __init__(self, user_id: UserId, session_id: str, expires_at: datetime, topics: frozenset[str]) -> None:
        self.user_id = user_id
        self.session_id = session_id
        self.expires_at = expires_at
        self.topics = topics
        self.after = NOT_YET
        """What lies up to here is known to the reader already."""
        self.beat_at = float("inf")
        """When the next sign of life is due, by the loop's clock; never before the stream has begun."""
        self.seat: int | None = None
        """Which of the person's it has, over all processes; none before the stream has begun."""
        self.end: End | None = None
        self.abort: Callable[[], object] | None = None
        """Breaks a write off that the reader does not take."""
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._hint: bytes | None = None
        self._news = asyncio.Event()

    def push(self, block: bytes) -> None:
        """Have a block written after those that wait. A reader who leaves too much unread is sent away."""
        if self.end is not None:
            return
        self._waiting.append(block)
        self._size += len(block)
        if self._size > BUFFER_BYTES:
            self.close("slow")
        self._news.set()

    def push_hint(self, block: bytes) -> None:
        """As `push`, for a block that says all that the one of its kind says which still waits: that one is dropped."""
        if self._hint is not None and self._hint in self._waiting:
            self._waiting.remove(self._hint)
            self._size -= len(self._hint)
        self._hint = block
        self.push(block)

    def begin(self, blocks: Iterable[bytes]) -> None:
        """Put what is to be written first before whatever has come since the connection was opened."""
        later = list(self._waiting)
        self._waiting.clear()
        self._size = 0
        for block in [*blocks, *later]:
            self._waiting.append(block)
            self._size += len(block)
        self._news.set()

    def close(self, why: End) -> None:
        """End the stream: what waits is still written, unless the reader is slow or gone. The first reason counts."""
        if self.end is not None:
            return
        self.end = why
        if why in {"slow", "gone"}:
            self._waiting.clear()
            self._size = 0
            self._hint = None
        self._news.set()
        if self.abort is not None:
            asyncio.get_running_loop().call_later(FAREWELL_SECONDS, self.abort)

    async def write(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Write what comes until the stream is closed."""
        while True:
            await self._news.wait()
            self._news.clear()
            if self._waiting:
                chunk = b"".join(self._waiting)
                self._waiting.clear()
                self._size, self._hint = 0, None
                await send(chunk)
            if self.end is not None and not self._waiting:
                return
