"""From bytes to a type: the signature table first, then sound frames, old tar, text and markup, at last a label.

Also whether a picture, film, sound or PDF carries a second format behind its back. Verdicts belong to `domain`.
"""

import codecs
import re
from collections.abc import Callable

from coffer_media_worker import signatures as known
from coffer_media_worker.containers import REFINE, Sniffed
from coffer_media_worker.pictures import picture_size
from coffer_media_worker.sample import Sample
from coffer_media_worker.signatures import EXTENSIONS, SIGNATURES, Flag, MediaKind, kind_of

Label = Callable[[bytes], str | None]

_CONTROL = bytes(set(range(0x20)) - {0x09, 0x0A, 0x0C, 0x0D, 0x0E, 0x0F, 0x1B})
_PROLOG = re.compile(r"\s*(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE\s[^>\[]*(?:\[.*?\]\s*)?>)", re.DOTALL | re.IGNORECASE)
_ROOT = re.compile(r"\s*<(?:[\w.-]+:)?([a-z][\w-]*)(?=[\s/>]|$)", re.IGNORECASE)
_HTML_ROOTS = re.compile(
    "html|head|body|script|iframe|h1|div|font|table|a|style|title|b|br|p|meta|link|img|form|object|embed|video"
)  # the tags browsers sniff for (WHATWG MIME Sniffing 7.1), and those that run or load something
_HTML_INSIDE = re.compile(rb"<(?:!doctype html|html|head|body|script|iframe|svg|object|embed)[\s>/]|<\?php", re.IGNORECASE)
_SECOND_FORMATS = (b"PK\3\4", b"PK\5\6", b"MZ", b"\x7fELF", b"%PDF", b"Rar!", b"7z\xbc\xaf")
_EICAR_PARTS = (rb"X5O!P%@AP[4\PZX54(P^)7CC)7}", b"$EICAR-STANDARD", b"-ANTIVIRUS-TEST-", b"FILE!$H+H*")
_EICAR = b"".join(_EICAR_PARTS)  # put together at run time, so that no scanner takes this file for the real thing


def identify(sample: Sample, extension: str = "", label: Label | None = None) -> Sniffed:
    """The true type; the name's extension only chooses among kinds of text, the label only names the unknown."""
    if sample.size_bytes == 0:
        return Sniffed(known.EMPTY)
    found = _by_signature(sample) or _by_frames(sample) or _by_tar_checksum(sample) or _by_text(sample, extension)
    if found is None:
        return _labelled(sample, label)
    size = picture_size(found.mime_type, sample)
    return Sniffed(found.mime_type, found.flags, size, found.executable_stub)


def _by_signature(sample: Sample) -> Sniffed | None:
    for signature in SIGNATURES:
        if sample.at(signature.offset, len(signature.magic)) == signature.magic:
            refine = REFINE.get(signature.mime_type)
            found = refine(sample) if refine else _plain(signature.mime_type)
            if found is not None:
                return found
    return None


def _plain(mime_type: str) -> Sniffed:
    if mime_type in known.BINARY_EXECUTABLES:
        return Sniffed(mime_type, frozenset({Flag.EXECUTABLE}))
    return Sniffed(mime_type, frozenset({Flag.ACTIVE_CONTENT} if mime_type in known.ACTIVE_TYPES else ()))


_MP3_KBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MP3_KBITS_LOW = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MP3_HERTZ = (44_100, 48_000, 32_000)


def _frame_length(header: bytes) -> tuple[str, int] | None:
    """Length in bytes of an MPEG layer III or ADTS frame (ISO 11172-3 2.4.1.3, ISO 13818-7 6.2)."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    if header[1] & 0xF6 == 0xF0:
        length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
        return ("audio/aac", length) if length > 7 else None
    version, layer, rate, hertz = header[1] >> 3 & 3, header[1] >> 1 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer != 1 or rate in {0, 15} or hertz == 3:
        return None
    full = version == 3
    bits = (_MP3_KBITS if full else _MP3_KBITS_LOW)[rate] * 1000
    speed = _MP3_HERTZ[hertz] // {3: 1, 2: 2, 0: 4}[version]
    return "audio/mpeg", (144 if full else 72) * bits // speed + (header[2] >> 1 & 1)


def _by_frames(sample: Sample) -> Sniffed | None:
    """MP3 without a tag, or AAC: three frames in a row."""
    at, kinds = 0, set()
    for _ in range(3):
        frame = _frame_length(sample.at(at, 6))
        if frame is None:
            return None
        kinds.add(frame[0])
        at += frame[1]
    return Sniffed(kinds.pop()) if len(kinds) == 1 else None


def _by_tar_checksum(sample: Sample) -> Sniffed | None:
    """A tar older than POSIX has no magic, only the octal sum of its header at byte 148."""
    header = sample.at(0, 512)
    told = header[148:156].rstrip(b"\0 ").strip()
    if len(header) < 512 or not re.fullmatch(rb"[0-7]{4,7}", told):
        return None
    return Sniffed("application/x-tar") if sum(header) - sum(header[148:156]) + 256 == int(told, 8) else None


def _decoded(head: bytes) -> str | None:
    """The beginning as text; None when it is none. A character cut at the end of the head is forgiven."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, "replace")
    if len(head.translate(None, _CONTROL)) != len(head):
        return None
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        # Old character sets have no mark; binary data of this length without a control byte is next to impossible.
        return head.decode("latin-1") if len(head) >= 64 else None


def _markup(text: str) -> str | None:
    """HTML, SVG, XHTML or XML by the root element behind comments, instructions and the document type."""
    at, xml, page = 0, False, False
    while prolog := _PROLOG.match(text, at):
        piece = prolog.group().lstrip().lower()
        xml |= piece.startswith("<?xml")
        page |= bool(re.match(r"<!doctype\s+html", piece))
        at = prolog.end()
    root = _ROOT.match(text, at)
    name = root.group(1).lower() if root else ""
    if name == "svg":
        return "image/svg+xml"
    if page or _HTML_ROOTS.fullmatch(name):
        return "application/xhtml+xml" if xml and name == "html" else "text/html"
    if xml:
        return "application/xml"
    return "text/html" if text[at : at + 64].lstrip().startswith("<!--") else None


def _by_text(sample: Sample, extension: str) -> Sniffed | None:
    text = _decoded(sample.head)
    if text is None:
        return None
    markup = _markup(text)
    if markup is None and extension in known.MARKUP_EXTENSIONS:
        markup = EXTENSIONS[extension][0]
    flags: set[Flag] = set()
    if markup is not None or text.lstrip()[:5].lower() == "<?php":
        flags.add(Flag.ACTIVE_CONTENT)
    if extension in known.SCRIPT_EXTENSIONS:
        flags.add(Flag.EXECUTABLE)
    if extension in known.TEXT_EXTENSIONS:
        return Sniffed(EXTENSIONS[extension][0], frozenset(flags))
    return Sniffed(markup or ("text/javascript" if extension == "js" else known.TEXT), frozenset(flags))


def _labelled(sample: Sample, label: Label | None) -> Sniffed:
    """A label may name the unknown, but never as a program: libmagic takes 0.9 % of random bytes for one."""
    told = label(sample.head) if label is not None else None
    if told is None or told == known.UNKNOWN or re.search(r"exe|msdos|sharedlib|mach-binary|object|inode", told):
        return Sniffed(known.UNKNOWN)
    if kind_of(told) is MediaKind.TEXT and told not in known.ACTIVE_TYPES:
        told = known.TEXT
    return _plain(told)


def is_test_virus(sample: Sample, trailing: bytes | None) -> bool:
    """The EICAR string at the beginning, where scanners look for it, or right behind a picture."""
    return sample.head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(_EICAR) or _EICAR in (trailing or b"")


def _carries_zip(ending: bytes) -> bool:
    """A ZIP's end record that leads to a real directory, or closes the file exactly (APPNOTE 4.3.16)."""
    at = ending.rfind(b"PK\5\6")
    record = ending[at : at + 22] if at >= 0 else b""
    if len(record) < 22:
        return False
    directory = at - int.from_bytes(record[12:16], "little")
    exact = at + 22 + int.from_bytes(record[20:22], "little") == len(ending)
    return exact or (directory >= 0 and ending[directory : directory + 4] == b"PK\1\2")


def second_format(sample: Sample, mime_type: str, trailing: bytes | None) -> bool:
    """Whether a picture, film, sound or PDF is another format too (GIFAR and its kin).

    Bytes after a picture's end are normal in phone photos: only those that begin like a program, archive or PDF, or
    hold a web page, count.
    """
    kind = kind_of(mime_type)
    if mime_type == "application/pdf":
        return _carries_zip(sample.ending.rpartition(b"%%EOF")[2])
    if kind not in {MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.AUDIO} or mime_type in known.ACTIVE_TYPES:
        return False
    if _carries_zip(sample.ending):
        return True
    if kind is not MediaKind.IMAGE:
        return False
    # The end was not found and the middle was not read: compressed picture data never spells a tag by chance.
    behind = trailing if trailing is not None else (b"" if sample.whole is not None else sample.tail)
    return (
        b"%PDF-" in sample.head[:1024]
        or behind.lstrip(b"\0\r\n\t ").startswith(_SECOND_FORMATS)
        or _HTML_INSIDE.search(behind) is not None
    )
