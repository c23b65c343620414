"""One signature, many formats: what a ZIP, OLE, RIFF, ISO-BMFF, EBML, Ogg, MZ ... file truly is. No verdicts here.

Every function takes a `Sample` whose signature fits and answers a `Sniffed`, or None: the signature was a coincidence.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from coffer_media_worker import signatures as known
from coffer_media_worker.sample import Sample
from coffer_media_worker.signatures import EXTENSIONS, Flag


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What the bytes say, whatever the name claims."""

    mime_type: str
    flags: frozenset[Flag] = field(default=frozenset())
    size: tuple[int, int] | None = None
    executable_stub: bool = False
    """Looks like the beginning of a program without being a whole one."""


def _zip_names(sample: Sample) -> tuple[list[bytes], int]:
    """Entry names that are in sight, and the number of bytes the entries in sight declare to hold."""
    names: list[bytes] = []
    declared = 0
    ending = sample.ending
    at = ending.find(b"PK\1\2")
    while 0 <= at <= len(ending) - 46 and len(names) < 5_000:
        length, extra, comment = struct.unpack("<HHH", ending[at + 28 : at + 34])
        declared += int.from_bytes(ending[at + 24 : at + 28], "little")
        names.append(ending[at + 46 : at + 46 + length])
        at = ending.find(b"PK\1\2", at + 46 + length + extra + comment)
    at = 0
    while 0 <= at <= len(sample.head) - 30 and len(names) < 5_200:
        length = int.from_bytes(sample.head[at + 26 : at + 28], "little")
        names.append(sample.head[at + 30 : at + 30 + length])
        at = sample.head.find(b"PK\3\4", at + 30 + length)
    return names, declared


_OFFICE = {b"word/": "doc", b"xl/": "xls", b"ppt/": "ppt"}


def read_zip(sample: Sample) -> Sniffed:
    """Office documents, EPUB, JAR and APK by the names of their entries; else a plain ZIP."""
    names, declared = _zip_names(sample)
    held = set(names)
    flags: set[Flag] = set()
    if len(sample.head) > 7 and sample.head[6] & 1:
        flags.add(Flag.ENCRYPTED)
    if declared > 1 << 28 and declared > 200 * sample.size_bytes:
        flags.add(Flag.BOMB)
    mime_type = known.ZIP
    if b"[Content_Types].xml" in held:
        macros = any(name.endswith(b"vbaProject.bin") for name in held)
        flags |= {Flag.MACROS} if macros else set()
        for prefix, stem in _OFFICE.items():
            if any(name.startswith(prefix) for name in held):
                mime_type = EXTENSIONS[stem + ("m" if macros else "x")][0]
    elif names and b"mimetype" in held and (stored := re.search(rb"mimetype(application/[\w.+-]+?)PK", sample.head)):
        told = stored.group(1).decode("ascii")
        mime_type = told if told in known.DOCUMENT_TYPES else mime_type
    elif b"AndroidManifest.xml" in held:
        mime_type = known.APK
        flags.add(Flag.EXECUTABLE)
    elif b"META-INF/MANIFEST.MF" in held:
        mime_type = known.JAR
        flags.add(Flag.JAR)
    return Sniffed(mime_type, frozenset(flags))


_OLE_STREAMS = (
    ("WordDocument", "application/msword"),
    ("Workbook", "application/vnd.ms-excel"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("__substg1.0_", "application/vnd.ms-outlook"),
)
_MSI_CLASS = bytes.fromhex("84100c0000000000c000000000000046")


def read_ole(sample: Sample) -> Sniffed:
    """Old Office files, messages and installers by stream names in the directory (MS-CFB 2.6)."""
    seen = sample.head if sample.whole is not None else sample.head + sample.tail
    flags: set[Flag] = set()
    if "_VBA_PROJECT".encode("utf-16-le") in seen:
        flags.add(Flag.MACROS)
    if "EncryptedPackage".encode("utf-16-le") in seen:
        flags.add(Flag.ENCRYPTED)
    if _MSI_CLASS in seen:
        return Sniffed(known.MSI, frozenset({*flags, Flag.EXECUTABLE}))
    for stream, mime_type in _OLE_STREAMS:
        if stream.encode("utf-16-le") in seen:
            return Sniffed(mime_type, frozenset(flags))
    return Sniffed(known.OLE, frozenset(flags))


def read_riff(sample: Sample) -> Sniffed | None:
    """WebP, WAV or AVI by the form type at byte 8."""
    forms = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
    mime_type = forms.get(sample.at(8, 4))
    return Sniffed(mime_type) if mime_type else None


def read_iff(sample: Sample) -> Sniffed | None:
    """AIFF by its form type."""
    return Sniffed("audio/aiff") if sample.at(8, 4) in {b"AIFF", b"AIFC"} else None


_BRANDS = (
    ({b"avif", b"avis"}, "image/avif"),
    ({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}, "image/heic"),
    ({b"mif1", b"msf1", b"mif2"}, "image/heif"),
    ({b"crx "}, "image/x-canon-cr3"),
    ({b"M4A ", b"M4B ", b"M4P "}, "audio/mp4"),
    ({b"qt  "}, "video/quicktime"),
    ({b"3gp4", b"3gp5", b"3gp6", b"3gp7", b"3gp8", b"3g2a"}, "video/3gpp"),
)


def read_bmff(sample: Sample) -> Sniffed | None:
    """Image, audio or video by the brands of `ftyp`: the major one, then the compatible ones (ISO 14496-12 4.3)."""
    length = int.from_bytes(sample.at(0, 4))
    box = sample.at(8, min(length, 512) - 8) if length >= 16 else b""
    if len(box) < 4:
        return None
    major, others = box[:4], {box[at : at + 4] for at in range(8, len(box) - 3, 4)}
    for brands, mime_type in _BRANDS:
        # A generic HEIF names its codec only among the compatible brands; other files list foreign ones there.
        if major in brands or (major in {b"mif1", b"msf1"} and mime_type != "image/heif" and others & brands):
            return Sniffed(mime_type)
    return Sniffed("video/mp4")


def read_quicktime(sample: Sample) -> Sniffed | None:
    """An old movie that starts without `ftyp`: its first box must be followed by another one."""
    length = int.from_bytes(sample.at(0, 4))
    follows = sample.at(length + 4, 4)
    plausible = length >= 8 and (not follows or (len(follows) == 4 and follows.isalpha() and follows.isascii()))
    return Sniffed("video/quicktime") if plausible else None


def read_ebml(sample: Sample) -> Sniffed:
    """WebM or Matroska by the document type (RFC 8794 section 11.2.4)."""
    return Sniffed("video/webm" if b"\x42\x82\x84webm" in sample.head[:128] else "video/x-matroska")


def read_ogg(sample: Sample) -> Sniffed:
    """Video when the first page holds Theora, else sound."""
    return Sniffed("video/ogg" if b"\x80theora" in sample.head[:128] else "audio/ogg")


def read_transport_stream(sample: Sample) -> Sniffed | None:
    """Packets of 188 bytes, or of 192 on Blu-ray, each beginning with 0x47 (ISO 13818-1 2.4.3)."""
    for start, step in ((0, 188), (4, 192)):
        marks = [sample.at(start + step * n, 1) for n in range(4)]
        if all(mark == b"G" for mark in marks):
            return Sniffed("video/mp2t")
    return None


def read_bmp(sample: Sample) -> Sniffed | None:
    """A bitmap has a known header length at byte 14 and no reserved bytes set."""
    header = int.from_bytes(sample.at(14, 4), "little")
    return Sniffed("image/bmp") if header in {12, 40, 52, 56, 64, 108, 124} and sample.at(6, 4) == b"\0" * 4 else None


def read_gif(sample: Sample) -> Sniffed | None:
    """After the screen and its colours comes an extension, an image or the end; not so in prose that begins GIF89a."""
    packed = sample.at(10, 1)
    at = 13 + (3 << (packed[0] & 7) + 1 if packed and packed[0] & 0x80 else 0)
    follows = sample.at(at, 1)
    return Sniffed("image/gif") if at >= sample.size_bytes or follows in {b"", b"!", b",", b";"} else None


def read_icon(sample: Sample) -> Sniffed | None:
    """At least one picture, each with a zero reserved byte."""
    count = int.from_bytes(sample.at(4, 2), "little")
    return Sniffed("image/vnd.microsoft.icon") if 0 < count < 256 and sample.at(9, 1) == b"\0" else None


def read_pdf(sample: Sample) -> Sniffed:
    """Scripts, attachments and encryption, as far as they are in sight."""
    seen = sample.head if sample.whole is not None else sample.head + sample.tail
    told = {
        Flag.ACTIVE_CONTENT: rb"/(?:JavaScript|JS|Launch|OpenAction)\b",
        Flag.PDF_JS: rb"/(?:JavaScript|JS)\b",
        Flag.EMBEDDED_FILE: rb"/EmbeddedFiles?\b",
        Flag.ENCRYPTED: rb"/Encrypt\b",
    }
    return Sniffed("application/pdf", frozenset(flag for flag, mark in told.items() if re.search(mark, seen)))


def _program(mime_type: str) -> Sniffed:
    return Sniffed(mime_type, frozenset({Flag.EXECUTABLE}))


def read_mz(sample: Sample) -> Sniffed | None:
    """Windows programs by the header that byte 60 points to; a DOS header alone counts only when it is mostly zeros."""
    header = sample.at(0, 64)
    at = int.from_bytes(header[60:64], "little")
    if len(header) == 64 and (sample.at(at, 4) == b"PE\0\0" or sample.at(at, 2) in {b"NE", b"LE", b"LX"}):
        return _program(known.PE)
    if header.count(0) < len(header) // 4 or header.count(0) < 4:
        return None
    pages = int.from_bytes(header[4:6], "little")
    if len(header) >= 28 and pages > 0 and abs(pages * 512 - sample.size_bytes) < 512:
        return _program(known.DOS)
    return Sniffed(known.UNKNOWN, executable_stub=True)


def read_elf(sample: Sample) -> Sniffed | None:
    """Class and byte order must be one of two each."""
    kind = sample.at(4, 2)
    return _program(known.ELF) if not kind or all(value in {1, 2} for value in kind) else None


def read_class(sample: Sample) -> Sniffed:
    """Java classes and fat Mach-O binaries share a magic; a class file's version is at least 45."""
    return _program(known.JAVA_CLASS if int.from_bytes(sample.at(4, 4)) & 0xFFFF >= 45 else known.MACH_O)


def read_script(sample: Sample) -> Sniffed | None:
    """A text whose first line names an interpreter."""
    line = sample.head[:128].split(b"\n", 1)[0]
    return _program(known.SCRIPT) if re.match(rb"#!\s*/[\x20-\x7e]+", line) else None


def read_bzip2(sample: Sample) -> Sniffed | None:
    """Block size and the digits of pi."""
    return Sniffed("application/x-bzip2") if re.match(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", sample.head) else None


REFINE: dict[str, Callable[[Sample], Sniffed | None]] = {
    known.ZIP: read_zip,
    known.OLE: read_ole,
    known.PE: read_mz,
    known.ELF: read_elf,
    known.JAVA_CLASS: read_class,
    known.SCRIPT: read_script,
    "application/x-riff": read_riff,
    "audio/aiff": read_iff,
    "video/mp4": read_bmff,
    "video/quicktime": read_quicktime,
    "video/x-matroska": read_ebml,
    "video/mp2t": read_transport_stream,
    "audio/ogg": read_ogg,
    "image/bmp": read_bmp,
    "image/gif": read_gif,
    "image/vnd.microsoft.icon": read_icon,
    "application/pdf": read_pdf,
    "application/x-bzip2": read_bzip2,
}
