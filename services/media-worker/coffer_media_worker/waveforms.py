"""How loud a recording is over time, as numbers and as a picture. Runs in a child, never in the worker.

Plain PCM in WAV is read here; everything else takes PyAV. Only the loudest of the samples looked at counts, and not every
sample is looked at.
"""

import array
import math
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from PIL import Image, ImageDraw

from coffer_media_worker import ffmpeg
from coffer_media_worker.limits import SOUND_LIMITS
from coffer_media_worker.ranged import OverBudgetError, Ranged
from coffer_media_worker.refusals import CorruptError, UnsupportedError
from coffer_media_worker.tags import Sparing, length_of

LOOKED_AT, LOOKED_AT_IN_A_FRAME = 2048, 256
"""Samples of one point that are looked at, and of one of the many frames of a point: more would draw the same picture."""
PLACES = 200
"""At so many places a long recording is looked into, where all of it would be too much to read."""
PLACE_BYTES = 64 * 1024
CPU_SECONDS = 5.0
"""Of a job's ten; what is known by then is drawn."""

BARS = 100
ASPECT = 5, 2
INK = (91, 127, 166, 255)
"""Readable on white and on black; the ground is transparent."""

_INTEGER, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_CHUNKS = 1000


@dataclass(frozen=True, slots=True)
class Wave:
    """From the beginning up to `seconds`: the loudest of each of equally long pieces, 255 for full scale."""

    points: bytes
    seconds: float
    whole: float | None
    """How long all of it plays, where that is known."""


def read(source: Ranged, mime_type: str, seconds: float | None) -> Wave:
    """The waveform of a recording; `seconds` is how long it plays, where that is known. Raises `ImagingError` and what reading
    raises.
    """
    plain = _plain(source) if mime_type == "audio/wav" else None
    return _of_plain(source, plain) if plain is not None else _of_coded(source, mime_type, seconds)


@dataclass(frozen=True, slots=True)
class _Plain:
    """Where in a file the samples are, and how they are written."""

    start: int
    length: int
    frame_bytes: int
    rate: int
    bits: int
    floating: bool


def _plain(source: Ranged) -> _Plain | None:
    """By the chunks of RIFF and RF64 (EBU Tech 3306); None for what is not plain PCM."""
    source.seek(0)
    head = source.read(12) or b""
    at, form, long_length = 12, b"", 0
    if head[:4] not in {b"RIFF", b"RF64"} or head[8:] != b"WAVE":
        return None
    for _ in range(_CHUNKS):
        source.seek(at)
        name_and_length = source.read(8) or b""
        if len(name_and_length) < 8:
            break
        name, length = struct.unpack("<4sI", name_and_length)
        at += 8
        if name == b"fmt ":
            form = source.read(min(length, 40)) or b""
        elif name == b"ds64":
            told = source.read(16) or b""
            long_length = int.from_bytes(told[8:16], "little")
        elif name == b"data":
            there = source.size - at
            told_length = long_length if length == 0xFFFFFFFF and long_length else length
            return _format(form, at, min(told_length, there) if told_length else there)
        at += length + length % 2
    return None


def _format(form: bytes, start: int, length: int) -> _Plain | None:
    if len(form) < 16:
        return None
    kind, _, rate, _, frame_bytes, bits = struct.unpack("<HHIIHH", form[:16])
    if kind == _EXTENSIBLE and len(form) >= 26:
        kind = int.from_bytes(form[24:26], "little")
    floating = kind == _FLOAT
    known = bits in {32, 64} if floating else kind == _INTEGER and bits in {8, 16, 24, 32}
    if not known or not rate or not frame_bytes or frame_bytes % (bits // 8):
        return None
    return _Plain(start, length - length % frame_bytes, frame_bytes, rate, bits, floating)


def _of_plain(source: Ranged, plain: _Plain) -> Wave:
    frames = min(plain.length // plain.frame_bytes, SOUND_LIMITS.wave_seconds * plain.rate)
    if frames == 0:
        raise CorruptError("no sound in it")
    all_of_it = frames * plain.frame_bytes <= SOUND_LIMITS.wave_bytes
    places = min(SOUND_LIMITS.points if all_of_it else PLACES, frames)
    source.block = source.block if all_of_it else PLACE_BYTES
    points = []
    for place in range(places):
        first, end = frames * place // places, frames * (place + 1) // places
        if not all_of_it:
            end = min(end, first + PLACE_BYTES // plain.frame_bytes + 1)
        source.seek(plain.start + first * plain.frame_bytes)
        content = source.read((end - first) * plain.frame_bytes) or b""
        parts = 1 if all_of_it else SOUND_LIMITS.points // PLACES
        points += [_loudest(_samples(piece, plain)) for piece in _split(content, parts, plain.frame_bytes)]
    return Wave(_told(points), frames / plain.rate, plain.length / plain.frame_bytes / plain.rate)


def _split(content: bytes, parts: int, frame_bytes: int) -> Iterator[bytes]:
    length = max(1, len(content) // frame_bytes // parts) * frame_bytes
    return (content[part * length : (part + 1) * length] for part in range(parts))


def _samples(content: bytes, plain: _Plain) -> Sequence[float]:
    """As numbers, where 1 is full scale, or 0 to 255 and -32768 to 32767, see `_loudest`."""
    if plain.floating:
        return array.array("f" if plain.bits == 32 else "d", content[: len(content) - len(content) % (plain.bits // 8)])
    if plain.bits == 8:
        return content
    across = plain.bits // 8
    count = len(content) // across
    if across == 2:
        return array.array("h", content[: count * 2])
    upper = bytearray(count * 2)
    upper[0::2], upper[1::2] = content[across - 2 : count * across : across], content[across - 1 : count * across : across]
    return array.array("h", bytes(upper))


def _loudest(samples: Sequence[float], most: int = LOOKED_AT) -> float:
    """The farthest from silence, from 0 to 1. Bytes are unsigned with silence in the middle, arrays of integers signed."""
    # An odd step, so that every channel has its turn.
    some = samples[:: (len(samples) // most) | 1] if len(samples) > most else samples
    if not some:
        return 0.0
    high, low = max(some), min(some)
    if isinstance(some, bytes):
        return max(high - 128, 128 - low) / 128
    full = _FULL[cast("array.array[Any]", some).typecode]
    loudest = max(high, -low) / full
    return min(loudest, 1.0) if math.isfinite(loudest) else 0.0


_FULL = {"h": 1 << 15, "i": 1 << 31, "f": 1.0, "d": 1.0}


def _of_coded(source: Ranged, mime_type: str, seconds: float | None) -> Wave:
    """By PyAV, as far as the limits reach or the file is whole."""
    points: list[float] = []
    heard = 0.0
    until = time.process_time() + CPU_SECONDS
    # FFmpeg would take a cover among the names for a film, and decode it.
    start = length_of(source)
    behind = ffmpeg.recognise(source, start) if start else mime_type
    mime_type = behind if behind in ffmpeg.CONTAINERS else mime_type
    file = Sparing(source, SOUND_LIMITS.wave_bytes, start)
    with ffmpeg.opened(cast("BinaryIO", file), mime_type, ffmpeg.SOUNDS) as container:
        stream = ffmpeg.wanted(container, "audio")
        if stream is None:
            raise UnsupportedError("no sound in it that is decoded here")
        told = ffmpeg.seconds_of(container) or seconds or 0
        shortest = min(told or SOUND_LIMITS.wave_seconds, SOUND_LIMITS.wave_seconds) / SOUND_LIMITS.points / 2
        try:
            for frame in ffmpeg.frames(container, stream):
                points += _heard(frame, max(64, int(shortest * frame.sample_rate)))
                heard += frame.samples / frame.sample_rate
                if heard >= SOUND_LIMITS.wave_seconds or time.process_time() > until:
                    break
            else:
                told = heard
        except (CorruptError, OverBudgetError):
            if not points:
                raise
    if not points:
        raise CorruptError("no sound in it")
    return Wave(_told(points), heard, told or None)


_CODES = {"u8": "B", "s16": "h", "s32": "i", "flt": "f", "dbl": "d"}


def _heard(frame: Any, length: int) -> Iterator[float]:
    """The loudest of each so many samples of a frame; of several channels in planes of their own, of the first."""
    name = frame.format.name.removesuffix("p")
    if name not in _CODES or frame.samples <= 0 or frame.sample_rate <= 0:
        return
    channels = 1 if frame.format.is_planar else len(frame.layout.channels)
    plane = bytes(memoryview(frame.planes[0])[: frame.samples * channels * frame.format.bytes])
    samples = plane if name == "u8" else array.array(_CODES[name], plane)
    length *= channels
    for start in range(0, len(samples), length):
        yield _loudest(samples[start : start + length], LOOKED_AT_IN_A_FRAME)


def _told(points: Sequence[float]) -> bytes:
    """At most as many points as are told."""
    count = min(len(points), SOUND_LIMITS.points)
    return bytes(
        round(255 * max(points[len(points) * point // count : len(points) * (point + 1) // count])) for point in range(count)
    )


def drawn(wave: Wave, box: int) -> Image.Image:
    """The waveform as bars on nothing, as wide as the box; the loudest one is as high as the picture."""
    height = box * ASPECT[1] // ASPECT[0]
    picture = Image.new("RGBA", (box, height))
    pen = ImageDraw.Draw(picture)
    across = box // BARS
    top = max(wave.points) or 1
    for bar in range(BARS):
        first = len(wave.points) * bar // BARS
        loudest = max(wave.points[first : max(first + 1, len(wave.points) * (bar + 1) // BARS)])
        half = max(1, (height // 2 - 1) * loudest // top)
        left = box * bar // BARS
        pen.rectangle((left, height // 2 - half, left + across * 3 // 4 - 1, height // 2 + half - 1), fill=INK)
    return picture
