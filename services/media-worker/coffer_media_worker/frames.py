"""What worker and child say to each other over a job's socket: one request, one reply. No sockets, no processes here.

A frame is two lengths (32 bits each, network order), a JSON header and a body. The child may have been taken over by
the file it decodes, so `read_reply` believes nothing.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any

from coffer_media_worker.domain import JobLimits, PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from coffer_media_worker.pictures import jpeg_layout, webp_size

PREFIX = struct.Struct("!II")
EXIT_MEMORY = 71
"""Exit status of a child that had no memory left even to say so."""

PLACEHOLDER_BYTES = 768  # 1024 characters as base64, which is what the fact has room for


class BadFrameError(ValueError):
    """The other side does not keep to the protocol or to a budget."""


def pack(header: Mapping[str, object], body: bytes = b"") -> bytes:
    """The frame up to its body, which the caller sends after it, so that large bodies are not copied."""
    told = json.dumps(header).encode()
    return PREFIX.pack(len(told), len(body)) + told


def lengths(prefix: bytes, *, header_bytes: int, body_bytes: int) -> tuple[int, int]:
    """Lengths of header and body; raises `BadFrameError` where one passes its budget."""
    header, body = PREFIX.unpack(prefix)
    if header > header_bytes or body > body_bytes:
        raise BadFrameError(f"a frame of {header} + {body} bytes")
    return header, body


def reply_frame(outcome: PreviewOutcome) -> tuple[bytes, bytes]:
    """A job's outcome as frame and body."""
    if isinstance(outcome, PreviewFailed):
        return pack({"failed": outcome.reason, "detail": outcome.detail[:500]}), b""
    body = outcome.content + outcome.placeholder
    header = {
        "mime_type": outcome.mime_type,
        "size": [outcome.width, outcome.height],
        "source": [outcome.source_width, outcome.source_height],
        "content": len(outcome.content),
    }
    return pack(header, body), body


def read_reply(header: bytes, body: bytes, limits: JobLimits) -> PreviewOutcome:
    """The outcome a child reports, its picture checked by our own parser; raises `BadFrameError`."""
    try:
        told = json.loads(header)
        if "failed" in told:
            return PreviewFailed(PreviewFailure(told["failed"]), str(told.get("detail", ""))[:500])
        return _rendered(told, body, limits)
    except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError) as error:
        raise BadFrameError(f"{type(error).__name__}: {error}") from error


def _rendered(told: dict[str, Any], body: bytes, limits: JobLimits) -> Rendered:
    width, height = (int(number) for number in told["size"])
    source_width, source_height = (int(number) for number in told["source"])
    split = int(told["content"])
    content, placeholder = body[:split], body[split:]
    if min(width, height, source_width, source_height, split) < 1 or max(source_width, source_height) > 65_535:
        raise BadFrameError("sizes out of range")
    if len(content) > limits.output_bytes or len(placeholder) > PLACEHOLDER_BYTES:
        raise BadFrameError("more bytes than allowed")
    if _size_of(str(told["mime_type"]), content) != (width, height) or _size_of("image/webp", placeholder) is None:
        raise BadFrameError("the picture is not what the header says")
    return Rendered(content, str(told["mime_type"]), width, height, source_width, source_height, placeholder)


def _size_of(mime_type: str, content: bytes) -> tuple[int, int] | None:
    if mime_type == "image/webp":
        whole = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
        whole = whole and int.from_bytes(content[4:8], "little") + 8 == len(content)
        return webp_size(content[:30]) if whole else None
    if mime_type == "image/jpeg":
        layout = jpeg_layout(content)
        return layout.size if layout.end == len(content) else None
    return None
