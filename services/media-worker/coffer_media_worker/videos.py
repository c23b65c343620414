"""A picture out of a film: a whole one near its beginning that shows something. Runs in a child, never in the worker."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, BinaryIO, cast

from PIL import Image, ImageStat

from coffer_media_worker import ffmpeg, imaging, sounds, tags
from coffer_media_worker.domain import PIXEL_LIMITS, Rendered
from coffer_media_worker.limits import SIZES
from coffer_media_worker.ranged import OverBudgetError, Ranged
from coffer_media_worker.refusals import CorruptError, TooManyPixelsError, UnsupportedError

PLACES = (0.1, 0.4, 0.7)
"""Where in the film is looked, in this order, until something is to be seen; each costs a jump and a few requests."""
FLAT = 9.0
"""By so much, of 255, the brightness of a picture that shows something differs within it (standard deviation)."""
PACKETS = 400
"""How many packets are read at one place before it is given up: some seconds of a film without a whole picture."""
BROAD_BLOCKS = 1 << 20
BROAD_FROM = 500 << 20
"""Of files from here on more is fetched at once: their pictures alone are that large."""
BROADCAST_LINES = 720
"""Films from this height on are in the colours of ITU-R BT.709, where they do not say in which."""

_ITU709, _UNSPECIFIED = 1, 2


def draw(
    source: Ranged,
    boxes: Sequence[int] = SIZES,
    format: str = "WEBP",  # noqa: A002 PIL's word
) -> Iterator[Rendered]:
    """Pictures of a film that fit the boxes, upright, the smallest one first, and what is known of it; of a film without
    pictures what `sounds.draw` makes of it. Raises `ImagingError`, OverBudgetError and MemoryError.
    """
    mime_type = ffmpeg.recognise(source)
    if source.size >= BROAD_FROM:
        source.block = BROAD_BLOCKS
    with ffmpeg.opened(cast("BinaryIO", source), mime_type) as container:
        stream = ffmpeg.wanted(container, "video")
        if stream is not None:
            facts = _facts(container, stream)
            frame = _shown(container, stream)
            shape = _shape(frame, stream)
            picture = _pixels(frame, shape)
    if stream is None:
        yield from sounds.draw(source, boxes, format)
        return
    yield from imaging.draw_pixels(picture, boxes, format, size=shape, orientation=_ORIENTATIONS[_turn(frame)], facts=facts)


def _facts(container: Any, stream: Any) -> dict[str, Any]:
    """What the container says."""
    told: dict[str, Any] = {"video_codec": ffmpeg.codec_of(stream)}
    heard = ffmpeg.found(container, "audio")
    if heard is not None:
        told["audio_codec"] = ffmpeg.codec_of(heard)
    seconds = ffmpeg.seconds_of(container)
    title = tags.line(container.metadata.get("title"))
    return told | ({"duration_milliseconds": round(seconds * 1000)} if seconds else {}) | ({"title": title} if title else {})


def _shown(container: Any, stream: Any) -> Any:
    """The first frame among those at the places that is not flat; if all are, the one that is least so. A film that is cut
    short may have some of them only. Raises CorruptError, UnsupportedError or OverBudgetError if there is none.
    """
    _refuse(stream.codec_context.width, stream.codec_context.height)
    stream.codec_context.skip_frame = "NONKEY"
    best, most = None, -1.0
    problem: Exception | None = None
    seconds = ffmpeg.seconds_of(container)
    starts = [int(seconds * place * 1_000_000) for place in PLACES] if seconds else []
    for start in (*starts, None):
        if start is None and best is not None:
            break
        try:
            frame = _frame_at(container, stream, start)
        except (CorruptError, UnsupportedError, OverBudgetError) as error:
            problem = error  # what has been fetched may still do for another place
            continue
        if frame is not None and (variety := _variety(frame)) > most:
            best, most = frame, variety
        if most >= FLAT:
            break
    if best is None:
        raise problem or CorruptError("no frame in it can be decoded")
    return best


def _frame_at(container: Any, stream: Any, start: int | None) -> Any | None:
    """The first whole frame before a time in microseconds, or of all; None if none is found soon."""
    with ffmpeg.told():
        container.seek((container.start_time or 0) + (start or 0))
        for number, packet in enumerate(container.demux(stream)):
            if number > PACKETS:
                break
            for frame in packet.decode():
                _refuse(frame.width, frame.height)
                return frame
    return None


def _refuse(width: int, height: int) -> None:
    if width * height > PIXEL_LIMITS.video:
        raise TooManyPixelsError(f"{width}x{height}")


def _variety(frame: Any) -> float:
    with ffmpeg.told():
        tiny: Image.Image = frame.to_image(width=64, height=36, threads=1)
    return float(ImageStat.Stat(tiny.convert("L")).stddev[0])


def _shape(frame: Any, stream: Any) -> tuple[int, int]:
    """Its size in square pixels, not upright yet."""
    ratio = stream.sample_aspect_ratio or Fraction(1)
    wide = frame.width * ratio if Fraction(1, 8) <= ratio <= 8 else frame.width
    return max(1, round(wide)), int(frame.height)


def _pixels(frame: Any, shape: tuple[int, int]) -> Image.Image:
    """The frame in sRGB, no larger than the largest box."""
    scale = min(1.0, SIZES[-1] / max(shape))
    width, height = (max(1, round(side * scale)) for side in shape)
    guessed = frame.colorspace == _UNSPECIFIED and frame.height >= BROADCAST_LINES
    colours = {"src_colorspace": _ITU709} if guessed else {}
    with ffmpeg.told():
        picture: Image.Image = frame.to_image(width=width, height=height, threads=1, **colours)
    return picture


def _turn(frame: Any) -> int:
    """By how many quarters it is to be turned to the left."""
    return int(round(frame.rotation / 90) % 4)


_ORIENTATIONS = (1, 8, 3, 6)
"""What EXIF calls that."""
