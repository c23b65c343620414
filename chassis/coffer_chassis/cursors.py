"""Opaque page cursors: the position in a sorted listing, encrypted and bound to the listing it was made for.

A cursor grants nothing: rights are checked again on every page. It hides sort values and tells tampering apart.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coffer_contracts.problems import CursorInvalid

Value = str | int | float | bool | datetime | None

_NONCE_BYTES = 12
_MAX_LENGTH = 4096
_MIN_KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class Listing:
    """What a cursor belongs to: which listing, of whom, in what order, with what filters."""

    route: str
    user_id: str
    sort: str = ""
    filters: Mapping[str, Value | Sequence[str]] = field(default_factory=dict)

    def binding(self) -> bytes:
        """The same bytes for the same listing, whatever the order in which its filters were given."""
        return msgspec.json.encode((self.route, self.user_id, self.sort, sorted(self.filters.items())))


class Cursors:
    """Makes and reads cursors. The first key seals, every key opens: a new key is put in front, the old one stays.

    AES-GCM-SIV (RFC 8452) with a random nonce: unlike GCM it loses nothing but equality if a nonce ever repeats.
    """

    def __init__(self, *keys: bytes) -> None:
        """`keys` of at least 16 bytes each, newest first; raises ValueError for none or a short one."""
        if not keys or any(len(key) < _MIN_KEY_BYTES for key in keys):
            raise ValueError(f"cursors need keys of at least {_MIN_KEY_BYTES} bytes")
        self._ciphers = [AESGCMSIV(HKDF(SHA256(), 32, None, b"coffer cursor 1").derive(key)) for key in keys]

    def seal(self, position: Sequence[Value], listing: Listing) -> str:
        """A cursor for the place after `position`: the sort values of the last row shown, id last."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[0].encrypt(nonce, msgspec.msgpack.encode(position), listing.binding())
        return urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()

    def open(self, cursor: str, listing: Listing) -> list[Value]:
        """The position inside; raises CursorInvalid if it was changed or made for another listing, user or key."""
        raw = _decoded(cursor)
        binding = listing.binding()
        for cipher in self._ciphers:
            try:
                plain = cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], binding)
            except InvalidTag:
                continue
            position: list[Value] = msgspec.msgpack.decode(plain)
            return position
        raise CursorInvalid


def _decoded(cursor: str) -> bytes:
    if len(cursor) > _MAX_LENGTH or not cursor.isascii():
        raise CursorInvalid
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (Base64Error, ValueError) as error:
        raise CursorInvalid from error
    if len(raw) < _NONCE_BYTES + 16 or urlsafe_b64encode(raw).rstrip(b"=").decode() != cursor:
        raise CursorInvalid
    return raw
