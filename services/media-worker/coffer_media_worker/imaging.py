"""Bytes of a picture in, a small picture out. The only module that imports PIL; runs in a child, never in the worker.

Knows nothing of processes, events or storage. Order of work: limits by the header, first decode at the coarsest scale
that suffices, everything else on the small picture.
"""

import io
import warnings
from collections.abc import Callable
from functools import partial

from PIL import (
    ExifTags,
    GifImagePlugin,
    Image,
    ImageCms,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from coffer_media_worker.domain import JOB_LIMITS, PIXEL_LIMITS, Picture, PixelLimits, PreviewFailure, Rendered, pixel_refusal
from coffer_media_worker.pictures import jpeg_layout, picture_size, webp_size
from coffer_media_worker.refusals import (
    BombError,
    CorruptError,
    ImagingError,
    OutOfMemoryError,
    TooLargeError,
    TooManyPixelsError,
    UnsupportedError,
)
from coffer_media_worker.sample import Sample

PLUGINS = (GifImagePlugin, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)
"""Imported by name so that no decoder is loaded late; TIFF only for EXIF, MPO because JPEG turns into it."""

FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}
PLACEHOLDER_BOX = 16
QUALITIES = (75, 50, 25)
GAP = 1.25
"""How much larger than the goal the cheap first reduction stays: 20 % faster than 1.5, invisible beside the encoder."""

Image.MAX_IMAGE_PIXELS = PIXEL_LIMITS.jpeg  # Pillow's own limit stands behind ours and must not be stricter for JPEG


_REFUSALS: dict[PreviewFailure, type[ImagingError]] = {
    PreviewFailure.BOMB: BombError,
    PreviewFailure.TOO_MANY_PIXELS: TooManyPixelsError,
}


def warm_up() -> None:
    """Do once what Pillow does at its first picture, without decoding any."""
    Image.preinit()
    ImageCms.createProfile("sRGB")


def render(
    source: bytes,
    box: int = 400,
    format: str = "WEBP",  # noqa: A002 PIL's word
    limits: PixelLimits = PIXEL_LIMITS,
    *,
    square: bool = False,
) -> Rendered:
    """A preview that fits `box` x `box` pixels, upright, in sRGB, as "WEBP" (keeps transparency) or "JPEG".

    Only the first frame is drawn and nothing is enlarged. With `square` the middle of the picture fills the box, and a smaller
    picture is enlarged. Raises `ImagingError` and nothing else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about oddities in files; none changes the outcome
            return _render(source, box, format, limits, square=square)
    except MemoryError as error:
        raise OutOfMemoryError(str(error)) from error


def _render(source: bytes, box: int, form: str, limits: PixelLimits, *, square: bool) -> Rendered:
    mime_type = _mime_of(source)
    picture_bytes, size = _admit(source, mime_type, box, limits, square=square)
    small, orientation, profile = _decode(
        picture_bytes, mime_type, len(source), limits, partial(_crop if square else _shrink, box=box)
    )
    small = _upright(_srgb(small, profile), orientation)
    if orientation >= 5:
        size = (size[1], size[0])
    content = _encode(small, form)
    picture = Picture(content, f"image/{form.lower()}", *small.size, box)
    return Rendered((picture,), *size, placeholder=_placeholder(small))


def _mime_of(source: bytes) -> str:
    if source[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    if source[:8] == b"\x89PNG\r\n\x1a\n":
        return "image/png"
    if source[:6] in {b"GIF87a", b"GIF89a"}:
        return "image/gif"
    if source[:4] == b"RIFF" and source[8:12] == b"WEBP":
        return "image/webp"
    raise UnsupportedError("no JPEG, PNG, GIF or WebP")


def _admit(source: bytes, mime_type: str, box: int, limits: PixelLimits, *, square: bool) -> tuple[bytes, tuple[int, int]]:
    """The bytes worth decoding and the picture's size, by headers alone; refuses what is beyond the limits."""
    if mime_type != "image/jpeg":
        size = picture_size(mime_type, Sample(source, b"", len(source)))
        if size is None:
            raise CorruptError("no size in the header")
        _refuse(mime_type, size, len(source), progressive=False, limits=limits)
        return source, size
    first = jpeg_layout(source, first_scan_only=True)
    if first.size is None or min(first.size) == 0:
        raise CorruptError("no frame header")
    _refuse(mime_type, first.size, len(source), progressive=first.progressive, limits=limits)
    single = first.first_scan_is_full and not first.progressive
    if not single and _scans_exceed(source, limits.scans):
        raise BombError(f"more than {limits.scans} scans")
    cut = first.first_scan_end
    filling = min(first.size) if square else max(first.size)
    if first.progressive and first.first_scan_is_full and first.first_scan_is_dc and cut and filling >= 8 * box:
        # The first scan holds every DC coefficient, that is the picture at 1/8: 4 % of the bytes, a fifth of the time.
        if source.rfind(b"\xff\xd9", cut) < 0:
            raise CorruptError("no end of image")
        return source[:cut] + b"\xff\xd9", first.size
    return source, first.size


def _scans_exceed(source: bytes, most: int) -> bool:
    # A scan costs a pass over all coefficients whatever its length, so thousands of empty ones cost minutes. The bytes
    # FF DA also occur in films and pictures behind this one: only a suspicious count is worth walking the markers.
    return source.count(b"\xff\xda") > most and jpeg_layout(source, max_scans=most).scans > most


def _refuse(mime_type: str, size: tuple[int, int], size_bytes: int, *, progressive: bool, limits: PixelLimits) -> None:
    refusal = pixel_refusal(mime_type, *size, size_bytes, progressive=progressive, limits=limits)
    if refusal is not None:
        raise _REFUSALS[refusal](f"{size[0]}x{size[1]} in {size_bytes} bytes")


def _decode(
    source: bytes, mime_type: str, size_bytes: int, limits: PixelLimits, reduce: Callable[[Image.Image], Image.Image]
) -> tuple[Image.Image, int, bytes | None]:
    """The first frame reduced to the box, its EXIF orientation and its colour profile."""
    try:
        with Image.open(io.BytesIO(source), formats=[FORMATS[mime_type]]) as picture:
            if mime_type != "image/jpeg":
                # A GIF's first frame may be larger than its screen, which is what the header told.
                _refuse(mime_type, picture.size, size_bytes, progressive=False, limits=limits)
            orientation, profile = _orientation(picture), picture.info.get("icc_profile")
            return reduce(picture), orientation, profile
    except (ImagingError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise BombError(str(error)) from error
    except Exception as error:  # decoders raise whatever hostile bytes provoke: OSError, struct.error, KeyError, ...
        raise CorruptError(f"{type(error).__name__}: {error}") from error


def _orientation(picture: Image.Image) -> int:
    try:
        value = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 damaged EXIF must not cost the picture its preview
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _goal(size: tuple[int, int], box: int) -> tuple[int, int]:
    scale = min(box / size[0], box / size[1], 1.0)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _shrink(picture: Image.Image, box: int) -> Image.Image:
    """Decode as coarsely as the goal allows, then LANCZOS; converting only to modes that can be averaged."""
    goal = _goal(picture.size, box)
    region: tuple[float, float, float, float] | None = None
    drafted = picture.draft(None, (int(goal[0] * GAP), int(goal[1] * GAP)))
    if drafted is not None:
        region = drafted[1]
    picture.load()
    plain = _averageable(picture)
    small = plain.resize(goal, Image.Resampling.LANCZOS, box=region, reducing_gap=GAP)
    small.info.clear()  # comments, EXIF and profiles must not travel into the preview
    return small


def _crop(picture: Image.Image, box: int) -> Image.Image:
    """The square in the middle, box pixels wide; decoded as coarsely as that allows, and cut out before anything grows."""
    drafted = picture.draft(None, (int(box * GAP), int(box * GAP)))
    left, top, right, bottom = drafted[1] if drafted is not None else (0, 0, *picture.size)
    picture.load()
    side = min(right - left, bottom - top)
    across, down = (left + right - side) / 2, (top + bottom - side) / 2
    middle = (across, down, across + side, down + side)
    small = _averageable(picture).resize((box, box), Image.Resampling.LANCZOS, box=middle, reducing_gap=GAP)
    small.info.clear()
    return small


def _averageable(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):
        # 16 bits of grey: a plain conversion would cut everything above 255 to white.
        return picture.point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if picture.mode in {"RGB", "L", "CMYK", "RGBA", "LA"} and "transparency" not in picture.info:
        return picture
    if picture.mode == "1":
        return picture.convert("L")
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


_SPACES = {"RGB": "RGB ", "RGBA": "RGB ", "L": "GRAY", "CMYK": "CMYK"}


def _srgb(small: Image.Image, profile: bytes | None) -> Image.Image:
    """The small picture in sRGB; a profile that is damaged, or of another colour space, is passed over."""
    flat: dict[str, str] = {"L": "RGB", "CMYK": "RGB", "LA": "RGBA"}
    goal = flat.get(small.mode, small.mode)
    if profile and b"sRGB" not in profile[:4096] and small.mode in _SPACES:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if source.profile.xcolor_space == _SPACES[small.mode]:
                target = ImageCms.createProfile("sRGB")
                turned = ImageCms.profileToProfile(small, source, target, outputMode=goal)
                return turned if turned is not None else small.convert(goal)
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
            return small.convert(goal)
    return small.convert(goal) if small.mode != goal else small


_TURNS: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(small: Image.Image, orientation: int) -> Image.Image:
    return small.transpose(_TURNS[orientation]) if orientation in _TURNS else small


def _webp(small: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    # The mask is stored without loss unless that is what made the preview too large.
    small.save(out, "WEBP", quality=quality, method=2, alpha_quality=100 if quality == QUALITIES[0] else quality)
    content = out.getvalue()
    whole = content[:4] == b"RIFF" and int.from_bytes(content[4:8], "little") + 8 == len(content)
    if not whole or webp_size(content[:30]) != small.size:
        raise CorruptError("the encoder's output does not hold what it was given")
    return content


def _jpeg(small: Image.Image, quality: int) -> bytes:
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


_ENCODERS: dict[str, Callable[[Image.Image, int], bytes]] = {"WEBP": _webp, "JPEG": _jpeg}


def _encode(small: Image.Image, form: str) -> bytes:
    for quality in QUALITIES:
        content = _ENCODERS[form](small, quality)
        if len(content) <= JOB_LIMITS.output_bytes:
            return content
    raise TooLargeError(f"{len(content)} bytes at the lowest quality")


def _placeholder(small: Image.Image) -> bytes:
    return _webp(small.resize(_goal(small.size, PLACEHOLDER_BOX), Image.Resampling.BOX), 50)
