"""Films for the media worker's tests and for the bench, made by PyAV where that is installed: synthetic.

The long one is two gigabytes that nobody stores: one second of it, repeated, with an index written here.
"""

import functools
import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from typing import Any

from PIL import Image

from factories import images

PYAV = find_spec("av") is not None
FORMATS = {
    "mp4": ("libx264", "video/mp4"),
    "mov": ("libx265", "video/quicktime"),
    "matroska": ("libx264", "video/x-matroska"),
    "webm": ("libvpx-vp9", "video/webm"),
    "avi": ("mpeg4", "video/x-msvideo"),
    "mpegts": ("libx264", "video/mp2t"),
    "mpeg": ("mpeg2video", "video/mpeg"),
    "asf": ("wmv2", "video/x-ms-asf"),
    "flv": ("flv", "video/x-flv"),
}
"""By FFmpeg's name of the container, a codec that it holds, and its type."""

_OPTIONS = {
    "libx264": {"preset": "ultrafast", "x264-params": "log-level=none"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libsvtav1": {"preset": "12"},
}


def encoded(
    pictures: Sequence[Image.Image],
    container: str = "mp4",
    codec: str | None = None,
    *,
    rate: int = 10,
    whole_every: int = 5,
    shape: Fraction | None = None,
    metadata: dict[str, str] | None = None,
    **options: str,
) -> bytes:
    """These pictures as a film; every fifth is one that depends on no other. `shape` is that of its pixels."""
    import av  # noqa: PLC0415 optional

    av.logging.set_level(None)
    codec = codec or FORMATS[container][0]
    frames: Any = av.VideoFrame  # which has no types
    out = io.BytesIO()
    with av.open(out, "w", format=container) as film:
        film.metadata.update(metadata or {})
        stream: Any = film.add_stream(codec, rate=rate, options=_OPTIONS.get(codec, {}) | options)
        stream.width, stream.height = pictures[0].size
        stream.pix_fmt = "yuv420p"
        if shape is not None:
            stream.codec_context.sample_aspect_ratio = shape
        stream.codec_context.gop_size = whole_every
        stream.codec_context.max_b_frames = 0
        for picture in pictures:
            film.mux(stream.encode(frames.from_image(picture.convert("RGB"))))
        film.mux(stream.encode(None))
    return out.getvalue()


@functools.cache
def film(container: str = "mp4", codec: str | None = None, size: tuple[int, int] = (640, 360), frames: int = 20) -> bytes:
    """A film of the marked test card, two seconds long."""
    return encoded([images.photo(*size)] * frames, container, codec)


@functools.cache
def after_darkness(dark: int = 8, frames: int = 20) -> bytes:
    """A film whose first frames are black."""
    size = (320, 180)
    return encoded([Image.new("RGB", size)] * dark + [images.photo(*size)] * (frames - dark), whole_every=2)


def turned(content: bytes, quarters: int) -> bytes:
    """The same film to be shown turned so many quarters with the clock (ISO/IEC 14496-12 8.3.2)."""
    at = content.index(b"tkhd") + 4 + 40
    across, down = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters]
    matrix = struct.pack(">9i", across << 16, down << 16, 0, -down << 16, across << 16, 0, 0, 0, 1 << 30)
    return content[:at] + matrix + content[at + 36 :]


def box(name: bytes, *parts: bytes) -> bytes:
    """A box of an MP4 file."""
    content = b"".join(parts)
    return struct.pack(">I", len(content) + 8) + name + content


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(content):
        length, name = struct.unpack(">I4s", content[at : at + 8])
        yield name, content[at + 8 : at + length]
        at += length


@dataclass(frozen=True, slots=True)
class Repeated:
    """A file of a beginning, something that is repeated, and an end; only these are held."""

    beginning: bytes
    middle: bytes
    times: int
    end: bytes

    @property
    def size_bytes(self) -> int:
        """Its length."""
        return len(self.beginning) + len(self.middle) * self.times + len(self.end)

    def bytes_of(self, first: int, last: int) -> bytes:
        """Bytes from `first` to `last`, both inclusive."""
        found = bytearray()
        while first <= last:
            within = first - len(self.beginning)
            if within < 0:
                piece = self.beginning[first : last + 1]
            elif within < len(self.middle) * self.times:
                at = within % len(self.middle)
                piece = self.middle[at : at + last + 1 - first]
            else:
                at = within - len(self.middle) * self.times
                piece = self.end[at : at + last + 1 - first]
            found += piece
            first += len(piece)
        return bytes(found)


def repeated(content: bytes, times: int, *, index_first: bool) -> Repeated:
    """An MP4 of one video track played so many times, its index before its frames or behind them."""
    parts = dict(_boxes(content))
    frames = parts[b"mdat"]
    length = len(frames) * times
    head = box(b"ftyp", parts[b"ftyp"])
    prefix = struct.pack(">I4sQ", 1, b"mdat", length + 16)
    measured = len(box(b"moov", _index(parts[b"moov"], times, 0, len(frames))))
    start = len(head) + len(prefix) + (measured if index_first else 0)
    index = box(b"moov", _index(parts[b"moov"], times, start, len(frames)))
    return Repeated(head + index + prefix, frames, times, b"") if index_first else Repeated(head + prefix, frames, times, index)


def _index(content: bytes, times: int, start: int, length: int) -> bytes:
    """What a `moov` holds, for the frames so many times in a row, each row one chunk."""
    made = []
    for name, inner in _boxes(content):
        if name in {b"trak", b"mdia", b"minf"}:
            made.append(box(name, _index(inner, times, start, length)))
        elif name == b"stbl":
            made.append(box(name, _tables(dict(_boxes(inner)), times, start, length)))
        elif name in {b"mvhd", b"mdhd", b"tkhd"}:
            at = 20 if name == b"tkhd" else 16
            lasting = struct.pack(">I", int.from_bytes(inner[at : at + 4], "big") * times)
            made.append(box(name, inner[:at], lasting, inner[at + 4 :]))
        elif name != b"edts":
            made.append(box(name, inner))
    return b"".join(made)


def _tables(tables: dict[bytes, bytes], times: int, start: int, length: int) -> bytes:
    """The sample tables (ISO/IEC 14496-12 8.6 and 8.7)."""
    count = int.from_bytes(tables[b"stsz"][8:12], "big")
    whole = struct.unpack(f">{len(tables[b'stss']) // 4 - 2}I", tables[b"stss"][8:])
    delta = tables[b"stts"][12:16]
    every = [number + row * count for row in range(times) for number in whole]
    return b"".join(
        [
            box(b"stsd", tables[b"stsd"]),
            box(b"stts", struct.pack(">III", 0, 1, count * times), delta),
            box(b"stss", struct.pack(f">II{len(every)}I", 0, len(every), *every)),
            box(b"stsc", struct.pack(">IIIII", 0, 1, 1, count, 1)),
            box(b"stsz", struct.pack(">III", 0, 0, count * times), tables[b"stsz"][12:] * times),
            box(b"co64", struct.pack(f">II{times}Q", 0, times, *(start + length * row for row in range(times)))),
        ]
    )


@functools.cache
def two_gigabytes(*, index_first: bool) -> Repeated:
    """A film in 4K at about 300 Mbit/s: 2 GB."""
    content = _four_k()
    return repeated(content, -(-(2 << 30) // len(dict(_boxes(content))[b"mdat"])), index_first=index_first)


@functools.cache
def _four_k() -> bytes:
    card = images.photo(1920, 1080).resize((3840, 2160), Image.Resampling.NEAREST)
    return encoded([card] * 4 + [card.transpose(Image.Transpose.FLIP_LEFT_RIGHT)] * 4, whole_every=8, rate=30, qp="6")


def vast() -> bytes:
    """A film of more pixels than are decoded."""
    return encoded([Image.new("RGB", (8192, 5120))])


def boasting(side: int = 60_000) -> bytes:
    """A film that claims to be so wide and so high, in its index and nowhere else."""
    content = film()
    at = content.index(b"avc1", content.index(b"stsd")) + 4 + 24
    return content[:at] + struct.pack(">HH", side, side) + content[at + 4 :]


def endless() -> bytes:
    """A film that is said to last no time at all."""
    content = film()
    for name, offset in ((b"mvhd", 16), (b"tkhd", 20), (b"mdhd", 16), (b"elst", 8)):
        at = content.index(name) + 4 + offset
        content = content[:at] + bytes(4) + content[at + 4 :]
    return content
