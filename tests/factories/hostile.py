"""The hostile corpus: files made to harm a parser, a viewer or a person, each with the verdict that is expected of it.

Everything is made here from code; nothing of it harms. What a preview job makes of a file stands beside the verdict where the
type has previews.
"""

import functools
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from factories import images

DISGUISE, POLYGLOT, VIRUS = "executable_in_disguise", "polyglot", "test_virus"
PICTURES = ("jpeg", "png", "gif", "webp")
READY = "ready"


@dataclass(frozen=True, slots=True)
class Specimen:
    """A file with its name and claim. `reason` is why it is refused, None if it is kept; `flags` are those it is kept with.

    `preview` is what a job makes of it, as words of which one must come true; empty where it is not said.
    """

    about: str
    make: Callable[[], bytes]
    name: str
    claim: str | None = None
    reason: str | None = None
    mime_type: str | None = None
    flags: tuple[str, ...] = ()
    preview: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.about


def corpus() -> list[Specimen]:
    """All of them, in a fixed order."""
    return [*_bombs(), *_broken(), *_polyglots(), *_disguised(), *_honest(), *_viruses(), *_active(), *_brands(), *_odd()]


def _png(*chunks: tuple[bytes, bytes]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def _header(width: int, height: int, depth: int = 8, colour: int = 2) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)


@functools.cache
def _zeros(megabytes: int) -> bytes:
    """So many of them, compressed."""
    pack, block = zlib.compressobj(9), bytes(1 << 20)
    return b"".join(pack.compress(block) for _ in range(megabytes)) + pack.flush()


def _png_texts() -> bytes:
    """180 MB of compressed words in half a megabyte."""
    text = (b"zTXt", b"Comment\0\0" + _zeros(1))
    return _png(_header(8, 8), *[text] * 180, (b"IDAT", zlib.compress(bytes(25 * 8))), (b"IEND", b""))


def _png_profile() -> bytes:
    """A profile of 256 MB."""
    profile = (b"iCCP", b"icc\0\0" + _zeros(256))
    return _png(_header(8, 8), profile, (b"IDAT", zlib.compress(bytes(25 * 8))), (b"IEND", b""))


def _png_lie() -> bytes:
    """A header of 64 pixels over image data of 64 MB."""
    return _png(_header(8, 8), (b"IDAT", _zeros(64)), (b"IEND", b""))


def _gif_frames(count: int = 100_000) -> bytes:
    small = images.gif(1, 1)
    first = small.index(b",", 13)
    return small[:first] + small[first:-1] * count + b";"


def _jpeg_claims(width: int, height: int, *, progressive: bool = False) -> bytes:
    """A small photograph whose header promises another size."""
    content = images.jpeg(64, 64, progressive=progressive)
    at = content.index(b"\xff\xc2" if progressive else b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]


def _webp_claims(width: int, height: int) -> bytes:
    body = b"VP8X\x0a\0\0\0" + bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body += images.webp(16, 16)[12:]
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _bmp_claims(side: int) -> bytes:
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 154, 0, 0, 54, 40, side, side, 1, 24, 0, 100, 0, 0, 0, 0) + bytes(100)


def _tiff_claims(side: int, *, looping: bool = False) -> bytes:
    tags = struct.pack("<HHIIHHII", 256, 4, 1, side, 257, 4, 1, side)
    return b"II*\0\x08\0\0\0\x02\0" + tags + struct.pack("<I", 8 if looping else 0) + bytes(64)


def _heif_claims(side: int) -> bytes:
    return images.bmff(b"heic", b"mif1") + b"\0\0\0\x14ispe\0\0\0\0" + struct.pack(">II", side, side)


def _nested_zip(depth: int = 6) -> bytes:
    pack = images.archive({"zeros": bytes(1 << 20)})
    for _ in range(depth):
        pack = images.archive({f"{number}.zip": pack for number in range(8)})
    return pack


def _bombs() -> Iterator[Specimen]:
    bomb = ("bomb",)
    yield Specimen("png 900 MP", images.png_bomb, "a.png", flags=bomb, preview=bomb)
    yield Specimen("png 98 MP of 16-bit RGBA", lambda: _png(_header(9900, 9900, 16, 6)), "a.png", flags=bomb, preview=bomb)
    yield Specimen("png 180 MB of zTXt", _png_texts, "a.png", preview=("corrupt", READY))
    yield Specimen("png 256 MB of profile", _png_profile, "a.png", preview=("corrupt", READY))
    yield Specimen("png with too much data", _png_lie, "a.png", preview=("corrupt", READY))
    yield Specimen("png without a side", lambda: _png(_header(0, 9)), "a.png", preview=("corrupt",))
    yield Specimen("gif 100,000 frames", _gif_frames, "a.gif", preview=(READY,))
    yield Specimen("gif 65535 x 65535", images.gif_bomb, "a.gif", flags=bomb, preview=bomb)
    yield Specimen("gif with a wide frame", images.gif_with_wide_frame, "a.gif", preview=("bomb",))
    yield Specimen("jpeg 2000 scans", images.many_scans, "a.jpg", preview=("bomb",))
    yield Specimen("jpeg 65500 x 65500", lambda: _jpeg_claims(65_500, 65_500), "a.jpg", flags=bomb, preview=bomb)
    yield Specimen(
        "jpeg 144 MP progressive",
        lambda: _jpeg_claims(12_000, 12_000, progressive=True),
        "a.jpg",
        preview=("bomb", "too_many_pixels"),
    )
    yield Specimen("jpeg without a height", lambda: _jpeg_claims(64, 0), "a.jpg", preview=("corrupt",))
    yield Specimen("webp 268 MP", lambda: _webp_claims(16_383, 16_383), "a.webp", flags=bomb, preview=bomb)
    yield Specimen("webp 16777216 pixels across", lambda: _webp_claims(1 << 24, 1 << 24), "a.webp", flags=bomb, preview=bomb)
    yield Specimen("bmp 900 MP", lambda: _bmp_claims(30_000), "a.bmp", mime_type="image/bmp", flags=bomb)
    yield Specimen("tiff 900 MP", lambda: _tiff_claims(30_000), "a.tif", mime_type="image/tiff", flags=bomb)
    yield Specimen("tiff whose pages loop", lambda: _tiff_claims(64, looping=True), "a.tif", mime_type="image/tiff")
    yield Specimen("heic 900 MP", lambda: _heif_claims(30_000), "a.heic", mime_type="image/heic", flags=bomb)
    yield Specimen("zip 2 GB", images.zip_bomb, "a.zip", mime_type="application/zip", flags=bomb)
    yield Specimen("zip in zip in zip", _nested_zip, "a.zip", mime_type="application/zip")
    yield Specimen("gzip 256 MB", lambda: b"\x1f\x8b\x08\0\0\0\0\0\0\3" + _zeros(256), "a.gz", mime_type="application/gzip")
    yield Specimen("pdf page of 14.4 million points", lambda: images.pdf(b"/MediaBox [0 0 14400000 14400000]"), "a.pdf")
    yield Specimen("pdf 256 MB of flate", lambda: images.pdf(b">> stream\n" + _zeros(256) + b"\nendstream <<"), "a.pdf")
    laughs = b'<!DOCTYPE a [<!ENTITY a "ha">' + b"".join(b'<!ENTITY a%d "&a%d;&a%d;">' % (n, n, n) for n in range(64)) + b"]>"
    yield Specimen("svg a billion laughs", lambda: laughs + b"<svg>&a63;</svg>", "a.svg", flags=("active_content",))
    yield Specimen(
        "xml a billion laughs", lambda: b"<?xml version='1.0'?>" + laughs + b"<data/>", "a.xml", flags=("active_content",)
    )
    yield Specimen("json a million levels", lambda: b"[" * 1_000_000, "a.json", mime_type="application/json")


_HEADS = {"jpeg": 20, "png": 33, "gif": 16, "webp": 30}
_NAMES = {"jpeg": "jpg"}


def _broken() -> Iterator[Specimen]:
    for kind in images.KINDS:
        form = kind.partition(" ")[0]
        # The first pass, frame or page may have come whole.
        partly = (READY,) if kind in {"jpeg progressive", "gif animated", "tiff pages"} else ()

        def cut(kind: str = kind) -> bytes:
            return images.cut(images.of_kind(kind))

        yield Specimen(
            f"{kind} cut", cut, f"a.{_NAMES.get(form, form)}", mime_type=f"image/{form}", preview=("corrupt", *partly)
        )
    for form in PICTURES:

        def damaged(form: str = form) -> bytes:
            content = bytearray(images.of_kind(form))
            content[len(content) // 3 : len(content) // 3 + 200] = images.noise(200)
            return bytes(content)

        def beginning(form: str = form) -> bytes:
            return images.of_kind(form)[:100]

        def junk(form: str = form) -> bytes:
            return images.of_kind(form)[: _HEADS[form]] + images.noise(5000)

        name = f"a.{_NAMES.get(form, form)}"
        yield Specimen(f"{form} damaged", damaged, name, mime_type=f"image/{form}", preview=("corrupt", READY))
        yield Specimen(f"{form} of 100 bytes", beginning, name, mime_type=f"image/{form}", preview=("corrupt",))
        # Of a GIF more than its head must be sound for it to be one.
        flags = ("mismatch",) if form == "gif" else ()
        yield Specimen(f"{form} of noise", junk, name, flags=flags, preview=("corrupt", "unsupported"))


PAYLOADS: dict[str, Callable[[], bytes]] = {
    "zip": lambda: images.archive({"a": b"x"}),
    "jar": images.jar,
    "pe": images.program,
    "elf": images.elf,
    "pdf": images.pdf,
    "rar": lambda: b"Rar!\x1a\7\0" + images.noise(200),
    "7z": lambda: b"7z\xbc\xaf'\x1c\0\4" + images.noise(200),
    "html": lambda: b"\n<script>alert(1)</script>\n",
    "php": lambda: b"<?php system($_GET['c']); ?>",
}
"""What is hidden behind the end of a picture."""


def _polyglots() -> Iterator[Specimen]:
    for form in PICTURES:
        for payload, make in PAYLOADS.items():

            def both(form: str = form, make: Callable[[], bytes] = make) -> bytes:
                return images.of_kind(form, 64, 64) + make()

            yield Specimen(f"{form} + {payload}", both, f"a.{_NAMES.get(form, form)}", f"image/{form}", POLYGLOT)
    for form in ("bmp", "avif", "tiff deflate"):

        def packed(form: str = form) -> bytes:
            return images.of_kind(form, 64, 64) + images.jar()

        yield Specimen(f"{form} + jar", packed, f"a.{form.partition(' ')[0]}", None, POLYGLOT)
    pack = PAYLOADS["zip"]
    yield Specimen("pdf + zip", lambda: images.pdf() + pack(), "a.pdf", "application/pdf", POLYGLOT)
    yield Specimen("mp3 + zip", lambda: images.mp3() + pack(), "a.mp3", "audio/mpeg", POLYGLOT)
    yield Specimen("mp4 + jar", lambda: images.bmff(b"isom") + images.jar(), "a.mp4", "video/mp4", POLYGLOT)
    yield Specimen("jpeg with a pdf as comment", lambda: images.jpeg(64, 64, comment=images.pdf()), "a.jpg", None, POLYGLOT)
    yield Specimen(
        "jpeg + zip longer than the tail",
        lambda: images.jpeg(64, 64) + images.archive({"n": images.noise(300_000)}, stored=True),
        "a.jpg",
        None,
        POLYGLOT,
    )


PROGRAMS: dict[str, Callable[[], bytes]] = {
    "pe": images.program,
    "dos stub": lambda: images.program()[:64],
    "elf": images.elf,
    "mach-o": lambda: b"\xcf\xfa\xed\xfe\7\0\0\1" + bytes(24),
    "class": lambda: b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(24),
    "dex": lambda: b"dex\n035\0" + bytes(104),
    "shortcut": lambda: b"L\0\0\0\1\x14\2\0" + bytes(68),
    "installer": lambda: (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + bytes.fromhex("84100c0000000000c000000000000046") + bytes(100)
    ),
}
"""Heads of programs of all systems; none of them runs."""


def _disguised() -> Iterator[Specimen]:
    for kind, make in PROGRAMS.items():
        for name in ("holiday.jpg", "letter.pdf", "notes.txt"):
            yield Specimen(f"{kind} as {name}", make, name, None, DISGUISE)
    claims = ("image/jpeg", "application/pdf", "text/plain", "video/mp4; codecs=avc1")
    for claim in claims:
        yield Specimen(f"pe claimed as {claim}", images.program, "setup.exe", claim, DISGUISE)
    for name in ("invoice.pdf.exe", "photo.jpg. ", "party.mp4.scr", "\u202egpj.exe"):
        yield Specimen(f"pe named {name!a}", images.program, name, None, DISGUISE)
    script = b"#!/bin/sh\nrm -rf ~\n"
    yield Specimen("script as a photograph", lambda: script, "a.jpg", "image/jpeg", DISGUISE)
    yield Specimen("jar as a photograph", images.jar, "a.jpg", None, DISGUISE)
    yield Specimen(
        "apk as a letter", lambda: images.archive({"AndroidManifest.xml": b"", "classes.dex": b""}), "a.pdf", None, DISGUISE
    )


def _honest() -> Iterator[Specimen]:
    kept = {
        "pe": "setup.exe",
        "elf": "tool",
        "mach-o": "tool",
        "class": "Main.class",
        "dex": "classes.dex",
        "installer": "a.msi",
    }
    for kind, name in kept.items():
        yield Specimen(f"{kind} by its own name", PROGRAMS[kind], name, flags=("executable",))
    yield Specimen("jar by its own name", images.jar, "app.jar", flags=("jar",))
    yield Specimen("script by its own name", lambda: b"#!/bin/sh\necho\n", "run.sh", flags=("executable",))
    for extension in ("bat", "ps1", "vbs", "desktop", "reg"):
        yield Specimen(f"text that runs as .{extension}", lambda: b"echo hello\n", f"a.{extension}", flags=("executable",))


def _viruses() -> Iterator[Specimen]:
    for about, dress in (("bare", b"%b"), ("in white space", b" \r\n%b\r\n"), ("with a mark", b"\xef\xbb\xbf%b")):
        yield Specimen(f"test virus {about}", lambda dress=dress: dress % images.eicar(), "a.txt", "text/plain", VIRUS)  # type: ignore[misc]  # a default is no second argument
    for form in PICTURES:

        def behind(form: str = form) -> bytes:
            return images.of_kind(form, 64, 64) + images.eicar()

        yield Specimen(f"test virus behind a {form}", behind, f"a.{_NAMES.get(form, form)}", None, VIRUS)


def _active() -> Iterator[Specimen]:
    page, drawing = b"<!DOCTYPE html><script>alert(1)</script>", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
    active, both = ("active_content",), ("active_content", "mismatch")
    yield Specimen("page", lambda: page, "a.html", flags=active)
    yield Specimen("page as a photograph", lambda: page, "a.jpg", "image/jpeg", mime_type="text/html", flags=both)
    yield Specimen("page as text", lambda: page, "a.txt", "text/plain", mime_type="text/plain", flags=active)
    yield Specimen("page in UTF-16", lambda: page.decode().encode("utf-16"), "a.html", flags=active)
    yield Specimen("drawing", lambda: drawing, "a.svg", mime_type="image/svg+xml", flags=active)
    yield Specimen("drawing as a picture", lambda: drawing, "a.png", "image/png", mime_type="image/svg+xml", flags=both)
    comment = b"<!-- " + b"x" * 9000 + b" -->"
    yield Specimen("drawing behind a comment", lambda: comment + drawing, "a.svg", mime_type="image/svg+xml", flags=active)
    yield Specimen("php", lambda: b"<?php system('id');", "a.php", flags=active)
    yield Specimen("postscript", lambda: b"%!PS-Adobe-3.0\n", "a.ps", flags=active)
    yield Specimen(
        "pdf that runs", lambda: images.pdf(b"/OpenAction << /JS (app.alert(1)) >>"), "a.pdf", flags=(*active, "pdf_js")
    )
    yield Specimen("pdf that launches", lambda: images.pdf(b"/OpenAction << /Launch (cmd) >>"), "a.pdf", flags=active)
    yield Specimen("pdf with a file", lambda: images.pdf(b"/EmbeddedFiles 2 0 R"), "a.pdf", flags=("embedded_file",))
    yield Specimen("pdf that is locked", lambda: images.pdf(b"/Encrypt 2 0 R"), "a.pdf", flags=("encrypted",))
    yield Specimen("word with macros", lambda: images.docx(macros=True), "a.docm", flags=("macros",))
    yield Specimen("word with macros as without", lambda: images.docx(macros=True), "a.docx", flags=("macros", "mismatch"))


def _brands() -> Iterator[Specimen]:
    """Containers that are not what they are called: kept as what they are."""
    heic = images.bmff(b"heic", b"mif1", b"heic")
    wrong = ("mismatch",)
    yield Specimen("heic as jpeg", lambda: heic, "IMG_1.JPG", "image/jpeg", mime_type="image/heic", flags=wrong)
    yield Specimen("avif by its second brand", lambda: images.bmff(b"mif1", b"avif"), "a.avif", mime_type="image/avif")
    yield Specimen("song as film", lambda: images.bmff(b"M4A "), "a.mp4", mime_type="audio/mp4", flags=wrong)
    yield Specimen("film as quicktime", lambda: images.bmff(b"isom"), "a.mov", mime_type="video/mp4", flags=wrong)
    yield Specimen("png as jpeg", lambda: images.png(32, 32), "a.jpg", mime_type="image/png", flags=wrong, preview=(READY,))
    yield Specimen("zip as word", lambda: images.archive({"a": b"a"}), "a.docx", mime_type="application/zip", flags=wrong)
    yield Specimen(
        "webm as matroska", lambda: b"\x1aE\xdf\xa3\x9f\x42\x82\x84webm", "a.mkv", mime_type="video/webm", flags=wrong
    )


def _odd() -> Iterator[Specimen]:
    yield Specimen("nothing as a photograph", lambda: b"", "a.jpg", "image/jpeg", mime_type="application/x-empty")
    yield Specimen("one byte as a photograph", lambda: b"\xff", "a.jpg", "image/jpeg", flags=("mismatch",))
    yield Specimen("noise as a photograph", lambda: images.noise(4096), "a.jpg", "image/jpeg", flags=("mismatch",))
    yield Specimen("noise after MZ", lambda: b"MZ" + images.noise(4096), "a.pdf", flags=("mismatch",))
    yield Specimen(
        "a thousand entries of nothing", lambda: b"PK\3\4" * 16_000 + b"PK\1\2" * 16_000, "a.zip", flags=("encrypted",)
    )
    yield Specimen("comments without an end", lambda: b"<!--" * 16_000, "a.html", flags=("active_content",))
    yield Specimen(
        "a jpeg of scans alone",
        lambda: b"\xff\xd8\xff" + b"\xff\xda\0\2\xff\xff" * 10_000,
        "a.jpg",
        preview=("corrupt", "bomb"),
    )
