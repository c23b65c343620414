"""The setting of services that sign tokens."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr

KEY_SECRET_BYTES = 32


def _thirty_two_bytes(secret: SecretStr) -> SecretStr:
    try:
        length = len(bytes.fromhex(secret.get_secret_value()))
    except ValueError:
        length = 0
    if length != KEY_SECRET_BYTES:
        raise ValueError("must be 32 bytes in hexadecimal, e.g. from `openssl rand -hex 32`")
    return secret


KeySecret = Annotated[SecretStr, AfterValidator(_thirty_two_bytes)]
"""32 bytes in hexadecimal that seal private keys in the store."""
