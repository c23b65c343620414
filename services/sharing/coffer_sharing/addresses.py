"""E-mail addresses as sharing keeps them: to be recognised by a keyed digest, and to be read again only while they are needed.

Both keys are derived from one setting. Whoever has the store alone can neither read an address nor try one out.
"""

import hashlib
import hmac
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coffer_chassis.emails import address_form
from coffer_contracts.ids import InvitationId

_NONCE_BYTES: Final = 12


class WrongAddressSecret(Exception):
    """An address in the store was sealed with another COFFER_SHARING_ADDRESS_SECRET. Says nothing of the address."""


class Addresses:
    """Digests, seals and opens. Fixed keys, so it may be shared."""

    def __init__(self, secret: bytes) -> None:
        """`secret` is 32 random bytes."""
        self._digest_key = _derived(secret, b"coffer address digests 1")
        self._cipher = AESGCM(_derived(secret, b"coffer invited addresses 1"))

    def key_of(self, address: str) -> bytes:
        """What all spellings of an address in normal form have in common, as 32 bytes."""
        return hmac.digest(self._digest_key, address_form(address).encode("utf-8", "surrogatepass"), hashlib.sha256)

    def seal(self, invitation_id: InvitationId, address: str) -> bytes:
        """What may stand in the store, in that invitation only."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, address.encode(), invitation_id.encode())

    def open(self, invitation_id: InvitationId, sealed: bytes) -> str:
        """The address again. Raises WrongAddressSecret."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], invitation_id.encode()).decode()
        except InvalidTag as error:
            raise WrongAddressSecret(
                "Invited addresses were sealed with another COFFER_SHARING_ADDRESS_SECRET. Set the old one again, or have"
                " the invitations revoked."
            ) from error


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, purpose).derive(secret)
