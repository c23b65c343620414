"""Facts about the security of an account: which of them there are, what is kept of them, and which a person is warned of. Pure.

A security fact is one of auth's that says whose account it is about, from what network address and by what user agent. What
is added to contracts with these three is kept without a change here.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from coffer_contracts.catalog import EVENTS
from coffer_contracts.event import Envelope, Event
from coffer_contracts.events_page import emitter_of

_MARKS = frozenset({"user_id", "address", "agent"})
_ELSEWHERE = frozenset({"actor_session_id", "message"})
"""Has a place of its own; and what people write to each other is not for operators."""

SECURITY: tuple[type[Event], ...] = tuple(
    event for event in EVENTS if emitter_of(event.type) == "auth" and event.model_fields.keys() >= _MARKS
)

NEW_SIGN_IN = "new_sign_in"
REUSE_DETECTED = "session_reuse_detected"
PASSWORD_CHANGED = "password_changed"  # noqa: S105  # a word, no password
MFA_DISABLED = "mfa_disabled"
TOKEN_CREATED = "token_created"  # noqa: S105  # a word, no token

SIGN_IN = "auth.session.created.v1"
ALERTS: Mapping[str, str] = {
    SIGN_IN: NEW_SIGN_IN,
    "auth.session.reuse_detected.v1": REUSE_DETECTED,
    "auth.password.changed.v1": PASSWORD_CHANGED,
    "auth.mfa.disabled.v1": MFA_DISABLED,
    "auth.token.created.v1": TOKEN_CREATED,
}
"""Type of a fact -> the notice that warns of it; of sign-ins only those from somewhere new."""

NEWS_FOR = timedelta(hours=24)
"""A fact that comes later than that, because messages were replayed, is kept but warns nobody."""

TOLD_TOGETHER = timedelta(seconds=30)
"""How long a warning by mail waits for others about the same account, which then stand in the same mail."""

MOST_TOLD = 20
"""Warnings in one mail; of more than that it is only said how many."""

_VERSIONS = re.compile(r"[\d._+-]*\d[\d._+-]*")
_V4_BITS, _V6_BITS = 24, 48


def action_of(event: Envelope[Event]) -> str:
    """What happened, as audit and activity call it: the type without service and major, e.g. `session.created`."""
    return ".".join(event.type.split(".")[1:-1])


def actor_of(event: Envelope[Event]) -> tuple[str | None, str]:
    """Who did it and what kind of actor that is. Somebody who is not signed in is known by their address only."""
    if event.actorid is not None:
        return event.actorid, event.actorkind
    address = getattr(event.data, "address", None)
    return (f"address/{address}", "anonymous") if address else (None, event.actorkind)


def particulars_of(event: Envelope[Event]) -> dict[str, str]:
    """What else the fact says, as text; without what has a place of its own."""
    said = event.data.model_dump(mode="json", exclude_none=True, exclude={*_MARKS, *_ELSEWHERE})
    return {name: value if isinstance(value, str) else _joined(value) for name, value in said.items()}


def _joined(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def device_print(agent: str | None, device_name: str | None) -> str | None:
    """What tells a kind of device from others, as a digest: its name and user agent without versions, so that an update of a
    browser is no new device. None where nothing is known.
    """
    if not agent and not device_name:
        return None
    return _digest("device", device_name or "", _VERSIONS.sub("", agent or ""))


def network_print(address: str | None) -> str | None:
    """The network that an address is in, as a digest: 24 bits of IPv4, 48 of IPv6, for lines whose address changes every day.
    None for what is no address.
    """
    try:
        known = ip_address(address or "")
    except ValueError:
        return None
    known = getattr(known, "ipv4_mapped", None) or known
    bits = _V4_BITS if known.version == 4 else _V6_BITS
    return _digest("network", str(ip_network((known, bits), strict=False)))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "replace")).hexdigest()
