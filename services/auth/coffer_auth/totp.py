"""Codes: time-based ones (RFC 6238) with their secrets sealed, and recovery codes, of which only digests are stored.

Nothing here logs or stores a secret or a code.
"""

import hashlib
import io
import secrets
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

import pyotp
import segno
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coffer_auth.domain.mfa import CODES, Factor, steps_taken
from coffer_chassis.signing.keys import NONCE_BYTES, WrongKeySecret
from coffer_contracts.ids import UserId

ISSUER = "Coffer"
DIGITS = 6
RECOVERY_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's: without i, l, o and u, which people take for something else."""
RECOVERY_LENGTH = 16
"""Eighty bits: too many to guess, also for who holds the store and its digests."""
GROUP = 4

_MISREAD = str.maketrans("ilo", "110", "- ")


@dataclass(frozen=True, slots=True)
class Setup:
    """What an authenticator app is told, once."""

    secret: str
    otpauth_uri: str
    qr_svg: str


class TotpSecrets:
    """Makes secrets and checks their codes. `secret` is the 32 bytes that seal what the store must not show."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(HKDF(SHA256(), 32, None, b"coffer-auth totp secrets 1").derive(secret))

    def new(self, user_id: UserId, username: str) -> tuple[Setup, bytes]:
        """A fresh secret of 160 bits (RFC 4226 section 4, R6) as an app takes it, and as the store keeps it."""
        secret = pyotp.random_base32()
        uri = pyotp.TOTP(secret, digits=DIGITS, name=username, issuer=ISSUER).provisioning_uri()
        nonce = secrets.token_bytes(NONCE_BYTES)
        return Setup(secret, uri, qr_svg(uri)), nonce + self._cipher.encrypt(nonce, secret.encode(), user_id.encode())

    def accepted_step(self, factor: Factor, code: str, now: datetime) -> int | None:
        """The step whose code this is, if it is one that is taken now. Raises WrongKeySecret.

        Every step in question is compared, each in constant time, whichever fits.
        """
        if factor.sealed_secret is None:
            return None
        totp = pyotp.TOTP(self._open(factor.user_id, factor.sealed_secret), digits=DIGITS)
        typed = "".join(code.split()).encode(errors="replace")
        fitting = [step for step in steps_taken(factor.last_step, now) if compare_digest(_code(totp, step), typed)]
        return fitting[0] if fitting else None

    def _open(self, user_id: UserId, sealed: bytes) -> str:
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], user_id.encode()).decode()
        except InvalidTag as error:
            raise WrongKeySecret(
                "The second factors in auth's store were sealed with another COFFER_AUTH_KEY_SECRET. Set the old one again, or "
                "reset the second factor of each account."
            ) from error


def qr_svg(text: str) -> str:
    """A QR code of `text` as an SVG element, dark on light with the quiet zone that cameras want."""
    drawing = io.BytesIO()
    segno.make(text, error="m", micro=False).save(drawing, kind="svg", xmldecl=False, scale=4, light="#fff")
    return drawing.getvalue().decode().strip()


def new_recovery_codes() -> list[str]:
    """Ten fresh codes as people write them down: `xxxx-xxxx-xxxx-xxxx`."""
    return [_grouped("".join(secrets.choice(RECOVERY_ALPHABET) for _ in range(RECOVERY_LENGTH))) for _ in range(CODES)]


def recovery_digest(user_id: UserId, code: str) -> bytes:
    """What stands in the store instead of the code, however it was typed. A plain hash is enough for 80 random bits."""
    bare = code.casefold().translate(_MISREAD)
    return hashlib.sha256(f"{user_id}\0{bare}".encode(errors="surrogatepass")).digest()


def _grouped(code: str) -> str:
    return "-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP))


def _code(totp: pyotp.TOTP, step: int) -> bytes:
    return totp.generate_otp(step).encode()
