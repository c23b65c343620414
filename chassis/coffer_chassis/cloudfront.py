"""Signed addresses of a CloudFront distribution in front of the bucket.

Source: "Create a signed URL using a canned policy" in the Amazon CloudFront developer guide: a key of RSA with 2048 bits or of
ECDSA on P-256, over SHA-256 where `Hash-Algorithm` says so. What the distribution must do stands in docs/downloads.md.
"""

import base64
from datetime import timedelta
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from coffer_chassis.clock import Clock
from coffer_chassis.object_keys import checked_key

ROUNDING = timedelta(minutes=15)
"""The end of an address is rounded up to this, so that a browser finds the same address in its cache."""

_SAFE = str.maketrans("+=/", "-_~")
"""Base64 as CloudFront writes it in addresses."""


class CloudFront:
    """One distribution and the key whose public half is in its key group. As Addresses; safe to use from many tasks."""

    def __init__(self, base_url: str, key_pair_id: str, private_key_pem: str, clock: Clock) -> None:
        """Raises ValueError for a key that CloudFront does not take; the message holds nothing of it."""
        try:
            key = load_pem_private_key(private_key_pem.encode(), None)
        except (ValueError, TypeError) as error:
            raise ValueError("the private key for CloudFront is no unencrypted PEM") from error
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            self._key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = key
        elif isinstance(key, rsa.RSAPrivateKey) and key.key_size == 2048:
            self._key = key
        else:
            raise ValueError("CloudFront takes RSA keys of 2048 bits and ECDSA keys on P-256, and no others")
        self._base_url = base_url.rstrip("/")
        self._key_pair_id = key_pair_id
        self._clock = clock

    def presign_get(self, key: str, *, content_type: str, disposition: str, expires_seconds: int, fresh: bool = False) -> str:
        """See Addresses."""
        ends = self._clock.now().timestamp() + expires_seconds
        if not fresh:
            step = ROUNDING.total_seconds()
            ends = -(-ends // step) * step
        named = {"response-content-disposition": disposition, "response-content-type": content_type}
        query = "&".join(f"{name}={quote(value, safe='~')}" for name, value in named.items())
        resource = f"{self._base_url}/{quote(checked_key(key), safe='/~')}?{query}"
        signature = base64.b64encode(self._sign(canned_policy(resource, int(ends)).encode())).decode().translate(_SAFE)
        signed = f"Expires={int(ends)}&Signature={signature}&Key-Pair-Id={self._key_pair_id}&Hash-Algorithm=SHA256"
        return f"{resource}&{signed}"

    def _sign(self, policy: bytes) -> bytes:
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(policy, padding.PKCS1v15(), hashes.SHA256())
        # Deterministic (RFC 6979), or the same address would be another one each time, and never in a cache.
        return self._key.sign(policy, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def canned_policy(resource: str, expires: int) -> str:
    """What is signed: that the address works until `expires` (seconds since 1970). To the letter, without spaces."""
    condition = f'{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}'
    return f'{{"Statement":[{{"Resource":"{resource}","Condition":{condition}}}]}}'
