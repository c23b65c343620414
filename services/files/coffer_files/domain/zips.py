"""Writes ZIP archives piece by piece: stored, not compressed, of any length, and never looked back at. Pure: nothing is read
or sent here.

Source: APPNOTE.TXT 6.3.10 (local headers 4.3.7, data descriptors 4.3.9, central directory 4.3.12, ZIP64 4.3.14 and 4.5.3).
"""

import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_DESCRIPTOR, _DESCRIPTOR_64 = struct.Struct("<4s3L"), struct.Struct("<4sL2Q")
_END = struct.Struct("<4s4H2LH")
_END_64, _LOCATOR = struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
_TIMES = struct.Struct("<2HBl")

_LONG, _MANY = 0xFFFFFFFF, 0xFFFF
"""What stands where the true number stands in a ZIP64 field."""
_PLAIN, _ZIP64 = 20, 45
"""Versions of the format that a reader must know: folders, and ZIP64."""
_MADE_BY = 3 << 8 | _ZIP64
"""Unix, so that the mode below is understood."""
_UTF8, _DESCRIBED = 1 << 11, 1 << 3
_FILE_MODE, _FOLDER_MODE = 0o100644 << 16, 0o040755 << 16 | 0x10

PIECE_BYTES = 64 * 1024


class ZipWriter:
    """One archive. Every method gives the bytes that come next. A file is either `whole`, or begun, told of each piece of its
    content, which the caller sends in between, and ended.

    It remembers some 40 bytes of an entry, for the directory at the end. Names are taken as they are.
    """

    def __init__(self) -> None:
        self._offset = 0
        self._count = 0
        self._directory = zlib.compressobj(1)
        """Packed while it waits: names of one folder have much in common."""
        self._packed: list[bytes] = []
        self._directory_bytes = 0
        self._open: _Entry | None = None

    @property
    def size_bytes(self) -> int:
        """How long it is so far."""
        return self._offset

    def folder(self, path: str, modified_at: datetime) -> bytes:
        """A folder, whether something lies in it or not; the path without the slash at its end."""
        return self._entry(_Entry(f"{path}/", modified_at, self._offset, folder=True), b"")

    def whole(self, path: str, modified_at: datetime, content: bytes) -> bytes:
        """A file whose content is at hand: its header says all, so that it can be read from a stream, too."""
        entry = _Entry(path, modified_at, self._offset)
        entry.add(content)
        return self._entry(entry, content)

    def begin(self, path: str, modified_at: datetime, size_bytes: int) -> bytes:
        """The header of a file of that length, whose checksum follows behind its content."""
        self._open = _Entry(path, modified_at, self._offset, expected=size_bytes)
        return self._told(self._open.header())

    def add(self, piece: bytes) -> None:
        """The caller sends this much of the content of the file that was begun."""
        if self._open is None:
            raise ValueError("no file was begun")
        self._open.add(piece)
        self._offset += len(piece)

    def end(self) -> bytes:
        """Behind the content. Raises ValueError if it is not as long as was said."""
        entry, self._open = self._open, None
        if entry is None or entry.size != entry.expected:
            raise ValueError("a file is not as long as was said")
        descriptor = entry.descriptor()
        self._list(entry)
        return self._told(descriptor)

    def close(self) -> Iterator[bytes]:
        """The directory, and the end. Nothing may be added afterwards."""
        start, size, count = self._offset, self._directory_bytes, self._count
        packed = [*self._packed, self._directory.flush()]
        unpack = zlib.decompressobj()
        for some in packed:
            rest = some
            while rest:
                if piece := unpack.decompress(rest, PIECE_BYTES):
                    yield piece
                rest = unpack.unconsumed_tail
        if tail := unpack.flush():
            yield tail
        end = b""
        if count >= _MANY or start >= _LONG or size >= _LONG:
            record = _END_64.pack(b"PK\6\6", _END_64.size - 12, _MADE_BY, _ZIP64, 0, 0, count, count, size, start)
            end = record + _LOCATOR.pack(b"PK\6\7", 0, start + size, 1)
        few = min(count, _MANY)
        end += _END.pack(b"PK\5\6", 0, 0, few, few, min(size, _LONG), min(start, _LONG), 0)
        self._offset += size + len(end)
        yield end

    def _entry(self, entry: "_Entry", content: bytes) -> bytes:
        header = entry.header()
        self._list(entry)
        return self._told(header + content)

    def _list(self, entry: "_Entry") -> None:
        record = entry.record()
        self._directory_bytes += len(record)
        self._count += 1
        if packed := self._directory.compress(record):
            self._packed.append(packed)

    def _told(self, piece: bytes) -> bytes:
        self._offset += len(piece)
        return piece


class _Entry:
    """A file or folder of the archive; `expected` is the length of one whose content follows its header."""

    def __init__(
        self, path: str, modified_at: datetime, offset: int, *, expected: int | None = None, folder: bool = False
    ) -> None:
        self.name = path.encode()
        self.offset = offset
        self.expected = expected
        self.crc = 0
        self.size = 0
        self._mode = _FOLDER_MODE if folder else _FILE_MODE
        self._date, self._time = _dos(modified_at)
        # Beside the old field, which knows no seconds and no zone ("extended timestamp" of Info-ZIP).
        seconds = max(0, min(int(modified_at.timestamp()), 2**31 - 1))
        self._times = _TIMES.pack(0x5455, 5, 1, seconds)

    def add(self, piece: bytes) -> None:
        self.crc = zlib.crc32(piece, self.crc)
        self.size += len(piece)

    @property
    def _is_long(self) -> bool:
        return (self.size if self.expected is None else self.expected) >= _LONG

    @property
    def _flags(self) -> int:
        return _UTF8 | (0 if self.expected is None else _DESCRIBED)

    def header(self) -> bytes:
        """Of one whose content follows, checksum and length are zero here (4.4.4)."""
        sizes = (_LONG, _LONG) if self._is_long else (self.size, self.size)
        long = struct.pack("<2H2Q", 1, 16, self.size, self.size) if self._is_long else b""
        extra = long + self._times
        version = _ZIP64 if long else _PLAIN
        when = (self._time, self._date)
        lengths = (len(self.name), len(extra))
        return _LOCAL.pack(b"PK\3\4", version, self._flags, 0, *when, self.crc, *sizes, *lengths) + self.name + extra

    def descriptor(self) -> bytes:
        """What was not known in the header."""
        form = _DESCRIPTOR_64 if self._is_long else _DESCRIPTOR
        return form.pack(b"PK\7\x08", self.crc, self.size, self.size)

    def record(self) -> bytes:
        """The line of the directory."""
        long = [number for number in (self.size, self.size, self.offset) if number >= _LONG]
        extra = (struct.pack(f"<2H{len(long)}Q", 1, 8 * len(long), *long) if long else b"") + self._times
        size, offset = min(self.size, _LONG), min(self.offset, _LONG)
        version = _ZIP64 if long else _PLAIN
        when = (self._time, self._date)
        numbers = (self.crc, size, size, len(self.name), len(extra), 0, 0, 0, self._mode, offset)
        return _CENTRAL.pack(b"PK\1\2", _MADE_BY, version, self._flags, 0, *when, *numbers) + self.name + extra


def _dos(moment: datetime) -> tuple[int, int]:
    """Date and time as MS-DOS counts them, in UTC: from 1980 to 2107, in steps of two seconds."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    if moment.year < 1980:
        return 1 << 5 | 1, 0
    if moment.year > 2107:
        return 127 << 9 | 12 << 5 | 31, 23 << 11 | 59 << 5 | 29
    return (
        moment.year - 1980
    ) << 9 | moment.month << 5 | moment.day, moment.hour << 11 | moment.minute << 5 | moment.second // 2
