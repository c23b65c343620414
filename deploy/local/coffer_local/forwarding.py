"""Which header fields a gateway passes on, and what it adds: fields in, fields out.

Nothing is sent here, and no path is looked at.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any, Final

from coffer_chassis.tracing import Span

Fields = Sequence[tuple[bytes, bytes]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Meant for the next hop alone (RFC 9110 section 7.6.1)."""

_OF_PROXIES: Final = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-real-ip"})
"""Only proxies may say this; from anybody else it is a claim about oneself."""
_BODILESS: Final = frozenset({204, 304})


class ForwardedFor:
    """Tells services who asked. What a stranger says of itself is dropped; a trusted proxy's word is kept and added to."""

    def __init__(self, trusted_proxies: Iterable[str] = ()) -> None:
        """Raises ValueError for what is no network."""
        self._trusted: tuple[Network, ...] = tuple(ipaddress.ip_network(network) for network in trusted_proxies)

    def request_fields(self, scope: Any, *, request_id: str) -> list[tuple[str, str]]:
        """The fields of the request to a service, for an ASGI scope. `Host` stays what the client asked for."""
        fields: Fields = scope["headers"]
        client = scope["client"][0] if scope.get("client") else None
        believed = self._trusts(client)
        # Who is asked is no matter of one hop, whatever `Connection` names.
        dropped = {*HOP_BY_HOP, *(_named_by_connection(fields) - {b"host"}), b"expect", b"x-request-id"}
        if any(name == b"transfer-encoding" for name, _ in fields):
            dropped.add(b"content-length")  # RFC 9112 section 6.3: two lengths are how a request hides another one
        if not believed:
            dropped |= _OF_PROXIES
        chain = [value for name, value in fields if name == b"x-forwarded-for"] if believed else []
        kept = [(name, value) for name, value in fields if name not in dropped and name != b"x-forwarded-for"]
        present = {name for name, _ in kept}
        added = [(b"x-request-id", request_id.encode()), (b"via", b"1.1 coffer")]
        if client is not None:
            added.append((b"x-forwarded-for", b", ".join([*chain, client.encode()])))
        if b"x-forwarded-proto" not in present:
            added.append((b"x-forwarded-proto", scope["scheme"].encode()))
        host = next((value for name, value in kept if name == b"host"), None)
        if host is not None and b"x-forwarded-host" not in present:
            added.append((b"x-forwarded-host", host))
        return [(name.decode("latin-1"), _text(value)) for name, value in (*kept, *added)]

    def _trusts(self, client: str | None) -> bool:
        try:
            address = ipaddress.ip_address(client or "")
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._trusted)


def traced_by(span: Span, fields: Fields) -> Fields:
    """The fields with the gateway's own span in place of the one the client named (W3C Trace Context section 4)."""
    kept = [(name, value) for name, value in fields if name not in {b"traceparent", b"tracestate"}]
    state = [(b"tracestate", span.state.encode())] if span.state else []
    return [*kept, (b"traceparent", span.traceparent.encode()), *state]


def response_fields(fields: Fields, status: int) -> list[tuple[bytes, bytes]]:
    """The fields of the answer to the client: all but those of the hop. `Date` is the server's own."""
    fields = [(name.lower(), value) for name, value in fields]
    dropped = {*HOP_BY_HOP, *_named_by_connection(fields), b"date"}
    if status in _BODILESS:
        dropped.add(b"content-length")
    return [(name, value) for name, value in fields if name not in dropped]


def body_length(fields: Fields) -> int | None:
    """How many bytes the body announces: 0 without a body, None for one of unknown length (RFC 9112 section 6.3).

    Raises ValueError for a length that is no number.
    """
    lengths = [value for name, value in fields if name == b"content-length"]
    if any(name == b"transfer-encoding" for name, _ in fields):
        return None
    return int(lengths[0]) if lengths else 0


def _named_by_connection(fields: Fields) -> set[bytes]:
    return {token.strip().lower() for name, value in fields if name == b"connection" for token in value.split(b",")}


def _text(value: bytes) -> str:
    # The client writes UTF-8, so that what is UTF-8 arrives byte for byte; anything else was never promised to.
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
