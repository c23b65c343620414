"""Tokens and the keys that sign them: making, sealing, publishing. Verifying is the chassis' work, in `identity`.

Access tokens are EdDSA JWTs (RFC 8037, RFC 9068's claims where they fit); refresh tokens are opaque.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from jwt.utils import base64url_encode

from coffer_auth.domain.access_tokens import AccessToken
from coffer_auth.domain.accounts import User
from coffer_auth.domain.sessions import ACCESS_LIFE, Session
from coffer_auth.store.signing_keys import StoredKey
from coffer_chassis.identity import AUDIENCE, LEEWAY, PAT_PREFIX
from coffer_contracts.scopes import ADMIN_SCOPES

REFRESH_BYTES = 32
NONCE_BYTES = 12
KEY_LIFE = timedelta(days=90)
PUBLISHED_BEFORE_USE = timedelta(minutes=10)
"""Longer than the five minutes for which a key set may be cached."""
PUBLISHED_AFTER_USE = ACCESS_LIFE + timedelta(hours=1)


class WrongKeySecret(Exception):
    """The private keys in the store were sealed with another COFFER_AUTH_KEY_SECRET."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair with its private half open; lives in memory only."""

    id: str
    private: Ed25519PrivateKey
    usable_from: datetime


@dataclass(frozen=True, slots=True)
class KeyPlan:
    """What is to be done about the keys in the store."""

    make_usable_from: datetime | None
    retire: tuple[str, ...]


def plan_keys(keys: Sequence[StoredKey], now: datetime) -> KeyPlan:
    """Rotation: the first key may be used at once, because nobody holds a key set yet; every later one is published before.

    A key goes when its successor has been in use for longer than the last access token it can have signed, and when the last
    personal access token it has signed is over.
    """
    if not keys:
        return KeyPlan(now, ())
    newest = max(keys, key=lambda key: key.usable_from)
    make = now + PUBLISHED_BEFORE_USE if now - newest.usable_from >= KEY_LIFE else None
    successors = [key for key in keys if key.usable_from <= now - PUBLISHED_AFTER_USE]
    kept_from = max((key.usable_from for key in successors), default=None)
    retire = tuple(
        key.id
        for key in keys
        if kept_from is not None
        and key.usable_from < kept_from
        and (key.needed_until is None or key.needed_until + LEEWAY < now)
    )
    return KeyPlan(make, retire)


def new_key(secret: bytes, *, now: datetime, usable_from: datetime) -> StoredKey:
    """A fresh key pair, sealed. The id says nothing about it."""
    private = Ed25519PrivateKey.generate()
    key_id = secrets.token_hex(8)
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = AESGCM(secret).encrypt(nonce, private.private_bytes_raw(), key_id.encode())
    return StoredKey(key_id, nonce + sealed, private.public_key().public_bytes_raw(), now, usable_from)


def open_key(secret: bytes, key: StoredKey) -> SigningKey:
    """The key with its private half. Raises WrongKeySecret."""
    nonce, sealed = key.sealed_private_key[:NONCE_BYTES], key.sealed_private_key[NONCE_BYTES:]
    try:
        raw = AESGCM(secret).decrypt(nonce, sealed, key.id.encode())
    except InvalidTag as error:
        raise WrongKeySecret(
            "The signing keys in auth's store were sealed with another COFFER_AUTH_KEY_SECRET. Set the old one again, or "
            "delete the rows of signing_keys: then everybody's access tokens end and are renewed by refresh tokens."
        ) from error
    return SigningKey(key.id, Ed25519PrivateKey.from_private_bytes(raw), key.usable_from)


def key_set(keys: Sequence[StoredKey]) -> dict[str, Any]:
    """The public halves as a JSON Web Key Set (RFC 7517 section 5, RFC 8037 section 2)."""
    return {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "use": "sig",
                "alg": "EdDSA",
                "kid": key.id,
                "x": base64url_encode(key.public_key).decode(),
            }
            for key in keys
        ]
    }


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
    token = jwt.encode(claims, key.private, algorithm="EdDSA", headers={"kid": key.id})
    return token, datetime.fromtimestamp(expires_at, tz=now.tzinfo)


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
    return PAT_PREFIX + jwt.encode(claims, key.private, algorithm="EdDSA", headers={"kid": key.id})


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
