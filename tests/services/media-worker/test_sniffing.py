"""Types told from bytes: containers, look-alikes, text and markup; and the label for what is left."""

import random
import struct
import time

import pytest
import structlog

from coffer_media_worker import signatures
from coffer_media_worker.labels import Labels
from coffer_media_worker.pictures import jpeg_layout, picture_size
from coffer_media_worker.sample import Sample
from coffer_media_worker.signatures import SIGNATURES, Flag, MediaKind, kind_of
from coffer_media_worker.sniffing import identify
from factories import images

OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def whole(content: bytes) -> Sample:
    return Sample(content, b"", len(content))


def told(content: bytes, extension: str = "") -> str:
    return identify(whole(content), extension).mime_type


@pytest.mark.parametrize(
    ("content", "mime_type"),
    [
        (images.docx(), OFFICE),
        (images.docx(macros=True), "application/vnd.ms-word.document.macroenabled.12"),
        (images.odt(), "application/vnd.oasis.opendocument.text"),
        (images.jar(), "application/java-archive"),
        (images.archive({"AndroidManifest.xml": b"", "classes.dex": b""}), "application/vnd.android.package-archive"),
        (images.archive({"a.txt": b"a"}), "application/zip"),
        (images.archive({}), "application/zip"),
        (OLE + "WordDocument".encode("utf-16-le"), "application/msword"),
        (OLE + "Workbook".encode("utf-16-le"), "application/vnd.ms-excel"),
        (OLE + bytes.fromhex("84100c0000000000c000000000000046"), "application/x-msi"),
        (images.bmff(b"heic"), "image/heic"),
        (images.bmff(b"mif1", b"avif"), "image/avif"),
        (images.bmff(b"mif1", b"mif1"), "image/heif"),
        (images.bmff(b"isom", b"mp42"), "video/mp4"),
        (images.bmff(b"M4A "), "audio/mp4"),
        (images.bmff(b"qt  "), "video/quicktime"),
        (b"\0\0\0\x08wide\0\0\0\x10mdat" + bytes(8), "video/quicktime"),
        (b"\x1aE\xdf\xa3\x9f\x42\x82\x84webm", "video/webm"),
        (b"\x1aE\xdf\xa3\xa3\x42\x82\x88matroska", "video/x-matroska"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\x24\0\0\0AVI LIST", "video/x-msvideo"),
        (b"FORM\0\0\0\x10AIFFCOMM", "audio/aiff"),
        ((b"G" + bytes(187)) * 4, "video/mp2t"),
        ((bytes(4) + b"G" + bytes(187)) * 4, "video/mp2t"),
        (images.mp3(), "audio/mpeg"),
        (b"ID3\4\0\0\0\0\0\0", "audio/mpeg"),
        (b"fLaC\0\0\0\x22", "audio/flac"),
        (b"OggS\0\2" + bytes(22) + b"\x01\x1e\x01vorbis", "audio/ogg"),
        (b"OggS\0\2" + bytes(22) + b"\x01\x2a\x80theora", "video/ogg"),
        (images.tar(), "application/x-tar"),
        (bytes(257) + b"ustar\x0000" + bytes(248), "application/x-tar"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\3", "application/gzip"),
        (b"BZh91AY&SY", "application/x-bzip2"),
        (b"Rar!\x1a\7\1\0", "application/vnd.rar"),
        (b"7z\xbc\xaf'\x1c\0\4", "application/x-7z-compressed"),
        (images.pdf(), "application/pdf"),
        (images.program(), signatures.PE),
        (images.elf(), signatures.ELF),
        (b"\xcf\xfa\xed\xfe\7\0\0\1" + bytes(24), signatures.MACH_O),
        (b"\xca\xfe\xba\xbe\0\0\0\2" + bytes(24), signatures.MACH_O),
        (b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(24), signatures.JAVA_CLASS),
        (b"#!/usr/bin/env python3\nprint()\n", signatures.SCRIPT),
        (b"L\0\0\0\1\x14\2\0" + bytes(68), signatures.SHORTCUT),
        (b"SQLite format 3\0", "application/vnd.sqlite3"),
        (b"wOF2\0\1\0\0", "font/woff2"),
        (images.saved(images.photo(40, 30).convert("RGB"), "BMP"), "image/bmp"),
        (images.saved(images.photo(40, 30).convert("RGB"), "TIFF"), "image/tiff"),
        (images.saved(images.photo(32, 32).convert("RGB"), "ICO"), "image/vnd.microsoft.icon"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_tells_a_container_by_what_it_holds(content: bytes, mime_type: str) -> None:
    assert told(content) == mime_type


@pytest.mark.parametrize(
    "text",
    [
        "GIF89a is a picture format of 1989, and BMP is older.\n",
        "BM is short for bitmap.\nMZ stands for Mark Zbikowski, who wrote the loader.\n",
        "FORM follows function. ID cards, RIFF raff.\n",
        "Größe, 大きさ, размер\n",
        "#!not an interpreter\n",
    ],
)
def test_prose_that_begins_like_a_binary_stays_text(text: str) -> None:
    assert told(text.encode(), "txt") == "text/plain"


def test_text_in_old_and_wide_character_sets_is_text() -> None:
    korean = "한국어로 쓴 글입니다. 여러 줄이 있습니다.\n" * 5
    for encoding in ("cp949", "iso2022_kr", "utf-8", "utf-16", "utf-8-sig"):
        assert told(korean.encode(encoding)) == "text/plain"


def test_a_character_cut_at_the_end_of_the_head_is_no_reason_to_call_text_binary() -> None:
    content = "ж".encode() * 40_000
    assert identify(Sample(content[:65_535], content[-65_536:], len(content))).mime_type == "text/plain"


@pytest.mark.parametrize(
    ("content", "extension", "mime_type"),
    [
        (b"<html><body>", "", "text/html"),
        (b"  \n<!-- hello -->\n<!DOCTYPE html>\n<title>", "", "text/html"),
        (b"<ScRiPt >alert(1)</script>", "", "text/html"),
        ("<html>".encode("utf-16"), "", "text/html"),
        (b"<!-- never closed", "", "text/html"),
        (b"plain words", "html", "text/html"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "", "image/svg+xml"),
        (b"<?xml version='1.0'?><!-- " + b"x" * 9000 + b" --><svg:svg/>", "", "image/svg+xml"),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]><svg/>', "png", "image/svg+xml"),
        (b"<?xml version='1.0'?><html/>", "", "application/xhtml+xml"),
        (b"<?xml version='1.0'?><feed/>", "xml", "application/xml"),
        (b"<p align='center'>Readme</p>", "md", "text/markdown"),
        (b"<?php system('id');", "php", "text/plain"),
        (b"%!PS-Adobe-3.0", "", "application/postscript"),
    ],
)
def test_flags_what_a_browser_or_viewer_would_run(content: bytes, extension: str, mime_type: str) -> None:
    sniffed = identify(whole(content), extension)
    assert sniffed.mime_type == mime_type
    assert Flag.ACTIVE_CONTENT in sniffed.flags


@pytest.mark.parametrize(
    ("content", "extension", "flag"),
    [
        (images.docx(macros=True), "docx", Flag.MACROS),
        (images.pdf(b"/OpenAction 2 0 R"), "pdf", Flag.ACTIVE_CONTENT),
        (images.pdf(b"/EmbeddedFiles 2 0 R"), "pdf", Flag.EMBEDDED_FILE),
        (images.pdf(b"/Encrypt 2 0 R"), "pdf", Flag.ENCRYPTED),
        (images.archive({"a": b"a"}).replace(b"PK\3\4\x14\0\0", b"PK\3\4\x14\0\1"), "zip", Flag.ENCRYPTED),
        (images.zip_bomb(), "zip", Flag.BOMB),
        (b"Set shell = CreateObject()", "vbs", Flag.EXECUTABLE),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_flags_what_is_inside(content: bytes, extension: str, flag: Flag) -> None:
    assert identify(whole(content), extension).flags == {flag}


def test_finds_an_office_document_whose_list_of_contents_is_only_in_the_tail() -> None:
    pack = images.archive({"padding": images.noise(200_000), "word/document.xml": b"", "[Content_Types].xml": b""})
    assert identify(Sample(pack[:65_536], pack[-65_536:], len(pack))).mime_type == OFFICE


@pytest.mark.parametrize("form", ["BMP", "TIFF"])
def test_reads_the_size_of_pictures_it_does_not_preview(form: str) -> None:
    content = images.saved(images.photo(123, 45).convert("RGB"), form)
    assert identify(whole(content)).size == (123, 45)


def test_reads_the_largest_size_of_a_heif_grid() -> None:
    boxes = b"".join(b"\0\0\0\x14ispe\0\0\0\0" + struct.pack(">II", *size) for size in ((512, 512), (4032, 3024)))
    assert identify(whole(images.bmff(b"heic") + boxes)).size == (4032, 3024)


def test_lays_out_a_jpeg_by_its_markers() -> None:
    content = images.jpeg(320, 240, progressive=True)
    layout = jpeg_layout(content + b"behind")
    assert (layout.size, layout.progressive, layout.components) == ((320, 240), True, 3)
    assert (layout.first_scan_is_dc, layout.end) == (True, len(content))
    assert 5 < layout.scans < 20
    assert jpeg_layout(images.many_scans(500, 64, 64)).scans > 500


def test_no_prefix_and_no_damage_makes_sniffing_fail() -> None:
    dice = random.Random(7)
    good = [*images.every_kind(64, 64).values(), images.docx(), images.odt(), images.tar(), images.pdf(), images.mp3(), OLE]
    good += [images.program(), images.bmff(b"heic", b"mif1"), images.saved(images.photo(9, 9).convert("RGB"), "TIFF")]
    for content in good:
        for length in {*range(40), *(dice.randrange(len(content)) for _ in range(20))}:
            identify(whole(content[:length]))
        for _ in range(20):
            damaged = bytearray(content)
            for _ in range(8):
                damaged[dice.randrange(min(len(damaged), 400))] = dice.randrange(256)
            identify(Sample(bytes(damaged[:200]), bytes(damaged[-200:]), len(damaged)))
    for signature in SIGNATURES:
        start = bytes(signature.offset) + signature.magic
        picture_size(signature.mime_type, whole(start))
        identify(whole(start))


def test_judges_hostile_structures_in_little_time() -> None:
    worst = [
        b"\xff\xd8" + b"\xff\xda\0\2\xff\xff" * 100_000,
        images.gif(8, 8)[:-1] + b"!\xfe\1x" * 200_000,
        b"<!--" * 16_000,
        b"<?xml " * 10_000,
        b"<!DOCTYPE a [" * 5_000,
        b"PK\3\4" * 16_000 + b"PK\1\2" * 16_000,
        b" " * 65_536,
    ]
    for content in worst:
        started = time.thread_time()
        identify(whole(content))
        assert time.thread_time() - started < 1.0


def test_the_label_names_the_unknown_but_never_as_a_program() -> None:
    unknown = images.noise(500, seed=3)

    def labelled(label: str | None) -> str:
        return identify(whole(unknown), "", lambda _: label).mime_type

    assert labelled("application/x-hdf5") == "application/x-hdf5"
    for refused in (None, "application/x-dosexec", "application/vnd.microsoft.portable-executable", "inode/x-empty"):
        assert labelled(refused) == "application/octet-stream"
    assert labelled("text/x-asm") == "text/plain"
    assert identify(whole(unknown), "", lambda _: "text/html").flags == {Flag.ACTIVE_CONTENT}
    assert identify(whole(images.png(8, 8)), "", lambda _: "image/wrong").mime_type == "image/png"


def test_libmagic_labels_when_it_is_there_and_says_so_when_not(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = Labels()
    assert labels(b"\x89HDF\r\n\x1a\n" + bytes(100)) == "application/x-hdf5"
    assert labels.missing is None

    monkeypatch.setitem(__import__("sys").modules, "magic", None)
    monkeypatch.setitem(__import__("sys").modules, "pylibmagic", None)
    without = Labels()
    with structlog.testing.capture_logs() as logged:
        assert [without(b"anything") for _ in range(3)] == [None] * 3
    assert [line["event"] for line in logged] == ["libmagic_missing"]
    assert without.missing is not None
    assert "ModuleNotFoundError" in without.missing


@pytest.mark.parametrize(
    ("mime_type", "kind"),
    [
        ("image/svg+xml", MediaKind.IMAGE),
        ("text/csv", MediaKind.TEXT),
        ("application/json", MediaKind.TEXT),
        (OFFICE, MediaKind.DOCUMENT),
        ("application/java-archive", MediaKind.ARCHIVE),
        (signatures.PE, MediaKind.OTHER),
        ("font/woff2", MediaKind.OTHER),
    ],
)
def test_files_a_type_under_the_kind_people_expect(mime_type: str, kind: MediaKind) -> None:
    assert kind_of(mime_type) is kind
