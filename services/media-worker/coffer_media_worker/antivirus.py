"""An optional virus scanner: clamd, asked by INSTREAM over a Unix socket or TCP (clamd(8)). Off unless its address is set.

An object passes through in pieces; no more than one of them is held. Nothing here knows uploads; what follows from an answer,
or from none, is decided by the policy in `scanning`.
"""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

REPLY_BYTES = 4096
"""clamd names one signature; a longer answer is none."""
AT_ONCE = 4


class ScannerDownError(Exception):
    """The scanner gave no answer in time, or none that can be understood."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """What the scanner said: the name of what it found, or that the file is longer than it takes, or neither."""

    found: str | None = None
    too_large: bool = False


class Clamd:
    """A clamd at `unix:/path` or `tcp:host:port`, asked about up to AT_ONCE files at once, each within `seconds`."""

    def __init__(self, address: str, *, seconds: float) -> None:
        kind, _, where = address.partition(":")
        self._path = where if kind == "unix" else None
        host, _, port = where.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port) if kind == "tcp" else 0
        self._seconds = seconds
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def scan(self, pieces: AsyncIterator[bytes]) -> Scanned:
        """Raises ScannerDownError, and whatever taking a piece raises. May be called again for the same bytes."""
        broken = _Broken()
        async with self._turns:
            try:
                async with asyncio.timeout(self._seconds):
                    with await self._connected() as connection:
                        return _read(await _exchange(connection, broken.taken(pieces)))
            except (OSError, TimeoutError) as error:
                if broken.cause is not None:
                    raise broken.cause from None
                raise ScannerDownError(repr(error)) from error

    async def _connected(self) -> socket.socket:
        # Sockets, not streams: those lose an answer that has come when writing fails.
        loop = asyncio.get_running_loop()
        family: int = socket.AF_UNIX
        address: Any = self._path
        if address is None:
            family, _, _, _, address = (await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM))[0]
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            await loop.sock_connect(connection, address)
        except BaseException:
            connection.close()
            raise
        return connection


async def _exchange(connection: socket.socket, pieces: AsyncIterator[bytes]) -> bytes:
    loop = asyncio.get_running_loop()
    # clamd hangs up as soon as it knows enough, e.g. that the file is too large: then its answer is there.
    with contextlib.suppress(ConnectionError):
        await loop.sock_sendall(connection, b"zINSTREAM\0")
        async for piece in pieces:
            if piece:  # a length of zero ends the stream
                await loop.sock_sendall(connection, len(piece).to_bytes(4))
                await loop.sock_sendall(connection, piece)
        await loop.sock_sendall(connection, bytes(4))
    reply = b""
    while not reply.endswith(b"\0"):
        more = await loop.sock_recv(connection, REPLY_BYTES)
        reply += more
        if not more or len(reply) > REPLY_BYTES:
            raise ConnectionError("it hung up, or did not come to an end")
    return reply


class _Broken:
    """Tells a source that failed from a scanner that did: both may raise the same."""

    cause: Exception | None = None

    async def taken(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            async for piece in pieces:
                yield piece
        except Exception as error:
            self.cause = error
            raise TimeoutError from error


def _read(reply: bytes) -> Scanned:
    text = reply.rstrip(b"\0\n").decode("utf-8", "replace")
    if text == "stream: OK":
        return Scanned()
    if found := re.fullmatch(r"stream: (.+) FOUND", text):
        return Scanned(found=re.sub(r"[^\w.:/+-]", "_", found[1])[:100])
    if "size limit exceeded" in text:
        return Scanned(too_large=True)
    raise ScannerDownError(text[:200])
