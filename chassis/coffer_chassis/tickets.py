"""Download tickets: a second signed token by which a link session gets bytes once. What the issuer vouches for stands in it.

Whether one was used before is for the service that hands the bytes out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, cast, runtime_checkable

from coffer_contracts.ids import ItemId, SessionId, VersionId
from coffer_contracts.problems import TicketRequired

LONGEST_LIFE_SECONDS = 60
"""No issuer may say more (CONTRACT.md 5)."""

TicketUse = Literal["content", "archive"]


@dataclass(frozen=True, slots=True)
class Ticket:
    """One answer with bytes, for one link session."""

    id: str
    grantee: str
    """The link, as grants name it."""
    session_id: SessionId
    use: TicketUse
    item_id: ItemId
    """The file; of an archive the item that it may hold, with what lies below it."""
    version_id: VersionId | None
    """Of a file which content; None for the current one."""
    expires_at: datetime


@runtime_checkable
class TicketVerifier(Protocol):
    """Reads tickets."""

    async def ticket(self, token: str, /) -> Ticket:
        """What a ticket says, if a trusted issuer signed it and it has not expired; else raises TicketRequired, or Unavailable
        while the issuer's keys were never loaded.
        """


def ticket_of(claims: Mapping[str, Any]) -> Ticket:
    """The ticket in verified claims. Raises TicketRequired for what is none."""
    texts = [claims.get(name) for name in ("jti", "sub", "sid", "item_id")]
    version_id, use = claims.get("version_id"), claims.get("use")
    life = claims["exp"] - max(claims["iat"], claims.get("nbf", claims["iat"]))
    if not all(isinstance(text, str) and 0 < len(text) <= 200 for text in [*texts, *([version_id] if version_id else [])]):
        raise TicketRequired("The ticket lacks what it is for.")
    if use not in {"content", "archive"} or claims["kind"] != "ticket" or not 0 < life <= LONGEST_LIFE_SECONDS:
        raise TicketRequired("The ticket is of a kind that is not accepted here.")
    return Ticket(
        id=f"{claims['iss']} {claims['jti']}",
        grantee=claims["sub"],
        session_id=SessionId(claims["sid"]),
        use=cast("TicketUse", use),
        item_id=ItemId(claims["item_id"]),
        version_id=VersionId(version_id) if version_id else None,
        expires_at=datetime.fromtimestamp(claims["exp"], tz=UTC),
    )
