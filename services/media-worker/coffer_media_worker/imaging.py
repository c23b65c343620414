"""Bytes of a picture in, small pictures out. Runs in a child, never in the worker.

Knows nothing of processes, events or storage. Order of work: limits by the header, a decode at the coarsest scale that
suffices, everything else on the small pictures.
"""

import contextlib
import hashlib
import io
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, cast

from PIL import ExifTags, Image

from coffer_media_worker import formats, reducing
from coffer_media_worker.colours import srgb, upright
from coffer_media_worker.domain import PIXEL_LIMITS, Picture, PixelLimits, PreviewFailure, Rendered, pixel_refusal
from coffer_media_worker.encoding import encode, placeholder
from coffer_media_worker.memory import coefficient_bytes, to_be_had
from coffer_media_worker.metadata import told_by_colours, told_by_file
from coffer_media_worker.pictures import JpegLayout, jpeg_layout, picture_size
from coffer_media_worker.ranged import OverBudgetError, Ranged
from coffer_media_worker.refusals import (
    BombError,
    CorruptError,
    ImagingError,
    OutOfMemoryError,
    TooLargeError,
    TooManyPixelsError,
)
from coffer_media_worker.sample import Sample

HEAD_BYTES = 64 * 1024
THUMBNAIL = 400
COARSE = 8
"""How many times smaller the coarsest decode of a JPEG is, which a scan of its DC coefficients suffices for."""

_SIZED = frozenset({"image/gif", "image/png", "image/webp"})
"""Types whose size always stands in the first bytes."""

Image.MAX_IMAGE_PIXELS = PIXEL_LIMITS.jpeg  # Pillow's own limit stands behind ours and must not be stricter for JPEG

_REFUSALS: dict[PreviewFailure, type[ImagingError]] = {
    PreviewFailure.BOMB: BombError,
    PreviewFailure.TOO_MANY_PIXELS: TooManyPixelsError,
}


def warm_up() -> None:
    """Load every decoder, without decoding any picture."""
    formats.warm_up()


def render(
    source: bytes | Ranged,
    boxes: Sequence[int] = (THUMBNAIL,),
    format: str = "WEBP",  # noqa: A002 PIL's word
    limits: PixelLimits = PIXEL_LIMITS,
    *,
    square: bool = False,
    locate: bool = False,
) -> Rendered:
    """All that `draw` makes, at once."""
    return Rendered.joined(list(draw(source, boxes, format, limits, square=square, locate=locate)))


def draw(
    source: bytes | Ranged,
    boxes: Sequence[int] = (THUMBNAIL,),
    format: str = "WEBP",  # noqa: A002 PIL's word
    limits: PixelLimits = PIXEL_LIMITS,
    *,
    square: bool = False,
    locate: bool = False,
) -> Iterator[Rendered]:
    """Previews that fit boxes of so many pixels, upright, in sRGB, as "WEBP" (keeps transparency) or "JPEG": in parts, each
    with the pictures that the ones before had not. The smallest picture comes first, alone where the others take long.

    Only the first frame is drawn and nothing is enlarged: a box that shows no more than the one before it is left out. With
    `square` the middle of the picture fills the one box, and a smaller picture is enlarged. Where it was taken is told with
    `locate` only, and never by a picture. Raises `ImagingError` and nothing else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about oddities in files; none changes the outcome
            job = _Drawing(_ranged(source), sorted(boxes), format, limits, locate)
            for part in _draw(job, square=square):
                yield part if part.more else replace(part, facts={**part.facts, **_digest(job.file)})
    except MemoryError as error:
        raise OutOfMemoryError(str(error)) from error


def draw_pixels(
    plain: Image.Image,
    boxes: Sequence[int] = (THUMBNAIL,),
    format: str = "WEBP",  # noqa: A002 PIL's word
    *,
    size: tuple[int, int] | None = None,
    orientation: int = 1,
    facts: dict[str, Any] | None = None,
) -> Iterator[Rendered]:
    """As `draw`, of a picture in sRGB that another decoder made, of an original of `size`, which is not upright yet."""
    job = _Drawing(_ranged(b""), sorted(boxes), format, PIXEL_LIMITS)
    decoded = _Decoded(plain, None, size or plain.size, orientation, None, facts or {})
    yield from _parts(job, decoded, reducing.worthwhile(plain.size, job.boxes), square=False)


def _digest(file: Ranged) -> dict[str, str]:
    """The content's SHA-256, where all of it was read anyway."""
    content = file.known_whole()
    return {"sha256": hashlib.sha256(content).hexdigest()} if content is not None else {}


def _ranged(source: bytes | Ranged) -> Ranged:
    return source if isinstance(source, Ranged) else Ranged(len(source), _nothing_more, [(0, source)])


def _nothing_more(first: int, last: int) -> bytes:
    raise AssertionError(f"bytes {first} to {last} were there all along")


@dataclass(slots=True)
class _Drawing:
    """What is wanted of which file."""

    file: Ranged
    boxes: list[int]
    form: str
    limits: PixelLimits
    locate: bool = False

    def refuse(self, mime_type: str, size: tuple[int, int], *, progressive: bool = False) -> None:
        """Raises BombError, TooManyPixelsError for a picture beyond the limits."""
        refusal = pixel_refusal(mime_type, *size, self.file.size, progressive=progressive, limits=self.limits)
        if refusal is not None:
            raise _REFUSALS[refusal](f"{size[0]}x{size[1]} in {self.file.size} bytes")


@dataclass(slots=True)
class _Decoded:
    """The first frame, as coarse as was wanted, and what its file says of it; `size` is the whole picture's, as stored."""

    plain: Image.Image
    region: reducing.Region | None
    size: tuple[int, int]
    orientation: int
    profile: bytes | None
    facts: dict[str, Any]

    def upright_size(self) -> tuple[int, int]:
        """Of the whole picture."""
        return (self.size[1], self.size[0]) if self.orientation >= 5 else self.size


def _draw(job: _Drawing, *, square: bool) -> Iterator[Rendered]:
    mime_type = formats.recognise(_first(job.file, HEAD_BYTES))
    if mime_type == "image/jpeg":
        yield from _draw_jpeg(job, square=square)
        return
    size = picture_size(mime_type, Sample(_first(job.file, HEAD_BYTES), b"", job.file.size))
    if size is not None:
        job.refuse(mime_type, size)
    elif mime_type in _SIZED:
        raise CorruptError("no size in the header")
    job.file.seek(0)
    decoded = _decode(job, job.file.plainest(), mime_type, job.boxes[-1], square=square)
    yield from _parts(job, decoded, reducing.worthwhile(decoded.size, job.boxes), square=square)


def _draw_jpeg(job: _Drawing, *, square: bool) -> Iterator[Rendered]:
    layout = _first_scan(job.file)
    if layout.size is None or min(layout.size) == 0:
        raise CorruptError("no frame header")
    job.refuse("image/jpeg", layout.size, progressive=layout.progressive)
    boxes = reducing.worthwhile(layout.size, job.boxes)
    shown = min(layout.size) if square else max(layout.size)
    coarse = shown >= COARSE * boxes[0]
    cut = layout.first_scan_end
    held = coefficient_bytes(layout.size) if layout.progressive else 0
    if coarse and layout.progressive and layout.first_scan_is_full and layout.first_scan_is_dc and cut:
        # The first scan holds every DC coefficient, that is the picture at 1/8: 4 % of the bytes, a fifth of the time.
        _require_end(job.file, cut)
        decoded = _decode_jpeg(job, io.BytesIO(_first(job.file, cut) + b"\xff\xd9"), boxes[0], square=square, held_bytes=held)
        yield replace(_small(job, decoded, boxes[0], square=square), more=len(boxes) > 1)
        boxes = boxes[1:]
    if not boxes:
        return
    whole = job.file.whole()
    if not (layout.first_scan_is_full and not layout.progressive) and _scans_exceed(whole, job.limits.scans):
        raise BombError(f"more than {job.limits.scans} scans")
    if coarse and not layout.progressive and len(boxes) > 1:
        # An eighth of a decode's work, and the picture that people wait for is there.
        decoded = _decode_jpeg(job, io.BytesIO(whole), boxes[0], square=square)
        yield replace(_small(job, decoded, boxes[0], square=square), more=True)
        boxes = boxes[1:]
    decoded = _decode_jpeg(job, io.BytesIO(whole), boxes[-1], square=square, held_bytes=held)
    yield from _parts(job, decoded, boxes, square=square)


def _parts(job: _Drawing, decoded: _Decoded, boxes: Sequence[int], *, square: bool) -> Iterator[Rendered]:
    """The pictures for these boxes: the smallest one alone where the others are a lot of work."""
    made = Rendered((), *decoded.upright_size())
    if boxes[0] == job.boxes[0]:
        made, boxes = _small(job, decoded, boxes[0], square=square), boxes[1:]
        if boxes and boxes[-1] > reducing.EARLY:
            yield replace(made, more=True)
            made = replace(made, pictures=(), placeholder=b"")
    others = []
    for box in boxes:
        with contextlib.suppress(TooLargeError):  # noise; the smaller ones stand for it
            others.append(_picture(job, _finished(decoded, box, square=square), box))
    yield replace(made, pictures=(*made.pictures, *others))


def _small(job: _Drawing, decoded: _Decoded, box: int, *, square: bool) -> Rendered:
    """The smallest picture, and what is made of it."""
    small = _finished(decoded, box, square=square)
    facts = decoded.facts | told_by_colours(small)
    return Rendered((_picture(job, small, box),), *decoded.upright_size(), placeholder=placeholder(small), facts=facts)


def _picture(job: _Drawing, small: Image.Image, box: int) -> Picture:
    return Picture(encode(small, job.form, box), f"image/{job.form.lower()}", *small.size, box)


def _finished(decoded: _Decoded, box: int, *, square: bool) -> Image.Image:
    small = decoded.plain if square else reducing.shrink(decoded.plain, decoded.region, decoded.size, box)
    return upright(srgb(small, decoded.profile), decoded.orientation)


def _first(file: Ranged, length: int) -> bytes:
    file.seek(0)
    return file.read(length) or b""


def _first_scan(file: Ranged) -> JpegLayout:
    """What the markers say up to the end of the first scan of a progressive picture, or up to where it begins; reads on only as
    far as that.
    """
    length = min(HEAD_BYTES, file.size)
    while True:
        layout = jpeg_layout(_first(file, length), first_scan_only=True)
        known = layout.size is not None and layout.scans > 0 and not layout.progressive
        if known or layout.first_scan_end is not None or layout.end is not None or length == file.size:
            return layout
        length = min(length * 2, file.size)


def _require_end(file: Ranged, behind: int) -> None:
    """Raises CorruptError for a picture whose end is missing; other things may stand behind it."""
    start = max(behind, file.size - HEAD_BYTES)
    file.seek(start)
    if (file.read(HEAD_BYTES) or b"").rfind(b"\xff\xd9") < 0 and file.whole().rfind(b"\xff\xd9", behind) < 0:
        raise CorruptError("no end of image")


def _scans_exceed(source: bytes, most: int) -> bool:
    # A scan costs a pass over all coefficients whatever its length, so thousands of empty ones cost minutes. The bytes
    # FF DA also occur in films and pictures behind this one: only a suspicious count is worth walking the markers.
    return source.count(b"\xff\xda") > most and jpeg_layout(source, max_scans=most).scans > most


def _decode_jpeg(job: _Drawing, content: io.BytesIO, box: int, *, square: bool, held_bytes: int = 0) -> _Decoded:
    """As `_decode`; libjpeg calls it damage, too, when it cannot have the memory that it holds a picture in."""
    try:
        return _decode(job, content, "image/jpeg", box, square=square)
    except CorruptError as error:
        if not to_be_had(held_bytes):
            raise OutOfMemoryError(str(error)) from error
        raise


def _decode(job: _Drawing, content: io.BytesIO | Ranged, mime_type: str, box: int, *, square: bool) -> _Decoded:
    """The first frame, as coarse as the box allows; with `square` its middle, as large as the box."""
    try:
        with Image.open(cast("BinaryIO", content), formats=[formats.FORMATS[mime_type]]) as picture:
            if mime_type != "image/jpeg":
                # A GIF's first frame may be larger than its screen, which is what the header told.
                job.refuse(mime_type, picture.size)
            size, orientation, profile = picture.size, _orientation(picture), picture.info.get("icc_profile")
            facts = told_by_file(picture, locate=job.locate)
            plain, region = (reducing.crop(picture, box), None) if square else reducing.load(picture, box)
            return _Decoded(plain, region, size, orientation, profile, facts)
    except (ImagingError, MemoryError, OverBudgetError):
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
