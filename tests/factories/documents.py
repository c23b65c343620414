"""Office documents as small as they can be: honest ones, and those that are not."""

import io
import zipfile
from collections.abc import Callable, Mapping

from factories import images

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OPEN = "urn:oasis:names:tc:opendocument:xmlns:"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
ODT = "application/vnd.oasis.opendocument.text"


def archive(entries: Mapping[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP archive of these entries; pictures and what is named `mimetype` are stored as they are."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as packed:
        for name, content in entries.items():
            plain = name == "mimetype" or name.startswith("media/")
            packed.writestr(name, content, zipfile.ZIP_STORED if plain else method)
    return out.getvalue()


def thumbnail(size: tuple[int, int] = (256, 192)) -> bytes:
    """A picture as it is carried."""
    return images.jpeg(*size)


def docx(*paragraphs: str, picture: bytes | None = None, more: Mapping[str, bytes | str] | None = None) -> bytes:
    """A text of these paragraphs."""
    body = "".join(f"<w:p><w:r><w:t>{words}</w:t></w:r></w:p>" for words in paragraphs)
    return archive(
        {
            "[Content_Types].xml": "<Types/>",
            **({"docProps/thumbnail.jpeg": picture} if picture else {}),
            **(more or {}),
            "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>',
        }
    )


def pptx(*slides: str, picture: bytes | None = None, more: Mapping[str, bytes | str] | None = None) -> bytes:
    """Slides with one line each."""
    shown = {
        f"ppt/slides/slide{number}.xml": f'<p:sld xmlns:p="p" xmlns:a="{DRAWING}"><a:p><a:t>{words}</a:t></a:p></p:sld>'
        for number, words in enumerate(slides, start=1)
    }
    carried = {"docProps/thumbnail.jpeg": picture} if picture else {}
    return archive({"[Content_Types].xml": "<Types/>", **carried, **dict(sorted(shown.items())), **(more or {})})


def xlsx(*cells: str, inline: bool = False) -> bytes:
    """A sheet with words in its cells, in the table of strings or `inline`."""
    head = {"[Content_Types].xml": "<Types/>"}
    if inline:
        row = "".join(f'<c t="inlineStr"><is><t>{words}</t></is></c>' for words in cells)
        return archive({**head, "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{SHEET}"><row>{row}</row></worksheet>'})
    strings = "".join(f"<si><t>{words}</t></si>" for words in cells)
    sheet = f'<worksheet xmlns="{SHEET}"><row><c t="s"><v>0</v></c></row></worksheet>'
    return archive({**head, "xl/worksheets/sheet1.xml": sheet, "xl/sharedStrings.xml": f'<sst xmlns="{SHEET}">{strings}</sst>'})


def odt(
    body: str, picture: bytes | None = None, *, locked: bool = False, more: Mapping[str, bytes | str] | None = None
) -> bytes:
    """An OpenDocument text with this body of `text:` elements."""
    names = " ".join(f'xmlns:{name}="{OPEN}{name}:1.0"' for name in ("office", "text", "table"))
    content = f"<office:document-content {names}><office:body>{body}</office:body></office:document-content>".encode()
    return archive(
        {
            "mimetype": ODT,
            "content.xml": bytes(byte ^ 0x5A for byte in content) if locked else content,
            **(more or {}),
            **({"Thumbnails/thumbnail.png": picture} if picture else {}),
            "META-INF/manifest.xml": "<manifest><encryption-data/></manifest>" if locked else "<manifest/>",
        }
    )


def with_encrypted_entries() -> bytes:
    """All entries say that they are encrypted (APPNOTE 4.4.4)."""
    content = bytearray(docx("secret"))
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + place] |= 1
            at = content.find(mark, at + 4)
    return bytes(content)


def entity_bomb() -> bytes:
    """Nine levels of entities of ten each, a thousand million in all."""
    levels = "".join(f'<!ENTITY e{level + 1} "{f"&e{level};" * 10}">' for level in range(9))
    xml = f'<!DOCTYPE x [<!ENTITY e0 "words">{levels}]><w:document xmlns:w="{WORD}"><w:t>&e9;</w:t></w:document>'
    return archive({"[Content_Types].xml": "<Types/>", "word/document.xml": xml})


def outside_entity() -> bytes:
    """An entity that is a file of this machine."""
    xml = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><w:document xmlns:w="{WORD}"><w:t>&e;</w:t></w:document>'
    return archive({"[Content_Types].xml": "<Types/>", "word/document.xml": xml})


def unpacking_to(size: int) -> bytes:
    """A text that unpacks to so many bytes, a thousandth of which are here."""
    body = f'<w:document xmlns:w="{WORD}">' + " " * size + "<w:p><w:t>end</w:t></w:p></w:document>"
    return archive({"[Content_Types].xml": "<Types/>", "word/document.xml": body})


def many_entries(count: int = 200_000) -> bytes:
    """As many entries as a directory of ten megabytes names, all of them the same byte."""
    head = b"PK\3\4\x14\0\0\0\0\0" + bytes(4) + (0xD202EF8D).to_bytes(4, "little") + b"\1\0\0\0\1\0\0\0\1\0\0\0x\0"
    entry = b"PK\1\2\x14\0\x14\0\0\0\0\0" + bytes(4) + (0xD202EF8D).to_bytes(4, "little") + b"\1\0\0\0\1\0\0\0\6\0" + bytes(16)
    entries = b"".join(entry + b"%06d" % number for number in range(count))
    # More than 65,535 are told by the 64-bit end (APPNOTE 4.3.14).
    start = len(head)
    end64 = b"PK\6\6" + (44).to_bytes(8, "little") + b"\x2d\0\x2d\0" + bytes(8)
    end64 += count.to_bytes(8, "little") * 2 + len(entries).to_bytes(8, "little") + start.to_bytes(8, "little")
    where = b"PK\6\7" + bytes(4) + (start + len(entries)).to_bytes(8, "little") + (1).to_bytes(4, "little")
    return head + entries + end64 + where + b"PK\5\6" + bytes(4) + b"\xff" * 12 + bytes(2)


HOSTILE: Mapping[str, tuple[Callable[[], bytes], frozenset[str]]] = {
    "entities": (entity_bomb, frozenset({"bomb"})),
    "an entity from outside": (outside_entity, frozenset({"bomb"})),
    "sixty-four megabytes of spaces": (lambda: unpacking_to(64 << 20), frozenset({"bomb"})),
    "a picture that unpacks without end": (lambda: docx("words", picture=bytes(20 << 20)), frozenset({"ready"})),
    "a picture that is none": (lambda: docx("words", picture=b"\xff\xd8\xff" + bytes(500)), frozenset({"ready"})),
    "two hundred thousand entries": (many_entries, frozenset({"ready", "memory", "timeout"})),
    "elements within elements": (lambda: docx("<a>" * 100_000 + "</a>" * 100_000), frozenset({"bomb"})),
    "half an element": (lambda: docx("<w:p"), frozenset({"corrupt"})),
    "encrypted entries": (with_encrypted_entries, frozenset({"encrypted"})),
    "a locked text": (lambda: odt("<text:p>secret</text:p>", locked=True), frozenset({"encrypted"})),
    "another way of packing": (
        lambda: archive({"word/document.xml": "<x/>"}, zipfile.ZIP_LZMA),
        frozenset({"corrupt"}),
    ),
    "no archive": (lambda: b"PK\3\4" + bytes(1000), frozenset({"corrupt"})),
    "no entries": (lambda: archive({}), frozenset({"corrupt"})),
}
"""By what they are: how to make them, and the outcomes of a job that are true of them; `ready` also without a picture."""
