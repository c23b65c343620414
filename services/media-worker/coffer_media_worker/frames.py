"""What worker and child say to each other over a job's socket: one request, any number of questions for more bytes of the
file, one reply. No sockets, no processes here.

A frame is two lengths (32 bits each, network order), a JSON header and a body. The child may have been taken over by
the file it decodes, so `read_reply` believes nothing.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from coffer_media_worker.domain import (
    PLACEHOLDER_BYTES,
    JobLimits,
    Picture,
    PreviewFailed,
    PreviewFailure,
    PreviewOutcome,
    Rendered,
)
from coffer_media_worker.pictures import jpeg_layout, webp_size

PREFIX = struct.Struct("!II")
LONGEST_SIDE = 65_535
PIECE_BYTES = 8 << 20
"""Most bytes that a job is sent at once."""

EXIT_MEMORY = 71
"""Exit status of a child that had no memory left even to say so."""


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
    told = {
        "pictures": [
            [picture.mime_type, picture.width, picture.height, picture.box, picture.page, len(picture.content)]
            for picture in outcome.pictures
        ],
        "source": [outcome.source_width, outcome.source_height],
        "placeholder": len(outcome.placeholder),
        "facts": outcome.facts,
        "more": outcome.more,
    }
    body = b"".join([*(picture.content for picture in outcome.pictures), outcome.placeholder, outcome.text])
    return pack(told, body), body


def read_question(header: bytes, size_bytes: int) -> tuple[int, int] | None:
    """The bytes that a child asks for, first and last; None if it is a reply. Raises `BadFrameError` for what does not lie
    within the file or is more than may be asked for at once.
    """
    try:
        told = json.loads(header)
        if "read" not in told:
            return None
        first, last = (int(number) for number in told["read"])
    except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError) as error:
        raise BadFrameError(f"{type(error).__name__}: {error}") from error
    if not 0 <= first <= last < min(size_bytes, first + PIECE_BYTES):
        raise BadFrameError(f"bytes {first} to {last} of {size_bytes}")
    return first, last


def read_reply(header: bytes, body: bytes, limits: JobLimits) -> PreviewOutcome:
    """The outcome a child reports, its picture checked by our own parser; raises `BadFrameError`."""
    try:
        told = json.loads(header)
        if "failed" in told:
            reason = PreviewFailure(told["failed"])
            if reason is PreviewFailure.NO_ANSWER:
                raise BadFrameError("no job says of itself that it was never tried")
            return PreviewFailed(reason, str(told.get("detail", ""))[:500])
        return _rendered(told, body, limits)
    except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError) as error:
        raise BadFrameError(f"{type(error).__name__}: {error}") from error


def check_boxes(outcome: PreviewOutcome, boxes: Sequence[int], most: int) -> int:
    """How many pictures there are. Raises `BadFrameError` for more than so many, and for one that nobody asked for: boxes name
    the objects that pictures become.
    """
    pictures = outcome.pictures if isinstance(outcome, Rendered) else ()
    if len(pictures) > most or any(picture.box not in boxes for picture in pictures):
        raise BadFrameError("pictures that nobody asked for")
    return len(pictures)


def _rendered(told: dict[str, Any], body: bytes, limits: JobLimits) -> Rendered:
    pictures = []
    place = 0
    for mime_type, *numbers in told["pictures"]:
        width, height, box, page, length = (int(number) for number in numbers)
        content = body[place : place + length]
        place += length
        if min(width, height, box, page, length) < 1 or length > limits.output_of(box):
            raise BadFrameError("sizes out of range")
        if len(content) != length or _size_of(str(mime_type), content) != (width, height):
            raise BadFrameError("the picture is not what the header says")
        pictures.append(Picture(content, str(mime_type), width, height, box, page))
    end = place + int(told["placeholder"])
    placeholder, text = body[place:end], body[end:]
    if not place <= end <= len(body) or len(pictures) > limits.pictures or len(text) > limits.text_bytes:
        raise BadFrameError("more or less than the header says")
    if placeholder and (len(placeholder) > PLACEHOLDER_BYTES or _size_of("image/webp", placeholder) is None):
        raise BadFrameError("the placeholder is none")
    across, down = (_side(number) for number in told["source"])
    text.decode()
    more = told.get("more") is True
    return Rendered(tuple(pictures), across, down, placeholder, dict(told["facts"]), text, more)


def _side(number: object) -> int | None:
    if number is None:
        return None
    if not isinstance(number, int) or not 1 <= number <= LONGEST_SIDE:
        raise BadFrameError("sizes out of range")
    return number


def _size_of(mime_type: str, content: bytes) -> tuple[int, int] | None:
    if mime_type == "image/webp":
        whole = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
        whole = whole and int.from_bytes(content[4:8], "little") + 8 == len(content)
        return webp_size(content[:30]) if whole else None
    if mime_type == "image/jpeg":
        layout = jpeg_layout(content)
        return layout.size if layout.end == len(content) else None
    return None
