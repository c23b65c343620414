"""Where a request comes from: network address and user agent, as security facts and counters need them."""

import ipaddress
from collections.abc import Iterable
from typing import Any

from coffer_auth.domain.sessions import Caller

AGENT_LENGTH = 256

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Callers:
    """Reads callers from ASGI scopes. Only proxies in trusted networks may speak for others."""

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        """Raises ValueError for what is no network."""
        self._trusted = tuple(ipaddress.ip_network(network) for network in trusted_proxies)

    def of(self, scope: Any) -> Caller:
        """The caller of a request; the address is the nearest one in the chain that is no trusted proxy."""
        headers = scope["headers"]
        client = scope.get("client")
        address = _address(client[0]) if client else None
        if address is not None and self._trusts(address):
            hops = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1").split(",")
            for hop in reversed(hops):
                named = _address(hop)
                if named is None:
                    break
                address = named
                if not self._trusts(named):
                    break
        agent = next((value for name, value in headers if name == b"user-agent"), b"").decode("latin-1")
        printable = "".join(char for char in agent[:AGENT_LENGTH] if char.isprintable())
        return Caller(str(address) if address else None, printable or None)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
