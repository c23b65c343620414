"""What opens links: the token in a link's address, sessions of visitors, and tickets for bytes. Nothing here is stored.

An address holds `HMAC-SHA-256(key, id)` of its link, cut to 192 bits. The key comes from COFFER_SHARING_KEY_SECRET, and the
store holds the SHA-256 of the token: so its maker can be shown it again at any time, and who has the store alone can open
nothing.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coffer_chassis.identity import AUDIENCE, Principal
from coffer_chassis.ids import new_id
from coffer_chassis.signing.keys import SigningKey, signed
from coffer_chassis.tickets import TicketUse
from coffer_contracts.ids import ItemId, LinkId, SessionId, VersionId
from coffer_sharing.domain.links import SCOPES, SESSION_LIFE, TICKET_LIFE, Link

TOKEN_BYTES = 24
LONGEST_TOKEN = 100
"""Characters of a token that are looked at."""


class LinkTokens:
    """Makes the tokens of addresses. `secret` is 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        self._key = HKDF(SHA256(), 32, None, b"coffer-sharing link tokens 1").derive(secret)
        self._fingerprints = HKDF(SHA256(), 32, None, b"coffer-sharing request fingerprints 1").derive(secret)

    def token(self, link_id: LinkId) -> str:
        """The same for the same link, as long as the secret is the same."""
        digest = hmac.new(self._key, link_id.encode(), hashlib.sha256).digest()
        return urlsafe_b64encode(digest[:TOKEN_BYTES]).decode()

    def fingerprint(self, password: str) -> str:
        """Tells a repeated request from another without leaving a fast hash of the password in the store."""
        return hmac.new(self._fingerprints, password.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


def digest_of(token: str) -> bytes:
    """What stands in the store instead of a token. A plain hash is enough for 192 random bits."""
    return hashlib.sha256(token[:LONGEST_TOKEN].encode(errors="surrogatepass")).digest()


def session_token(
    key: SigningKey, *, issuer: str, link: Link, now: datetime, session_id: SessionId | None = None
) -> tuple[str, datetime]:
    """A session of a visitor, signed, and when it ends: with the link at the latest. A new one, or `session_id` for longer."""
    issued_at = int(now.timestamp())
    expires_at = issued_at + int(SESSION_LIFE.total_seconds())
    if link.expires_at is not None:
        expires_at = min(expires_at, int(link.expires_at.timestamp()))
    token_id = new_id()
    claims = {
        "iss": issuer,
        "sub": link.grantee,
        "aud": AUDIENCE,
        "iat": issued_at,
        "exp": expires_at,
        "jti": token_id,
        "sid": session_id or token_id,
        "fam": link.family_id,
        "kind": "link",
        "scopes": list(SCOPES[link.mode]),
    }
    return signed(key, claims), datetime.fromtimestamp(expires_at, tz=UTC)


def ticket_token(
    key: SigningKey,
    *,
    issuer: str,
    visitor: Principal,
    item_id: ItemId,
    version_id: VersionId | None,
    use: TicketUse,
    now: datetime,
) -> tuple[str, datetime]:
    """A ticket for one answer with bytes, for this session alone, and when it ends."""
    issued_at = int(now.timestamp())
    expires_at = issued_at + int(TICKET_LIFE.total_seconds())
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": visitor.grantee,
        "aud": AUDIENCE,
        "iat": issued_at,
        "exp": expires_at,
        "jti": new_id(),
        "sid": visitor.session_id,
        "kind": "ticket",
        "use": use,
        "item_id": item_id,
    }
    if version_id is not None:
        claims["version_id"] = version_id
    return signed(key, claims), datetime.fromtimestamp(expires_at, tz=UTC)
