"""The refresh token of a browser: a cookie that scripts cannot read, and the proof that a request with it is Coffer's own.

The cookie goes to `/v1/auth` only and never along with a request from elsewhere (SameSite=Strict). A browser that is deceived
into sending it all the same is told apart by its Origin and by a header that no form and no foreign page can set.
"""

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from litestar.datastructures import Cookie

from coffer_auth.domain.sessions import SESSION_LIFE
from coffer_contracts.problems import CsrfFailed

NAME = "coffer_refresh"
SECURE_PREFIX = "__Secure-"
"""Browsers take such a name over TLS only (RFC 6265bis section 4.1.3). `__Host-` would bind it to this host as well, but asks
for the path `/`: then every request to Coffer would carry what only `/v1/auth` needs."""
PATH = "/v1/auth"
HEADER = "X-Coffer-Csrf"
HEADER_VALUE = "1"
LONGEST = 256
"""Of a refresh token; what is longer is none."""
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class RefreshCookies:
    """How browsers of this installation keep refresh tokens."""

    origins: frozenset[str]
    secure: bool

    @classmethod
    def at(cls, public_url: str) -> "RefreshCookies":
        """For an installation that people reach under this address.

        Only one that is reached by plain HTTP on the machine itself has cookies without `Secure`; there all names of the
        machine are one place.
        """
        parts = urlsplit(public_url)
        host = parts.hostname or ""
        local = parts.scheme == "http" and _is_loopback(host)
        hosts = {host, "localhost", "127.0.0.1", "::1"} if local else {host}
        return cls(frozenset(_origin(parts.scheme, name, parts.port) for name in hosts), secure=not local)

    @property
    def name(self) -> str:
        """What the cookie is called."""
        return SECURE_PREFIX + NAME if self.secure else NAME

    def check(self, headers: Mapping[str, str]) -> None:
        """Raises CsrfFailed unless the request comes from a page of Coffer's own."""
        if not hmac.compare_digest(headers.get(HEADER, "").encode(), HEADER_VALUE.encode()):
            raise CsrfFailed(f"A request with a cookie needs the header {HEADER}: {HEADER_VALUE}.")
        if headers.get("Origin") not in self.origins:
            raise CsrfFailed("A request with a cookie needs the Origin of Coffer's own pages.")

    def token_in(self, cookies: Mapping[str, Any]) -> str | None:
        """The refresh token that a request brought along, if any."""
        token = cookies.get(self.name)
        return token if token and len(token) <= LONGEST else None

    def holding(self, token: str) -> Cookie:
        """The cookie that keeps a refresh token as long as its session may live."""
        return self._cookie(token, int(SESSION_LIFE.total_seconds()))

    def gone(self) -> Cookie:
        """The cookie that makes a browser forget it."""
        return self._cookie("", 0)

    def _cookie(self, value: str, seconds: int) -> Cookie:
        return Cookie(
            key=self.name, value=value, path=PATH, max_age=seconds, secure=self.secure, httponly=True, samesite="strict"
        )


def _origin(scheme: str, host: str, port: int | None) -> str:
    """As browsers write it (RFC 6454 section 6.1): without the port that the scheme has anyway."""
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}" if port in (None, PORTS.get(scheme)) else f"{scheme}://{name}:{port}"


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
