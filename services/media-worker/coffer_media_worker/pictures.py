"""Pictures by their headers alone: width, height, where they end, how a JPEG's scans lie. Nothing is decoded here."""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from coffer_media_worker.sample import Sample

Size = tuple[int, int]

_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_PNG_END = b"IEND\xaeB`\x82"
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})


@dataclass(frozen=True, slots=True)
class JpegLayout:
    """One JPEG as its markers tell it; offsets in bytes, None where the data ended first."""

    size: Size | None
    progressive: bool
    components: int
    scans: int
    first_scan_is_full: bool
    first_scan_is_dc: bool
    first_scan_end: int | None
    end: int | None


def _markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Marker and offset of every segment up to and with the end of the image; entropy-coded data is stepped over."""
    at = 2
    while at + 1 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        yield marker, at
        if marker == 0xD9:
            return
        at += 2 if marker in _STANDALONE else 2 + int.from_bytes(data[at + 2 : at + 4])
        if marker == 0xDA:
            found = _NEXT_MARKER.search(data, at)
            if found is None:
                return
            at = found.start()


def jpeg_layout(data: bytes, *, max_scans: int = 100_000, first_scan_only: bool = False) -> JpegLayout:
    """Walk the markers of a JPEG until its end, `max_scans`, or the end of its first scan (ITU-T T.81 annex B)."""
    size: Size | None = None
    progressive = full = dc_only = False
    components = scans = 0
    first_end: int | None = None
    end: int | None = None
    for marker, at in _markers(data):
        if scans == 1 and first_end is None:
            first_end = at
            if first_scan_only:
                break
        if marker == 0xD9:
            end = at + 2
        body = data[at + 4 : at + 24]
        if marker in _FRAME_HEADERS and len(body) >= 6 and size is None:
            size = (int.from_bytes(body[3:5]), int.from_bytes(body[1:3]))
            components, progressive = body[5], marker in _PROGRESSIVE
        if marker == 0xDA and body:
            scans += 1
            if scans == 1:
                full = body[0] == components
                # Ss and Se both 0: the scan holds DC coefficients only.
                dc_only = body[1 + 2 * body[0] : 3 + 2 * body[0]] == b"\0\0"
            if scans > max_scans:
                break
    return JpegLayout(size, progressive, components, scans, full, dc_only, first_end, end)


def _png_size(sample: Sample) -> Size | None:
    header = sample.at(8, 16)
    if len(header) < 16 or header[4:8] != b"IHDR":
        return None
    width, height = struct.unpack(">II", header[8:16])
    return width, height


def _gif_size(sample: Sample) -> Size | None:
    header = sample.at(6, 4)
    return struct.unpack("<HH", header) if len(header) == 4 else None


def webp_size(header: bytes) -> Size | None:
    """Canvas size of a WebP by its first 30 bytes (RFC 9649 section 2.5 to 2.7)."""
    form = header[12:16]
    if len(header) >= 30 and form == b"VP8X":
        return int.from_bytes(header[24:27], "little") + 1, int.from_bytes(header[27:30], "little") + 1
    if len(header) >= 30 and form == b"VP8 " and header[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", header[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if len(header) >= 25 and form == b"VP8L" and header[20] == 0x2F:
        bits = int.from_bytes(header[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _bmp_size(sample: Sample) -> Size | None:
    header = sample.at(14, 12)
    if len(header) < 12:
        return None
    if int.from_bytes(header[:4], "little") == 12:
        return struct.unpack("<HH", header[4:8])
    width, height = struct.unpack("<ii", header[4:12])
    return abs(width), abs(height)


def _tiff_size(sample: Sample) -> Size | None:
    order = "<" if sample.head[:2] == b"II" else ">"
    start = sample.at(4, 4)
    if len(start) < 4:
        return None
    offset = struct.unpack(order + "I", start)[0]
    count = sample.at(offset, 2)
    if len(count) < 2:
        return None
    entries = min(struct.unpack(order + "H", count)[0], 200)
    found: dict[int, int] = {}
    directory = sample.at(offset + 2, entries * 12)
    for at in range(0, len(directory) - 11, 12):
        tag, form, _, value = struct.unpack(order + "HHI4s", directory[at : at + 12])
        if tag in {256, 257} and form in {3, 4}:
            found[tag] = struct.unpack(order + ("H" if form == 3 else "I"), value[: 2 if form == 3 else 4])[0]
    return (found[256], found[257]) if found.keys() >= {256, 257} else None


def _heif_size(sample: Sample) -> Size | None:
    # A grid names the size of its tiles and of the whole in `ispe` boxes: the largest is the picture.
    sizes = [struct.unpack(">II", found) for found in re.findall(rb"ispe\0{4}(.{8})", sample.head, re.DOTALL)]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


_SIZES: dict[str, Callable[[Sample], Size | None]] = {
    "image/jpeg": lambda sample: jpeg_layout(sample.head, first_scan_only=True).size,
    "image/png": _png_size,
    "image/gif": _gif_size,
    "image/webp": lambda sample: webp_size(sample.at(0, 30)),
    "image/bmp": _bmp_size,
    "image/tiff": _tiff_size,
    "image/heic": _heif_size,
    "image/heif": _heif_size,
    "image/avif": _heif_size,
}


def picture_size(mime_type: str, sample: Sample) -> Size | None:
    """Stored width and height in pixels, before any turning; None where the header lies outside the sample."""
    read = _SIZES.get(mime_type)
    size = read(sample) if read else None
    return size if size is None or min(size) > 0 else None


def _png_end(data: bytes) -> int | None:
    at = 8
    while at + 12 <= len(data):
        name = data[at + 4 : at + 8]
        at += 12 + int.from_bytes(data[at : at + 4])
        if name == b"IEND":
            return at
    return None


def _gif_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1


def _gif_end(data: bytes) -> int | None:
    if len(data) < 13:
        return None
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    while at < len(data):
        if data[at] == 0x3B:
            return at + 1
        if data[at] == 0x21:
            at = _gif_blocks(data, at + 2)
        elif data[at] == 0x2C and at + 9 < len(data):
            flags = data[at + 9]
            at = _gif_blocks(data, at + 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0))
        else:
            return None
    return None


def _riff_end(header: bytes) -> int:
    return 8 + int.from_bytes(header[4:8], "little") + (header[4] & 1)


_ENDS: dict[str, Callable[[bytes], int | None]] = {
    "image/jpeg": lambda data: jpeg_layout(data).end,
    "image/png": _png_end,
    "image/gif": _gif_end,
}
_TOLD_ENDS: dict[str, Callable[[bytes], int]] = {
    "image/webp": _riff_end,
    "image/bmp": lambda header: int.from_bytes(header[2:6], "little"),
}
_END_MARKS = {"image/jpeg": b"\xff\xd9", "image/png": _PNG_END}


def trailing_bytes(mime_type: str, sample: Sample) -> bytes | None:
    """What is known of the bytes after the picture's own end; None when the end was not found, or is of no such kind.

    With the middle of the file unread the end is looked for in the tail alone, so a payload longer than the tail goes
    unseen here. b"" means that nothing follows, a lone zero byte that something unread does.
    """
    if mime_type in _TOLD_ENDS:
        end = _TOLD_ENDS[mime_type](sample.at(0, 12).ljust(12, b"\0"))
        if not 12 <= end <= sample.size_bytes:
            return None
        return sample.at(end, sample.size_bytes) or (b"\0" if end < sample.size_bytes else b"")
    if sample.whole is not None:
        walked = _ENDS[mime_type](sample.whole) if mime_type in _ENDS else None
        return None if walked is None else sample.whole[walked:]
    before, found, after = sample.tail.partition(_END_MARKS.get(mime_type, b"\0no mark\0"))
    return after if found and before else None
