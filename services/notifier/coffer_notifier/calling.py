"""Calls receivers of webhooks: one POST to an address that was looked up once, checked, and is the one connected to.

No redirect is followed, no proxy of the environment is used, and of an answer no more is read than its beginning.
"""

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from coffer_notifier.domain.addresses import AddressRefused, Target, require_allowed, target_of
from coffer_notifier.domain.webhooks import ANSWER_WITHIN
from coffer_notifier.handlers.deps import Answer, CallFailed

HEADERS_LENGTH = 1000
BODY_LENGTH = 1000
SECONDS_LENGTH = 6
"""Digits of a wait that is believed; more than eleven days are none."""
DATE_LENGTH = 40
BODY_SECONDS = 1
"""How long the beginning of a body is waited for once it is known how the call went."""

LookUp = Callable[[str], Awaitable[Sequence[str]]]


async def look_up(host: str) -> list[str]:
    """The addresses of a name. Raises OSError.

    In a thread for each name: a server of names that hangs holds up nobody else, and not the end of the process either.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def settle(addresses: list[str] | None, error: OSError | None) -> None:
        if found.done():
            return
        if addresses is not None:
            found.set_result(addresses)
        else:
            found.set_exception(error or OSError("no address"))

    def ask() -> None:
        addresses: list[str] | None = None
        failure: OSError | None = None
        try:
            infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
        except (OSError, UnicodeError) as error:
            failure = OSError(str(error))
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, addresses, failure)

    threading.Thread(target=ask, name="look up", daemon=True).start()
    return await found


class _Pinned(AbstractResolver):
    """Gives the addresses that were checked, whatever the name leads to by now."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002  # part of the signature
    ) -> list[ResolveResult]:
        """See AbstractResolver."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Holds nothing."""


class WebReceivers:
    """Receivers anywhere on the public Internet, and on this machine if that is allowed. Holds no connection."""

    def __init__(
        self,
        *,
        allow_loopback: bool,
        look_up: LookUp = look_up,
        tls: ssl.SSLContext | None = None,
        limit_seconds: float = ANSWER_WITHIN.total_seconds(),
    ) -> None:
        """`tls` says whose certificates are believed, the system's if nothing does; `limit_seconds` bounds a whole call."""
        self._allow_loopback = allow_loopback
        self._limit_seconds = limit_seconds
        self._look_up = look_up
        self._tls = tls

    def accept(self, url: str) -> str:
        """See Receivers."""
        return target_of(url, allow_loopback=self._allow_loopback).url

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """See Receivers."""
        try:
            async with asyncio.timeout(self._limit_seconds) as limit:
                target = target_of(url, allow_loopback=self._allow_loopback)
                return await self._post(target, await self._addresses(target), body, headers, limit)
        except AddressRefused as error:
            raise CallFailed(error.code) from error
        except TimeoutError as error:
            raise CallFailed("timeout") from error
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise CallFailed("tls_failed") from error
        except (aiohttp.ClientConnectionError, OSError) as error:
            raise CallFailed("not_connected") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise CallFailed("invalid_answer") from error

    async def _addresses(self, target: Target) -> Sequence[str]:
        """Checked, every one: a name that leads outside and inside is refused."""
        if target.address is not None:
            found: Sequence[str] = [str(target.address)]
        else:
            try:
                found = await self._look_up(target.host)
            except OSError as error:
                raise CallFailed("name_not_found") from error
        if not found:
            raise CallFailed("name_not_found")
        for address in found:
            require_allowed(target, address, allow_loopback=self._allow_loopback)
        return found

    async def _post(
        self, target: Target, addresses: Sequence[str], body: bytes, headers: Mapping[str, str], limit: asyncio.Timeout
    ) -> Answer:
        connector = aiohttp.TCPConnector(
            resolver=_Pinned(addresses),
            use_dns_cache=False,
            force_close=True,
            ssl=self._tls or True,
            socket_factory=lambda info: self._socket(target, info),
        )
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=self._limit_seconds),
                trust_env=False,
            ) as session,
            session.post(
                URL(target.url, encoded=True),
                data=body,
                headers={**headers, "Accept-Encoding": "identity"},
                allow_redirects=False,
            ) as response,
        ):
            # It is known how the call went; what follows has a limit of its own, and must not undo a yes.
            limit.reschedule(None)
            return Answer(response.status, await _head_of(response), _wait_asked(response.headers))

    def _socket(self, target: Target, info: Any) -> socket.socket:
        """A socket for one address, which is checked once more: whatever led here, nothing else is connected to."""
        family, kind, protocol, _, address = info
        try:
            require_allowed(target, str(address[0]), allow_loopback=self._allow_loopback)
        except AddressRefused as error:
            raise PermissionError(str(error)) from error
        return socket.socket(family, kind, protocol)


async def _head_of(response: aiohttp.ClientResponse) -> str:
    """The status line, header fields and the beginning of the body, cut, without what no text in the store may hold."""
    lines = [f"HTTP/1.1 {response.status} {response.reason or ''}".rstrip()]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    try:
        async with asyncio.timeout(BODY_SECONDS):
            begins = await response.content.read(BODY_LENGTH)
    except (TimeoutError, aiohttp.ClientError, OSError):
        begins = b""
    text = f"{chr(10).join(lines)[:HEADERS_LENGTH]}\n\n{begins.decode('utf-8', 'replace')}"
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _wait_asked(fields: Mapping[str, str]) -> int | None:
    """For how long a receiver wants to be left alone: seconds, or a date by its own clock (RFC 9110 section 10.2.3)."""
    asked = fields.get("Retry-After", "")
    if asked.isascii() and asked.isdigit():
        return int(asked) if len(asked) <= SECONDS_LENGTH else None
    until = _moment(asked)
    if until is None:
        return None
    wait = (until - (_moment(fields.get("Date", "")) or datetime.now(UTC))).total_seconds()
    return int(wait) if 0 < wait < 10**SECONDS_LENGTH else None


def _moment(text: str) -> datetime | None:
    """A date as HTTP writes it, which is always in UTC; none of another form."""
    if len(text) > DATE_LENGTH or not text.isascii():
        return None
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
