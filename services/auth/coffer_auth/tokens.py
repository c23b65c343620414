"""Tokens: what stands in them. Signing keys are the chassis' work, in `signing`, and so is verifying, in `identity`.

Access tokens are EdDSA JWTs (RFC 8037, RFC 9068's claims where they fit); refresh tokens are opaque.
"""

import hashlib
import secrets
from datetime import datetime

from coffer_auth.domain.access_tokens import AccessToken
from coffer_auth.domain.accounts import User
from coffer_auth.domain.sessions import ACCESS_LIFE, Session
from coffer_chassis.identity import AUDIENCE, PAT_PREFIX
from coffer_chassis.signing.keys import SigningKey, signed
from coffer_contracts.scopes import ADMIN_SCOPES

REFRESH_BYTES = 32


def access_token(
    key: SigningKey, *, issuer: str, token_id: str, user: User, session: Session, now: datetime
) -> tuple[str, datetime]:
    """A signed access token of a session, and when it expires."""
    issued_at = int(now.timestamp())
    expires_at = issued_at + int(ACCESS_LIFE.total_seconds())
    claims = {
        "iss": issuer,
        "sub": user.id,
        "aud": AUDIENCE,
        "iat": issued_at,
        "exp": expires_at,
        "jti": token_id,
        "sid": session.id,
        "kind": "access",
        "scopes": sorted(user.scopes),
        "roles": sorted(user.roles),
        "username": user.username,
    }
    return signed(key, claims), datetime.fromtimestamp(expires_at, tz=now.tzinfo)


def personal_token(key: SigningKey, *, issuer: str, token: AccessToken, user: User) -> str:
    """A personal access token, signed: the same text for the same row, whenever it is asked for (CONTRACT.md 5).

    It carries the account's roles, which only count together with the scopes for them; whoever loses a role loses such tokens.
    """
    claims = {
        "iss": issuer,
        "sub": user.id,
        "aud": AUDIENCE,
        "iat": int(token.created_at.timestamp()),
        "exp": int(token.expires_at.timestamp()),
        "jti": token.id,
        "kind": "pat",
        "scopes": list(token.scopes),
        "roles": sorted(user.roles) if ADMIN_SCOPES & set(token.scopes) else [],
        "username": user.username,
    }
    return PAT_PREFIX + signed(key, claims)


def new_refresh_token() -> str:
    """256 random bits as text. The prefix lets scanners of leaked secrets find it."""
    return f"cof_ref_{secrets.token_urlsafe(REFRESH_BYTES)}"


def new_mail_secret() -> str:
    """256 random bits as URL-safe text, for a link in a mail."""
    return f"cof_mail_{secrets.token_urlsafe(REFRESH_BYTES)}"


def new_challenge_token() -> str:
    """256 random bits that stand for a sign-in which still owes a code. No JWT, so no verifier takes it for one."""
    return f"cof_mfa_{secrets.token_urlsafe(REFRESH_BYTES)}"


def digest_of(token: str) -> bytes:
    """What stands in the store instead of an opaque token. A plain hash is enough for 256 random bits."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
