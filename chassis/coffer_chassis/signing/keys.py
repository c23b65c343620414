"""Signing keys as values: made, sealed, opened, planned, published. No store and no clock."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from jwt.utils import base64url_encode

from coffer_chassis.identity import ALGORITHM, LEEWAY

NONCE_BYTES = 12
KEY_LIFE = timedelta(days=90)
PUBLISHED_BEFORE_USE = timedelta(minutes=10)
"""Longer than the five minutes for which a key set may be cached."""
PUBLISHED_BEYOND = timedelta(hours=1)
"""How much longer than its last short-lived token a key stays published."""


class WrongKeySecret(Exception):
    """The private keys in the store were sealed with another key secret."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One signing key as it stands in the store."""

    id: str
    sealed_private_key: bytes
    public_key: bytes
    created_at: datetime
    usable_from: datetime
    needed_until: datetime | None = None
    """When the last long-lived token that it signed ends."""


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


def plan_keys(keys: Sequence[StoredKey], now: datetime, token_life: timedelta) -> KeyPlan:
    """Rotation: the first key may be used at once, because nobody holds a key set yet; every later one is published before.

    A key goes when its successor has been in use for longer than the last token it can have signed, which lives `token_life`,
    and when the last long-lived token it has signed is over.
    """
    if not keys:
        return KeyPlan(now, ())
    newest = max(keys, key=lambda key: key.usable_from)
    make = now + PUBLISHED_BEFORE_USE if now - newest.usable_from >= KEY_LIFE else None
    successors = [key for key in keys if key.usable_from <= now - token_life - PUBLISHED_BEYOND]
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
            "The signing keys in the store of this service were sealed with another COFFER_<SERVICE>_KEY_SECRET. Set the old "
            "one again, or delete the rows of signing_keys: then all tokens that they signed end."
        ) from error
    return SigningKey(key.id, Ed25519PrivateKey.from_private_bytes(raw), key.usable_from)


def signed(key: SigningKey, claims: Mapping[str, Any]) -> str:
    """A JWT with these claims (RFC 7519, RFC 8037)."""
    return jwt.encode(dict(claims), key.private, algorithm=ALGORITHM, headers={"kid": key.id})


def key_set(keys: Sequence[StoredKey]) -> dict[str, Any]:
    """The public halves as a JSON Web Key Set (RFC 7517 section 5, RFC 8037 section 2)."""
    return {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "use": "sig",
                "alg": ALGORITHM,
                "kid": key.id,
                "x": base64url_encode(key.public_key).decode(),
            }
            for key in keys
        ]
    }


KEY_SET_CACHE = "public, max-age=300"
"""How long a key set may be cached, as its route says it."""

KEY_SET_EXAMPLE = {
    "keys": [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "alg": "EdDSA",
            "kid": "5f0c1d2e3a4b5c6d",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        }
    ]
}
