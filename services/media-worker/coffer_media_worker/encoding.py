"""Finished pictures as bytes, within their budgets. Runs in a child, never in the worker."""

import io
from collections.abc import Callable, Mapping

from PIL import Image

from coffer_media_worker.domain import JOB_LIMITS
from coffer_media_worker.pictures import jpeg_layout, webp_size
from coffer_media_worker.reducing import fitted
from coffer_media_worker.refusals import CorruptError, TooLargeError

PLACEHOLDER_BOX = 16
QUALITIES = (75, 50, 25)
METHODS: Mapping[int, int] = {1024: 1, 2048: 0}
"""How hard WebP is pressed, by box, 2 unless said: of large pictures more effort takes half as long again for a tenth of the
bytes at most.
"""


def _webp(small: Image.Image, quality: int, method: int = 2) -> bytes:
    out = io.BytesIO()
    # The mask is stored without loss unless that is what made the preview too large.
    small.save(out, "WEBP", quality=quality, method=method, alpha_quality=100 if quality == QUALITIES[0] else quality)
    content = out.getvalue()
    whole = content[:4] == b"RIFF" and int.from_bytes(content[4:8], "little") + 8 == len(content)
    if not whole or webp_size(content[:30]) != small.size:
        raise CorruptError("the encoder's output does not hold what it was given")
    return content


def _jpeg(small: Image.Image, quality: int, _method: int) -> bytes:
    if small.mode == "RGBA":
        paper = Image.new("RGB", small.size, "white")
        paper.paste(small, mask=small.getchannel("A"))
        small = paper
    out = io.BytesIO()
    small.save(out, "JPEG", quality=quality)
    content = out.getvalue()
    layout = jpeg_layout(content)
    if layout.size != small.size or layout.end != len(content):
        raise CorruptError("the encoder's output does not hold what it was given")
    return content


_ENCODERS: dict[str, Callable[[Image.Image, int, int], bytes]] = {"WEBP": _webp, "JPEG": _jpeg}


def encode(small: Image.Image, form: str, box: int) -> bytes:
    """The picture as "WEBP" (keeps transparency) or "JPEG", at a lower quality where it would pass its budget. Raises
    TooLargeError, CorruptError.
    """
    for quality in QUALITIES:
        content = _ENCODERS[form](small, quality, METHODS.get(box, 2))
        if len(content) <= JOB_LIMITS.output_of(box):
            return content
    raise TooLargeError(f"{len(content)} bytes at the lowest quality")


def placeholder(small: Image.Image) -> bytes:
    """The picture in at most 16 pixels, as WebP."""
    return _webp(small.resize(fitted(small.size, PLACEHOLDER_BOX), Image.Resampling.BOX), 50)
