"""Files as people have them, of which none may be refused: by name, with the claim that a browser sends."""

import gzip
import io
import json
import struct
import tarfile
import wave

from factories import images

_PHOTO = images.jpeg(64, 48)


def _wav() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(images.noise(8000))
    return out.getvalue()


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as pack:
        entry = tarfile.TarInfo("setup.exe")
        entry.size = 1024
        pack.addfile(entry, io.BytesIO(images.program()))
    return out.getvalue()


def _text(words: str, encoding: str = "utf-8") -> bytes:
    return (words * 20).encode(encoding)


def ordinary() -> dict[str, tuple[bytes, str | None]]:
    """Content and claimed type by name."""
    files: dict[str, tuple[bytes, str | None]] = {}
    for kind in images.KINDS:
        form = kind.partition(" ")[0]
        files[f"{kind}.{form}"] = (images.of_kind(kind, 64, 48), f"image/{form}")
    tail = {"motion.jpg": images.bmff(b"mp42") + images.noise(5000), "gain map.jpg": _PHOTO, "padded.jpg": bytes(512)}
    files |= {name: (_PHOTO + behind, "image/jpeg") for name, behind in tail.items()}
    files |= {f"photo {number}.JPG": (images.jpeg(40 + number, 30, seed=number), "image/jpeg") for number in range(40)}
    picture = images.photo(64, 48).convert("RGB")
    for form, extension in (("BMP", "bmp"), ("TIFF", "tif"), ("ICO", "ico")):
        files[f"a.{extension}"] = (images.saved(picture, form), None)
    files |= {
        "phone.HEIC": (images.bmff(b"heic", b"mif1"), "image/heic"),
        "phone.avif": (images.bmff(b"avif", b"mif1"), "image/avif"),
        "film.mp4": (images.bmff(b"isom", b"mp42") + images.noise(5000), "video/mp4"),
        "film.mov": (images.bmff(b"qt  ") + images.noise(5000), "video/quicktime"),
        "film.mkv": (b"\x1aE\xdf\xa3\xa3\x42\x82\x88matroska" + images.noise(5000), "video/x-matroska"),
        "song.m4a": (images.bmff(b"M4A "), "audio/mp4"),
        "song.mp3": (images.mp3(), "audio/mpeg"),
        "song with tags.mp3": (b"ID3\4\0\0\0\0\0\0" + images.mp3(), "audio/mpeg"),
        "sound.wav": (_wav(), "audio/wav"),
        "letter.docx": (images.docx(), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        "letter.odt": (images.odt(), None),
        "paper.pdf": (images.pdf(), "application/pdf"),
        "paper with an archive.pdf": (
            images.pdf(b">>\nstream\n" + images.archive({"a": b"x"}) + b"\nendstream\n<< /EmbeddedFile 1 "),
            None,
        ),
        "letter.rtf": (b"{\\rtf1\\ansi hello}", "application/rtf"),
        "old.doc": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "WordDocument".encode("utf-16-le"), None),
        "backup.zip": (images.archive({"setup.exe": images.program(), "a.jpg": _PHOTO}), "application/zip"),
        "backup in windows.zip": (images.archive({"a.txt": b"hello"}), "application/x-zip-compressed"),
        "app.zip": (images.jar(), "application/zip"),
        "backup.tar": (_tar(), "application/x-tar"),
        "old.tar": (images.tar(), None),
        "backup.tgz": (gzip.compress(_tar(), mtime=0), "application/gzip"),
        "setup.exe": (images.program(), "application/x-msdownload"),
        "Aspose.Pdf.dll": (images.program(), None),
        "com.example.pdf.jar": (images.jar(), "application/java-archive"),
        "tool": (images.elf(), "application/octet-stream"),
        "run.sh": (b"#!/bin/sh\necho hello\n", "text/x-sh"),
        "run.txt": (b"#!/bin/sh\necho hello\n", "text/plain"),
        "notes.txt": (_text("Größe, 大きさ, размер\n"), "text/plain"),
        "notes for windows.txt": (_text("Grüße aus Köln\r\n", "cp1252"), "text/plain"),
        "korean.txt": (_text("한국어로 쓴 글입니다.\n", "cp949"), "text/plain"),
        "korean by mail.txt": (_text("한국어로 쓴 글입니다.\n", "iso2022_kr"), "text/plain"),
        "wide.txt": (_text("hello\n", "utf-16"), "text/plain"),
        "about gif.txt": (b"GIF89a is a picture format of 1989.\n" * 9, "text/plain"),
        "about dos.txt": (b"MZ stands for Mark Zbikowski, who wrote the loader.\n" * 9, "text/plain"),
        "about viruses.txt": (b"Scanners are tried with this: " + images.eicar() + b"\n", "text/plain"),
        "README.md": (b"# Title\n\n```c\n#include <stdio.h>\n```\n<script>\n", "text/markdown"),
        "data.json": (json.dumps({"a": [1] * 500}).encode(), "application/json"),
        "data.csv": (b"a,b\n1,2\n" * 50, "text/csv"),
        "sheet in windows.csv": (b"a;b\n1;2\n" * 50, "application/vnd.ms-excel"),
        "style.css": (b"body { color: red }\n", "text/css"),
        "app.js": (b"export const a = 1;\n", "application/javascript"),
        "page.html": (b"<!DOCTYPE html><title>a</title>", "text/html"),
        "logo.svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
        "feed.xml": (b"<?xml version='1.0'?><feed/>", "text/xml"),
        "font.woff2": (b"wOF2\0\1\0\0" + images.noise(500), "font/woff2"),
        "app.sqlite": (b"SQLite format 3\0" + bytes(500), None),
        "empty": (b"", None),
        "vault.hc": (images.noise(8192), None),
        "index": (struct.pack("<1000I", *range(1000)), None),
    }
    files |= {f"vault {number}.bin": (images.noise(2048, number), "application/octet-stream") for number in range(200)}
    return files
