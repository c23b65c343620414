"""The formats that pictures are decoded from, and the decoders that there are. Runs in a child, never in the worker."""

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    features,
)

from coffer_media_worker.containers import read_bmff
from coffer_media_worker.refusals import UnsupportedError
from coffer_media_worker.sample import Sample

if TYPE_CHECKING:
    from types import ModuleType

PLUGINS = (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
"""Imported by name so that no decoder is loaded late; MPO because JPEG turns into it."""

FORMATS: Mapping[str, str] = {
    "image/avif": "AVIF",
    "image/bmp": "BMP",
    "image/gif": "GIF",
    "image/heic": "HEIF",
    "image/heif": "HEIF",
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/tiff": "TIFF",
    "image/webp": "WEBP",
}
"""By type, Pillow's names of the formats that may be opened; every other decoder is out of reach."""

_heif: "ModuleType | None" = None


def warm_up() -> None:
    """Load what decodes and do once what Pillow does at its first picture, without decoding any."""
    global _heif  # noqa: PLW0603 a module that is there or not
    Image.preinit()
    ImageCms.createProfile("sRGB")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pi_heif  # noqa: PLC0415 optional
    except ImportError:
        return
    pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    _heif = pi_heif


def missing() -> tuple[str, ...]:
    """Names of formats that nothing here decodes; tells the truth after `warm_up` only."""
    absent = []
    if _heif is None:
        absent.append("HEIF")
    if not features.check("avif"):
        absent.append("AVIF")
    return tuple(absent)


def recognise(head: bytes) -> str:
    """The type of a picture by its first bytes; raises UnsupportedError for what is not decoded here."""
    found = _by_signature(head)
    if found is None or FORMATS[found] in missing():
        raise UnsupportedError(f"no picture that is decoded here: {found}")
    return found


def _by_signature(head: bytes) -> str | None:
    for signature, mime_type in _SIGNATURES.items():
        if head.startswith(signature):
            return mime_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        sniffed = read_bmff(Sample(head, b"", len(head)))
        return sniffed.mime_type if sniffed is not None and sniffed.mime_type in FORMATS else None
    return None


_SIGNATURES: Mapping[bytes, str] = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
    b"BM": "image/bmp",
}
