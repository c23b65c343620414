"""Where a request comes from: network address and user agent, as limits, counters and security facts need them.

Who is calling is another matter (`identity`).
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import structlog

AGENT_LENGTH = 256
MOST_HOPS = 20
"""Of a chain of proxies, from our end; what stands before them was written by whoever wanted to."""
IPV6_PREFIX = 64
"""What one customer is given at least (RFC 6177); to count single addresses of it would be to count nothing."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

log = structlog.get_logger(__name__)

_WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d{1,5})?|([\d.]+):\d{1,5}")
"""As some proxies write it, and as RFC 7239 section 6 does."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from, for security facts."""

    address: str | None
    agent: str | None

    @property
    def network(self) -> str | None:
        """What is counted instead of the address: see `network_of`."""
        return network_of(self.address)


class Callers:
    """Reads callers from ASGI scopes. Only proxies in trusted networks may speak for others."""

    def __init__(self, trusted_proxies: Iterable[str] = ()) -> None:
        """Raises ValueError for what is no network."""
        self._trusted = tuple(ipaddress.ip_network(network) for network in trusted_proxies)
        self._told = False

    def of(self, scope: Any) -> Caller:
        """The caller of a request; the address is the nearest one in the chain that is no trusted proxy."""
        address = self._address(scope)
        agent = next((value for name, value in scope["headers"] if name == b"user-agent"), b"").decode("latin-1")
        printable = "".join(char for char in agent[:AGENT_LENGTH] if char.isprintable())
        return Caller(str(address) if address else None, printable or None)

    def network(self, scope: Any) -> str | None:
        """The network that a request is counted against: see `network_of`. None where the server knows no address."""
        client = scope.get("client")
        if client and all(name != b"x-forwarded-for" for name, _ in scope["headers"]):
            return network_of(client[0])  # nearly every request where no proxy stands before us
        address = self._address(scope)
        return None if address is None else _network(address)

    def _address(self, scope: Any) -> Address | None:
        client = scope.get("client")
        address = _parsed(client[0]) if client else None
        if address is None or not self._trusts(address):
            if address is not None and not self._told:
                self._tell_of_proxy(address, scope)
            return address
        chain = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
        for hop in reversed(chain.rsplit(",", MOST_HOPS)[-MOST_HOPS:]):
            named = _parsed(hop)
            if named is None:
                break
            address = named
            if not self._trusts(named):
                break
        return address

    def _tell_of_proxy(self, address: Address, scope: Any) -> None:
        """Behind a proxy that nobody named, all people are one address: they share its limits and its failed sign-ins."""
        if address.is_private and any(name == b"x-forwarded-for" for name, _ in scope["headers"]):
            self._told = True
            log.warning("proxy_not_trusted", proxy=str(address), remedy="name its network in COFFER_TRUSTED_PROXIES")

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


@lru_cache(maxsize=4096)
def network_of(address: str | None) -> str | None:
    """What stands for an address where callers are counted: an IPv4 address itself, of an IPv6 address its /64.

    None for none, and for a text that is no address.
    """
    parsed = None if address is None else _parsed(address)
    return None if parsed is None else _network(parsed)


def _network(address: Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    # By number, so that a zone (`%eth0`), which a client may make up, changes nothing.
    return str(ipaddress.IPv6Network((int(address), IPV6_PREFIX), strict=False))


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address | None:
    text = text.strip()
    if (match := _WITH_PORT.fullmatch(text)) is not None:
        text = match[1] or match[2]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    return address.ipv4_mapped or ipaddress.IPv6Address(int(address))
