"""The tables by which a file's type is told: byte signatures, names and claims. Data only; `sniffing` reads it.

The order of `SIGNATURES` matters: the first that fits and is confirmed by its container check wins.
"""

from dataclasses import dataclass
from enum import StrEnum


class MediaKind(StrEnum):
    """What people call a file; the values appear in events and in the API."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"
    ARCHIVE = "archive"
    TEXT = "text"
    OTHER = "other"


class Flag(StrEnum):
    """What is worth knowing about a file that is stored all the same."""

    ACTIVE_CONTENT = "active_content"  # a browser or viewer would run it: HTML, SVG, XML, PostScript, PDF scripts
    BOMB = "bomb"  # declares far more content than its size can honestly hold
    EMBEDDED_FILE = "embedded_file"  # a PDF that carries other files
    ENCRYPTED = "encrypted"
    EXECUTABLE = "executable"
    JAR = "jar"
    MACROS = "macros"
    MISMATCH = "mismatch"  # its name or claimed type says something else
    PDF_JS = "pdf_js"  # a PDF that brings JavaScript, beside the active content that it is
    TRAILING_DATA = "trailing_data"  # bytes after the picture's end, as phones write them
    UNSCANNED = "unscanned"  # the virus scanner was to look at it, and did not


@dataclass(frozen=True, slots=True)
class Signature:
    """Bytes at an offset that speak for a MIME type."""

    magic: bytes
    mime_type: str
    offset: int = 0


EMPTY = "application/x-empty"
UNKNOWN = "application/octet-stream"
TEXT = "text/plain"
PE = "application/vnd.microsoft.portable-executable"
DOS = "application/x-dosexec"
ELF = "application/x-executable"
MACH_O = "application/x-mach-binary"
JAVA_CLASS = "application/java-vm"
JAR = "application/java-archive"
APK = "application/vnd.android.package-archive"
SHORTCUT = "application/x-ms-shortcut"
MSI = "application/x-msi"
DEX = "application/x-dex"
SCRIPT = "text/x-shellscript"
ZIP = "application/zip"
OLE = "application/x-ole-storage"

SIGNATURES: tuple[Signature, ...] = (
    Signature(b"\xff\xd8\xff", "image/jpeg"),
    Signature(b"\x89PNG\r\n\x1a\n", "image/png"),
    Signature(b"GIF87a", "image/gif"),
    Signature(b"GIF89a", "image/gif"),
    Signature(b"RIFF", "application/x-riff"),
    Signature(b"RF64", "audio/wav"),
    Signature(b"BM", "image/bmp"),
    Signature(b"II*\0\x10\0\0\0CR", "image/x-canon-cr2"),
    Signature(b"II*\0", "image/tiff"),
    Signature(b"MM\0*", "image/tiff"),
    Signature(b"8BPS\0", "image/vnd.adobe.photoshop"),
    Signature(b"\0\0\1\0", "image/vnd.microsoft.icon"),
    Signature(b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    Signature(b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    Signature(b"ftyp", "video/mp4", 4),
    Signature(b"moov", "video/quicktime", 4),
    Signature(b"mdat", "video/quicktime", 4),
    Signature(b"wide", "video/quicktime", 4),
    Signature(b"\x1aE\xdf\xa3", "video/x-matroska"),
    Signature(b"0&\xb2u\x8ef\xcf\x11", "video/x-ms-asf"),
    Signature(b"FLV\1", "video/x-flv"),
    Signature(b"\0\0\1\xba", "video/mpeg"),
    Signature(b"G", "video/mp2t"),
    Signature(b"G", "video/mp2t", 4),
    Signature(b"OggS\0", "audio/ogg"),
    Signature(b"fLaC", "audio/flac"),
    Signature(b"ID3", "audio/mpeg"),
    Signature(b"MThd\0\0\0\6", "audio/midi"),
    Signature(b"FORM", "audio/aiff"),
    Signature(b"#!AMR", "audio/amr"),
    Signature(b"%PDF-", "application/pdf"),
    Signature(b"%!PS", "application/postscript"),
    Signature(b"{\\rtf", "application/rtf"),
    Signature(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    Signature(b"PK\3\4", ZIP),
    Signature(b"PK\5\6", ZIP),
    Signature(b"\x1f\x8b\x08", "application/gzip"),
    Signature(b"7z\xbc\xaf'\x1c", "application/x-7z-compressed"),
    Signature(b"Rar!\x1a\7", "application/vnd.rar"),
    Signature(b"BZh", "application/x-bzip2"),
    Signature(b"\xfd7zXZ\0", "application/x-xz"),
    Signature(b"(\xb5/\xfd", "application/zstd"),
    Signature(b"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed"),
    Signature(b"!<arch>\ndebian", "application/vnd.debian.binary-package"),
    Signature(b"\xed\xab\xee\xdb", "application/x-rpm"),
    Signature(b"ustar", "application/x-tar", 257),
    Signature(b"CD001", "application/x-iso9660-image", 32769),
    Signature(b"MZ", PE),
    Signature(b"\x7fELF", ELF),
    Signature(b"\xfe\xed\xfa\xce", MACH_O),
    Signature(b"\xfe\xed\xfa\xcf", MACH_O),
    Signature(b"\xce\xfa\xed\xfe", MACH_O),
    Signature(b"\xcf\xfa\xed\xfe", MACH_O),
    Signature(b"\xca\xfe\xba\xbe", JAVA_CLASS),
    Signature(b"dex\n03", DEX),
    Signature(b"L\0\0\0\1\x14\2\0", SHORTCUT),
    Signature(b"#!", SCRIPT),
    Signature(b"SQLite format 3\0", "application/vnd.sqlite3"),
    Signature(b"\0asm\1\0\0\0", "application/wasm"),
    Signature(b"wOFF", "font/woff"),
    Signature(b"wOF2", "font/woff2"),
    Signature(b"OTTO\0", "font/otf"),
    Signature(b"\0\1\0\0\0", "font/ttf"),
)

BINARY_EXECUTABLES = frozenset({PE, DOS, ELF, MACH_O, JAVA_CLASS, DEX, SHORTCUT, MSI})
PACKED_EXECUTABLES = frozenset({JAR, APK})
ACTIVE_TYPES = frozenset(
    {"text/html", "image/svg+xml", "application/xhtml+xml", "application/xml", "text/xml", "application/postscript"}
)
"""Types a browser or viewer may execute; never served inline, whoever labelled them."""

GENERIC_CLAIMS = frozenset({"", UNKNOWN, "binary/octet-stream", "application/x-download", "application/force-download"})

EXTENSIONS: dict[str, tuple[str, ...]] = {
    "jpg": ("image/jpeg",),
    "jpeg": ("image/jpeg",),
    "jfif": ("image/jpeg",),
    "png": ("image/png",),
    "apng": ("image/png",),
    "gif": ("image/gif",),
    "webp": ("image/webp",),
    "bmp": ("image/bmp",),
    "ico": ("image/vnd.microsoft.icon",),
    "tif": ("image/tiff",),
    "tiff": ("image/tiff",),
    "dng": ("image/tiff",),
    "cr2": ("image/x-canon-cr2",),
    "cr3": ("image/x-canon-cr3",),
    "psd": ("image/vnd.adobe.photoshop",),
    "heic": ("image/heic", "image/heif"),
    "heif": ("image/heif", "image/heic"),
    "avif": ("image/avif",),
    "jp2": ("image/jp2",),
    "jxl": ("image/jxl",),
    "svg": ("image/svg+xml",),
    "mp4": ("video/mp4",),
    "m4v": ("video/mp4",),
    "mov": ("video/quicktime",),
    "qt": ("video/quicktime",),
    "3gp": ("video/3gpp",),
    "mkv": ("video/x-matroska",),
    "webm": ("video/webm",),
    "avi": ("video/x-msvideo",),
    "wmv": ("video/x-ms-asf",),
    "flv": ("video/x-flv",),
    "mpg": ("video/mpeg",),
    "mpeg": ("video/mpeg",),
    "m2ts": ("video/mp2t",),
    "mp3": ("audio/mpeg",),
    "m4a": ("audio/mp4",),
    "aac": ("audio/aac",),
    "wav": ("audio/wav",),
    "flac": ("audio/flac",),
    "ogg": ("audio/ogg", "video/ogg"),
    "oga": ("audio/ogg",),
    "opus": ("audio/ogg",),
    "ogv": ("video/ogg",),
    "wma": ("video/x-ms-asf",),
    "mid": ("audio/midi",),
    "aiff": ("audio/aiff",),
    "pdf": ("application/pdf",),
    "ps": ("application/postscript",),
    "rtf": ("application/rtf",),
    "doc": ("application/msword", OLE, "application/rtf"),
    "xls": ("application/vnd.ms-excel", OLE),
    "ppt": ("application/vnd.ms-powerpoint", OLE),
    "msg": ("application/vnd.ms-outlook", OLE),
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", OLE),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", OLE),
    "pptx": ("application/vnd.openxmlformats-officedocument.presentationml.presentation", OLE),
    "docm": ("application/vnd.ms-word.document.macroenabled.12", OLE),
    "xlsm": ("application/vnd.ms-excel.sheet.macroenabled.12", OLE),
    "pptm": ("application/vnd.ms-powerpoint.presentation.macroenabled.12", OLE),
    "odt": ("application/vnd.oasis.opendocument.text",),
    "ods": ("application/vnd.oasis.opendocument.spreadsheet",),
    "odp": ("application/vnd.oasis.opendocument.presentation",),
    "epub": ("application/epub+zip",),
    "zip": (ZIP, JAR, APK),
    "gz": ("application/gzip",),
    "tgz": ("application/gzip",),
    "bz2": ("application/x-bzip2",),
    "xz": ("application/x-xz",),
    "zst": ("application/zstd",),
    "7z": ("application/x-7z-compressed",),
    "rar": ("application/vnd.rar",),
    "tar": ("application/x-tar",),
    "cab": ("application/vnd.ms-cab-compressed",),
    "txt": (TEXT,),
    "log": (TEXT,),
    "md": ("text/markdown",),
    "csv": ("text/csv",),
    "json": ("application/json",),
    "css": ("text/css",),
    "yaml": ("application/yaml",),
    "yml": ("application/yaml",),
    "xml": ("application/xml",),
    "html": ("text/html", "application/xhtml+xml"),
    "htm": ("text/html", "application/xhtml+xml"),
    "xhtml": ("application/xhtml+xml", "text/html"),
}
"""Known names: the types a file of this name may truly be, the usual one first."""

TEXT_EXTENSIONS = frozenset({"txt", "log", "md", "csv", "json", "css", "yaml", "yml"})
MARKUP_EXTENSIONS = frozenset({"html", "htm", "xhtml", "svg", "xml"})
SCRIPT_EXTENSIONS = frozenset(
    {"bat", "cmd", "ps1", "vbs", "vbe", "js", "jse", "wsf", "hta", "reg", "desktop", "command", "sh", "scr", "com"}
)
"""Text under such a name is run by a double click on some system; it is flagged, not refused."""

DOCUMENT_TYPES = frozenset(
    mime
    for extension in ("pdf", "ps", "rtf", "doc", "xls", "ppt", "msg", "docx", "xlsx", "pptx", "docm", "xlsm", "pptm")
    for mime in EXTENSIONS[extension]
) | frozenset({*EXTENSIONS["odt"], *EXTENSIONS["ods"], *EXTENSIONS["odp"], *EXTENSIONS["epub"]})
ARCHIVE_TYPES = frozenset(
    mime for extension in ("zip", "gz", "bz2", "xz", "zst", "7z", "rar", "tar", "cab") for mime in EXTENSIONS[extension]
) | {"application/vnd.debian.binary-package", "application/x-rpm", "application/x-iso9660-image"}
TEXT_TYPES = frozenset({"application/json", "application/yaml", "application/xml", "application/xhtml+xml"})
CLAIM_ALIASES = {
    "application/x-zip-compressed": ZIP,
    "application/x-zip": ZIP,
    "application/x-rar-compressed": "application/vnd.rar",
    "application/x-gzip": "application/gzip",
    "application/javascript": "text/javascript",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-icon": "image/vnd.microsoft.icon",
    "text/xml": "application/xml",
}


def kind_of(mime_type: str) -> MediaKind:
    """The kind people would file this type under; `other` for executables, fonts and everything unlisted."""
    if mime_type in DOCUMENT_TYPES:
        return MediaKind.DOCUMENT
    if mime_type in ARCHIVE_TYPES:
        return MediaKind.ARCHIVE
    if mime_type in TEXT_TYPES or mime_type.startswith("text/"):
        return MediaKind.TEXT
    family = mime_type.partition("/")[0]
    return MediaKind(family) if family in {"image", "video", "audio"} else MediaKind.OTHER
