"""Seals the secrets of webhooks for the store: AES-256-GCM under a key derived from a setting, bound to the webhook."""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coffer_contracts.ids import WebhookId
from coffer_notifier.domain.signatures import SECRET_BYTES

_NONCE_BYTES = 12


class WrongKeySecret(Exception):
    """What is in the store was sealed with another COFFER_NOTIFIER_WEBHOOK_KEY_SECRET."""


class Vault:
    """Seals and opens. A fixed key, so it may be shared."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(HKDF(SHA256(), 32, None, b"coffer webhook secrets 1").derive(secret))

    def new_key(self) -> bytes:
        """A fresh secret."""
        return secrets.token_bytes(SECRET_BYTES)

    def seal(self, webhook_id: WebhookId, key: bytes) -> bytes:
        """What may stand in the store."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, webhook_id.encode())

    def open(self, webhook_id: WebhookId, sealed: bytes) -> bytes:
        """The secret again. Raises WrongKeySecret."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], webhook_id.encode())
        except InvalidTag as error:
            raise WrongKeySecret(
                "The secrets of webhooks were sealed with another COFFER_NOTIFIER_WEBHOOK_KEY_SECRET. Set the old one again,"
                " or have their owners rotate them."
            ) from error
