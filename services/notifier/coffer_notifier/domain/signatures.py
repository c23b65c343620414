"""Secrets and signatures of webhooks, as Standard Webhooks 1.0 has them: `v1`, HMAC-SHA256. Pure.

Receivers verify with any library of that standard; what is signed is `{id}.{timestamp}.{body}`.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

SECRET_BYTES = 32
"""The standard asks for 24 to 64."""
PREFIX = "whsec_"


def secret_text(key: bytes) -> str:
    """A secret as it is shown: `whsec_` and base64."""
    return PREFIX + b64encode(key).decode()


def secret_key(text: str) -> bytes:
    """The key that a secret is written of."""
    return b64decode(text.removeprefix(PREFIX), validate=True)


def signature_of(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: one signature for each key, newest first, with a space between.

    `timestamp` is that of the attempt, in seconds since 1970; neither part may hold a dot.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    made = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return " ".join(f"v1,{b64encode(digest).decode()}" for digest in made)
