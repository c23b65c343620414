"""What is stored under which key, and how a browser may be told to treat it."""

import hashlib
import re
from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote

from coffer_contracts.ids import BlobId, UploadId, UserId
from coffer_contracts.problems import ValidationFailed

BLOCK_BYTES = 8 * 1024 * 1024
"""Length of the blocks whose hashes make up `content_hash`; also the part size of a multipart upload."""

Disposition = Literal["inline", "attachment"]

_SHOWN = frozenset(
    {
        "application/pdf",
        "image/avif",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/webp",
        "text/plain",
        "video/mp4",
        "video/webm",
    }
)
"""Types that every browser shows without running anything; all audio beside. SVG, HTML and XML run scripts and stay out."""

_NEVER_SHOWN = frozenset(
    {"active_content", "bomb", "executable", "jar", "macros", "mismatch", "pdf_js", "polyglot", "released"}
)
"""Flags of content that is only ever saved, whatever its type."""
_CORRUPT = "corrupt"
"""Why there is no preview of what has the head of a picture and something else behind it."""


def blob_key(owner_id: UserId, blob_id: BlobId) -> str:
    """Where the bytes of a file lie in the bucket."""
    return f"blobs/{owner_id}/{blob_id}"


def incoming_key(upload_id: UploadId) -> str:
    """Where a form puts the bytes of a file, until they were checked."""
    return f"incoming/{upload_id}"


def quarantine_key(blob_id: BlobId) -> str:
    """Where refused bytes lie until the bucket's lifecycle deletes them."""
    return f"quarantine/{blob_id}"


_ID = "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_BLOB_KEY = re.compile(f"blobs/{_ID}/{_ID}")


def blob_of_key(key: str) -> tuple[UserId, BlobId] | None:
    """Owner and blob that a key names, or None if it is none of ours."""
    match = _BLOB_KEY.fullmatch(key)
    return (UserId(match[1]), BlobId(match[2])) if match else None


def block_count(size_bytes: int) -> int:
    """How many blocks a file of this length has; an empty file has one."""
    return max(1, -(-size_bytes // BLOCK_BYTES))


def content_hash(blocks_sha256: Sequence[str], size_bytes: int) -> str:
    """SHA-256 over the concatenated SHA-256s of the blocks, hexadecimal.

    Raises ValidationFailed if their number does not fit the length.
    """
    if len(blocks_sha256) != block_count(size_bytes):
        raise ValidationFailed(
            f"A file of {size_bytes} bytes has {block_count(size_bytes)} blocks of 8 MiB, not {len(blocks_sha256)}."
        )
    return hashlib.sha256(b"".join(bytes.fromhex(block) for block in blocks_sha256)).hexdigest()


def allowed_disposition(
    wanted: Disposition, mime_type: str, flags: Sequence[str], preview_reason: str | None = None
) -> Disposition:
    """`inline` only for types that run nothing and content without warnings; else `attachment`."""
    if wanted == "attachment" or _NEVER_SHOWN.intersection(flags) or preview_reason == _CORRUPT:
        return "attachment"
    shown = mime_type in _SHOWN or mime_type.startswith("audio/")
    return "inline" if shown else "attachment"


def served_type(mime_type: str, disposition: Disposition) -> str:
    """The Content-Type to serve: the true one for what is shown, bytes without a meaning for what is only saved."""
    if disposition == "attachment":
        return "application/octet-stream"
    return "text/plain; charset=utf-8" if mime_type == "text/plain" else mime_type


def disposition_header(disposition: Disposition, name: str) -> str:
    """The Content-Disposition header with the name in ASCII and in UTF-8 (RFC 6266, RFC 8187)."""
    plain = "".join(character if " " <= character <= "~" and character not in '"\\%' else "_" for character in name)
    return f"{disposition}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
