"""Office documents (OOXML, OpenDocument): the picture that they carry, and their words. Runs in a child, never in the worker.

Nothing is laid out or calculated. A document is a ZIP archive, whose directory stands at its end and says where each entry is:
that end and a few entries are read. What unpacks is bounded, and XML that declares entities is refused.
"""

import codecs
import contextlib
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.parsers import expat

from coffer_media_worker import imaging
from coffer_media_worker.domain import JOB_LIMITS, Rendered
from coffer_media_worker.ranged import OverBudgetError, Ranged
from coffer_media_worker.refusals import BombError, CorruptError, EncryptedError, ImagingError
from coffer_media_worker.texts import plain

BLOCK = TAIL_BYTES = 64 * 1024
"""The end of the file, which is read first, and what is fetched for a jump."""
PICTURE_BYTES = 8 << 20
"""Of the picture that a document carries, unpacked."""
PACKED_BYTES, UNPACKED_BYTES = 16 << 20, 32 << 20
"""Of all parts that are read for words, as they are stored and as they unpack."""
PARTS = 300
"""Slides or sheets that are read for words."""
DEEPEST = 1000
"""Elements within each other."""
_PIECE = 64 * 1024
_HEADER_BYTES = 30 + 1024
"""An entry's header, whose name and extra fields rarely have more."""

PICTURES = ("docProps/thumbnail.jpeg", "docProps/thumbnail.jpg", "docProps/thumbnail.png", "Thumbnails/thumbnail.png")
"""Where writers put it. WMF and EMF, which old ones write, are drawing programs rather than pictures, and left alone."""

_OOXML = ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml", "word/comments.xml", "xl/sharedStrings.xml")
_NUMBERED = re.compile(r"(?:ppt/slides/slide|ppt/notesSlides/notesSlide|xl/worksheets/sheet)(\d{1,6})\.xml")
_SLIDE = re.compile(r"ppt/slides/slide\d+\.xml")
_OPEN_DOCUMENT = "content.xml"
SHOWN, OPEN_SHOWN = frozenset({"t"}), frozenset({"p", "h"})
"""Elements whose letters are words: runs of OOXML; paragraphs and headings of OpenDocument with all that is in them."""
_MANIFEST = "META-INF/manifest.xml"

_BEHIND: Mapping[str, str] = {
    **dict.fromkeys(("p", "h", "br", "cr", "line-break", "si", "row", "table-row", "is"), "\n"),
    **dict.fromkeys(("tab", "tc", "table-cell"), "\t"),
    "s": " ",
}
"""What stands behind an element of such a name, in any of the languages: their namespaces are not looked at."""


def warm_up() -> None:
    """Have what is loaded late: the codec of names in archives (APPNOTE, appendix D)."""
    codecs.lookup("cp437")


def draw(file: Ranged, boxes: Sequence[int], form: str = "WEBP") -> Iterator[Rendered]:
    """The picture that a document carries, in boxes of so many pixels, the number of its slides, and its words; any may be
    missing. Raises ImagingError and OverBudgetError.
    """
    file.block = BLOCK
    try:
        with _opened(file) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            slides = sum(1 for name in entries if _SLIDE.fullmatch(name))
            picture = _picture(file, archive, entries, boxes, form)
            try:
                text = _words(file, archive, entries)
            except (ImagingError, OverBudgetError):
                if not picture.pictures:
                    raise
                text = b""
    except (ImagingError, MemoryError, OverBudgetError):
        raise
    except Exception as error:  # whatever hostile bytes provoke: BadZipFile, struct.error, zlib.error, NotImplementedError, ...
        raise CorruptError(f"{type(error).__name__}: {error}") from error
    facts = {"page_count": slides} if slides else {}
    yield Rendered(picture.pictures, placeholder=picture.placeholder, facts=facts, text=text)


@contextlib.contextmanager
def _opened(file: Ranged) -> Iterator[zipfile.ZipFile]:
    file.seek(max(0, file.size - TAIL_BYTES))
    file.read(TAIL_BYTES)
    with zipfile.ZipFile(file) as archive:
        yield archive


Entries = Mapping[str, zipfile.ZipInfo]


def _picture(file: Ranged, archive: zipfile.ZipFile, entries: Entries, boxes: Sequence[int], form: str) -> Rendered:
    """What is made of the picture; nothing without one, or of one that is damaged: a document is more than its picture."""
    for name in PICTURES:
        if name in entries and entries[name].compress_size <= PICTURE_BYTES:
            with contextlib.suppress(ImagingError):
                _fetch(file, [entries[name]])
                content = b"".join(_unpacked(archive, entries[name], PICTURE_BYTES))
                return imaging.render(content, boxes, form)
    return Rendered()


def _fetch(file: Ranged, entries: Iterable[zipfile.ZipInfo]) -> None:
    """Have the bytes of these entries, by one request for those that stand close to each other."""
    start = end = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        if entry.header_offset > end + 4 * BLOCK:
            _read(file, start, end)
            start = entry.header_offset
        end = max(end, entry.header_offset + _HEADER_BYTES + entry.compress_size)
    _read(file, start, end)


def _read(file: Ranged, start: int, end: int) -> None:
    if start < min(end, file.size):
        file.seek(start)
        file.read(min(end, file.size) - start)


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> Iterator[bytes]:
    """The content of an entry in pieces. Raises EncryptedError, CorruptError, and BombError behind so many bytes."""
    if entry.flag_bits & 1:
        raise EncryptedError(entry.filename)
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise CorruptError(f"{entry.filename} is packed as {entry.compress_type}")
    try:
        with archive.open(entry) as content:
            while piece := content.read(_PIECE):
                most -= len(piece)
                if most < 0:
                    raise BombError(f"{entry.filename} unpacks to more than it may")
                yield piece
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError) as error:
        raise CorruptError(f"{entry.filename}: {error}") from error


def _words(file: Ranged, archive: zipfile.ZipFile, entries: Entries) -> bytes:
    """The words of all parts, as far as limits reach."""
    parts = _parts(entries)
    _fetch(file, parts)
    found = _Words()
    left = UNPACKED_BYTES
    for part in parts:
        is_open = part.filename == _OPEN_DOCUMENT
        try:
            left = found.read(_unpacked(archive, part, left), OPEN_SHOWN if is_open else SHOWN, left)
        except expat.ExpatError as error:
            if is_open and _is_locked(archive, entries):
                raise EncryptedError(part.filename) from error
            raise CorruptError(f"{part.filename}: {error}") from error
        if found.length > JOB_LIMITS.text_bytes:
            break
    return plain(found.text())


def _parts(entries: Entries) -> list[zipfile.ZipInfo]:
    """What is read for words: texts, notes, strings; slides in their order; sheets only where no table holds their strings."""
    numbered = sorted((name.partition("/")[0], int(found[1]), name) for name in entries if (found := _NUMBERED.fullmatch(name)))
    sheets = "xl/sharedStrings.xml" not in entries
    wanted = [
        *(name for name in (*_OOXML, _OPEN_DOCUMENT) if name in entries),
        *[name for _, _, name in numbered if sheets or not name.startswith("xl/")][:PARTS],
    ]
    parts: list[zipfile.ZipInfo] = []
    left = PACKED_BYTES
    for name in wanted:
        left -= entries[name].compress_size
        if left < 0:
            break
        parts.append(entries[name])
    return parts


def _is_locked(archive: zipfile.ZipFile, entries: Entries) -> bool:
    """Whether an OpenDocument asks for a password (part 3, 4.4: what is encrypted is so named in the manifest)."""
    entry = entries.get(_MANIFEST)
    return entry is not None and b"encryption-data" in b"".join(_unpacked(archive, entry, UNPACKED_BYTES))


@dataclass(slots=True)
class _Words:
    """Collects what stands within elements that show words."""

    length: int = 0
    found: list[str] = field(default_factory=list)
    shown: frozenset[str] = frozenset()
    within: int = 0
    depth: int = 0

    def read(self, content: Iterable[bytes], shown: frozenset[str], left: int) -> int:
        """Add the words of one XML part; how many bytes may still be unpacked. Raises ExpatError, BombError."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        self.shown, self.within, self.depth = shown, 0, 0
        parser.StartElementHandler, parser.EndElementHandler = self._begin, self._end
        parser.CharacterDataHandler, parser.EntityDeclHandler = self._letters, _refuse_entity
        for piece in content:
            left -= len(piece)
            parser.Parse(piece, False)
            if self.length > JOB_LIMITS.text_bytes:
                return left
        parser.Parse(b"", True)
        self.found.append("\n")
        return left

    def _begin(self, name: str, _attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise BombError("elements within elements")
        if name.rpartition(":")[2] in self.shown:
            self.within += 1

    def _end(self, name: str) -> None:
        self.depth -= 1
        local = name.rpartition(":")[2]
        if local in self.shown:
            self.within -= 1
        if local in _BEHIND:
            self.found.append(_BEHIND[local])

    def _letters(self, text: str) -> None:
        if self.within:
            self.found.append(text)
            self.length += len(text)

    def text(self) -> str:
        """All of them, with no more than one empty line between two."""
        return re.sub(r"[ \t]*\n\s*\n\s*", "\n\n", "".join(self.found)).strip()


def _refuse_entity(*_declared: object) -> None:
    raise BombError("an office document declares no entities")
