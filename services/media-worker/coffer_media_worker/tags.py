"""What a recording's file says of it: title, artist, album, length and cover. Runs in a child, never in the worker."""

import errno
import io
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import tinytag

from coffer_media_worker.limits import SOUND_LIMITS
from coffer_media_worker.ranged import OverBudgetError, Ranged

BLOCK = 64 * 1024
LONGEST = 200
"""Letters of a title that are told."""
LONGEST_SECONDS = 10_000_000
"""Four months; what claims more is damaged."""
TIMED = frozenset({"audio/aiff", "audio/flac", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav", "video/x-ms-asf"})
"""Types whose length is told by their tags; of AAC in a row of frames it would be taken for MP3."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a file says of itself, as far as it does."""

    facts: dict[str, Any]
    cover: bytes = b""

    @property
    def seconds(self) -> float | None:
        """How long it plays."""
        return self.facts["duration_milliseconds"] / 1000 if "duration_milliseconds" in self.facts else None


class Sparing(io.RawIOBase):
    """A file from `start` on, of which no more than so many bytes are read. Reading on raises OverBudgetError."""

    def __init__(self, file: Ranged, most: int, start: int = 0) -> None:
        super().__init__()
        self._file = file
        self._left = most
        self._start = start
        self._file.seek(start)

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._file.tell() - self._start

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As of files. Raises OSError for a place before the beginning, as they do."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._file.size - self._start}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "before the beginning")
        return self._file.seek(base + offset + self._start) - self._start

    def read(self, size: int = -1) -> bytes:
        """As of files; how much is claimed to be there costs nothing."""
        there = max(0, self._file.size - self._file.tell())
        wanted = there if size < 0 else min(size, there)
        self._left -= wanted
        if self._left < 0:
            raise OverBudgetError("no more of it is read")
        return self._file.read(wanted) or b""


def read(source: Ranged, mime_type: str) -> Told:
    """What a recording says of itself; nothing where that is damaged, or of no kind that is known. Raises nothing but what
    reading raises.
    """
    # How long an MP3 without an index plays takes a look at many of its frames: with a limit of its own.
    block, source.block = source.block, BLOCK
    try:
        timed = mime_type in TIMED
        plain = _parsed(source, SOUND_LIMITS.tag_bytes, duration=True) if timed else None
        pictured = _parsed(source, SOUND_LIMITS.cover_bytes, image=True)
    finally:
        source.block = block
    found = plain or pictured
    if found is None:
        return Told({})
    named = {"title": found.title, "artist": found.artist or found.albumartist, "album": found.album}
    facts: dict[str, Any] = {name: told for name, value in named.items() if (told := line(value))}
    if plain and found.duration and 0 < found.duration < LONGEST_SECONDS:
        facts["duration_milliseconds"] = round(float(found.duration) * 1000)
    picture = (pictured.images.front_cover or pictured.images.any) if pictured else None
    return Told(facts, bytes(picture.data) if picture is not None else b"")


def _parsed(source: Ranged, most: int, *, duration: bool = False, image: bool = False) -> tinytag.TinyTag | None:
    file = Sparing(source, most)
    try:
        return tinytag.TinyTag.get(file_obj=cast("BinaryIO", file), duration=duration, image=image)
    except tinytag.TinyTagException:  # in whose clothes come all other errors
        return None


def length_of(source: Ranged) -> int:
    """How many bytes of names stand before the sound: those of ID3v2, which may stand before anything (its section 3.1)."""
    source.seek(0)
    head = source.read(10) or b""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    length = 10 + sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    return length if length < source.size else 0


def line(value: object) -> str:
    """One line of printable text, or nothing."""
    if not isinstance(value, str):
        return ""
    return "".join(letter if letter.isprintable() else " " for letter in value[: LONGEST * 4]).strip()[:LONGEST].strip()
