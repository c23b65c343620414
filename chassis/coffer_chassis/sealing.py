"""Sealing: a secret that one service hands to one other, past everything that carries, stores or shows messages.

HPKE in base mode (RFC 9180), DHKEM(X25519, HKDF-SHA256) with HKDF-SHA256 and AES-256-GCM. Whoever knows the public key can
seal and only the holder of the private key can open. The seal says nothing about who made it; the topic's rights do.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from pydantic import AfterValidator, SecretStr

KEY_BYTES = 32
ID_BYTES = 9
"""Of a key's digest: 12 letters that tell keys apart and need not be kept anywhere."""
LONGEST = 4096
"""Characters of a sealed text that are looked at, unless whoever opens it expects more; no secret of ours comes near."""

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_PURPOSE = b"coffer sealed 1\x00"


class CannotOpen(Exception):
    """The text is no seal, is damaged, or was made for another key or another context. Says which key it names, no more."""


@dataclass(frozen=True)
class SealingKey:
    """The public half: whoever has it can seal."""

    public: X25519PublicKey

    @classmethod
    def of_hex(cls, text: str) -> "SealingKey":
        """From 64 hexadecimal digits. Raises ValueError."""
        return cls(X25519PublicKey.from_public_bytes(_key_bytes(text)))

    @property
    def id(self) -> str:
        """What a sealed text names its key by; follows from the key, so that both sides know it without being told."""
        return _encoded(hashlib.sha256(b"coffer sealing key\x00" + self.public.public_bytes_raw()).digest()[:ID_BYTES])

    @property
    def hex(self) -> str:
        """As it stands in settings."""
        return self.public.public_bytes_raw().hex()


@dataclass(frozen=True)
class OpeningKey:
    """The private half: whoever has it can open."""

    private: X25519PrivateKey

    @classmethod
    def of_hex(cls, text: str) -> "OpeningKey":
        """From 64 hexadecimal digits; any 32 random bytes are a key (RFC 7748 section 5). Raises ValueError."""
        return cls(X25519PrivateKey.from_private_bytes(_key_bytes(text)))

    @property
    def sealing(self) -> SealingKey:
        """The half to hand out."""
        return SealingKey(self.private.public_key())


def seal(key: SealingKey, plaintext: bytes, context: bytes) -> str:
    """Seal for the holder of the private half: `<key id>.<base64url>`, different every time.

    `context` is not part of the text, but the seal opens under the same context only.
    """
    return f"{key.id}.{_encoded(_SUITE.encrypt(plaintext, key.public, _PURPOSE + context))}"


def open_sealed(keys: Sequence[OpeningKey], sealed: str, context: bytes, *, longest: int = LONGEST) -> bytes:
    """What was sealed, by whichever of `keys` the text names: the one in use and those before it. Raises CannotOpen."""
    name, separator, body = sealed[: longest + 1].partition(".")
    if not separator or len(sealed) > longest:
        raise CannotOpen("this is no sealed text")
    key = next((known for known in keys if known.sealing.id == name), None)
    if key is None:
        raise CannotOpen(f"it is sealed to a key that is not known here: {name!r:.20}")
    try:
        return _SUITE.decrypt(_decoded(body), key.private, _PURPOSE + context)
    except (InvalidTag, ValueError) as error:
        # From None: nothing of what was tried may reach a log.
        raise CannotOpen(f"it does not open with key {name!r:.20} in this context: {type(error).__name__}") from None


def _key_bytes(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ValueError("must be 32 bytes in hexadecimal, e.g. from `openssl rand -hex 32`")
    return raw


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decoded(text: str) -> bytes:
    # Strictly one spelling: what differs is a different text.
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("not base64url") from error
    if _encoded(raw) != text:
        raise ValueError("not base64url in its one spelling")
    return raw


def _checked_public(text: str) -> str:
    SealingKey.of_hex(text)
    return text


def _checked_private(secret: SecretStr) -> SecretStr:
    OpeningKey.of_hex(secret.get_secret_value())
    return secret


PublicKeySetting = Annotated[str, AfterValidator(_checked_public)]
PrivateKeySetting = Annotated[SecretStr, AfterValidator(_checked_private)]
"""Types of settings that hold a key as `of_hex` reads it."""
