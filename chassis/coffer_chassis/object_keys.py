"""Object keys: which ones Coffer uses. Services choose them; the names of files never stand in them.

S3 takes any 1024 bytes of UTF-8 and writes them into its events form-encoded, which every emulator does in its own way,
and proxies and browsers rewrite `//` and `..` in a signed address. Nothing rewrites these keys
(docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html).
"""

import re

KEY_BYTES = 200

_ALPHABET = re.compile(f"[a-z0-9/_.-]{{1,{KEY_BYTES}}}")


class KeyRefused(ValueError):
    """Coffer never uses such a key; whoever asks for it made it from something that was not checked."""


def checked_key(key: str) -> str:
    """The key itself: a-z, 0-9, `_`, `-` and `.` between single slashes, up to KEY_BYTES. Raises KeyRefused."""
    if not _ALPHABET.fullmatch(key) or not all(part.strip(".") for part in key.split("/")):
        raise KeyRefused(f"no object key of ours: {key[:KEY_BYTES]!r}")
    return key


def checked_prefix(prefix: str) -> str:
    """The prefix itself: whole parts of a key, the last slash included. Raises KeyRefused.

    A star would be a wildcard to IAM, and S3 takes the prefix of a notification form-encoded.
    """
    if not prefix.endswith("/"):
        raise KeyRefused(f"no key prefix of ours: {prefix[:KEY_BYTES]!r}")
    checked_key(prefix[:-1])
    return prefix
