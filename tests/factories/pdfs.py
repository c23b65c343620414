"""PDF files written by hand: honest ones, and those that are not."""

import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence

from factories import images

A4 = (595, 842)


def written(objects: Sequence[bytes], *, root: int = 1, trailer: bytes = b"", before: bytes = b"") -> bytes:
    """A file of these objects, numbered from 1, with a table of where they stand (ISO 32000-1, 7.5)."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + before)
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root %d 0 R %s >>\n" % (len(objects) + 1, root, trailer)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """A stream object."""
    return b"<< /Length %d %s >>\nstream\n" % (len(content), entries) + content + b"\nendstream"


def said(words: str) -> bytes:
    """Drawing commands that show words, 60 characters a line, over a blue square."""
    lines = [words[at : at + 60] for at in range(0, len(words), 60)]
    shown = b" ".join(b"(%s) Tj T*" % _escaped(line) for line in lines)
    return b"0 0 1 rg 50 50 200 200 re f 0 g BT /F1 18 Tf 20 TL 50 780 Td " + shown + b" ET"


def _escaped(line: str) -> bytes:
    return line.encode("latin-1").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def document(
    contents: Sequence[bytes],
    size: tuple[float, float] = A4,
    *,
    resources: bytes = b"/Font << /F1 3 0 R >>",
    more: Sequence[bytes] = (),
    page: bytes = b"",
    catalog: bytes = b"",
    trailer: bytes = b"",
) -> bytes:
    """One page for each content; `more` objects stand from number 4 + 2 * pages."""
    count = len(contents)
    kids = b" ".join(b"%d 0 R" % (4 + 2 * index) for index in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
        b"<< /Type /Pages /Count %d /Kids [%s] /MediaBox [0 0 %.2f %.2f] >>" % (count, kids, *size),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for index, content in enumerate(contents):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /Resources << %s >> /Contents %d 0 R %s >>" % (resources, 5 + 2 * index, page)
        )
        objects.append(content if content.startswith(b"<<") else stream(content))
    return written([*objects, *more], trailer=trailer)


def pages(*words: str, size: tuple[float, float] = A4) -> bytes:
    """Pages with words on them."""
    return document([said(one) for one in words], size)


def scan(count: int, page_bytes: int) -> bytes:
    """Pages that are one photograph each, padded to so many bytes."""
    photo = images.jpeg(1240, 1754)
    photo += bytes(max(0, page_bytes - len(photo)))
    size = b"/Width 1240 /Height 1754 /ColorSpace /DeviceRGB /BitsPerComponent 8"
    picture = stream(photo, b"/Type /XObject /Subtype /Image /Filter /DCTDecode " + size)
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for _ in range(count):
        number = len(objects) + 1
        resources = b"/XObject << /I %d 0 R >>" % (number + 2)
        about = b"/Type /Page /Parent 2 0 R /Contents %d 0 R" % (number + 1)
        objects += [b"<< %s /Resources << %s >> >>" % (about, resources), stream(b"q 595 0 0 842 0 0 cm /I Do Q"), picture]
        kids.append(b"%d 0 R" % number)
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] /MediaBox [0 0 595 842] >>" % (count, b" ".join(kids))
    return written(objects)


def locked(password: bytes = b"secret") -> bytes:
    """A file that nobody opens without the password (RC4, 40 bits: ISO 32000-1, 7.6.3)."""
    pad = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
    padded = (password + pad)[:32]
    owner = _rc4(hashlib.md5(padded).digest()[:5], padded)
    name = bytes(range(16))
    key = hashlib.md5(padded + owner + (-4).to_bytes(4, "little", signed=True) + name).digest()[:5]
    user = _rc4(key, pad)
    about = b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (owner.hex().encode(), user.hex().encode())
    return document(
        [said("none of this is to be seen")], trailer=b"/Encrypt %s /ID [<%s> <%s>]" % (about, *2 * [name.hex().encode()])
    )


def _rc4(key: bytes, content: bytes) -> bytes:
    box = list(range(256))
    j = 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    out = bytearray()
    i = j = 0
    for byte in content:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)


def flate_bomb(unpacked: int = 1 << 30) -> bytes:
    """A page whose drawing commands are a gigabyte of spaces, in a megabyte."""
    packer = zlib.compressobj(9)
    piece = b" " * (1 << 20)
    packed = b"".join(packer.compress(piece) for _ in range(unpacked >> 20)) + packer.flush()
    return document([stream(packed, b"/Filter /FlateDecode")])


def nested_forms(levels: int = 11, times: int = 10) -> bytes:
    """Each form draws the next one ten times: 10^11 in all."""
    first = 6
    forms = []
    for level in range(levels):
        below = b"/F %d 0 R" % (first + level + 1) if level + 1 < levels else b""
        drawn = b"/F Do " * times if level + 1 < levels else b"0 0 1 1 re f"
        about = b"/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /XObject << %s >> >>" % below
        forms.append(stream(drawn, about))
    return document([b"/F Do"], resources=b"/XObject << /F %d 0 R >>" % first, more=forms)


def looping_tree() -> bytes:
    """A page tree that is its own branch, and says that it has a million pages."""
    tree = b"<< /Type /Pages /Count 1000000 /Kids [2 0 R 3 0 R] /MediaBox [0 0 595 842] >>"
    return written(
        [b"<< /Type /Catalog /Pages 2 0 R >>", tree, b"<< /Type /Pages /Parent 2 0 R /Count 500000 /Kids [2 0 R] >>"]
    )


def deep_tree(levels: int = 50_000) -> bytes:
    """A page tree of one branch, fifty thousand deep."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    objects += [b"<< /Type /Pages /Count 1 /Kids [%d 0 R] /MediaBox [0 0 595 842] >>" % (level + 3) for level in range(levels)]
    return written([*objects, b"<< /Type /Page /Parent 2 0 R >>"])


def looping_table() -> bytes:
    """Its table of objects says that the one before it is itself."""
    content = pages("here")
    start = int(content.rpartition(b"startxref\n")[2].split()[0])
    return content.replace(b"trailer\n<<", b"trailer\n<< /Prev %d" % start)


def promised_pages(count: int = 2_000_000_000) -> bytes:
    """Says that it has two thousand million pages."""
    return pages("here").replace(b"/Count 1 ", b"/Count %d " % count)


def scripted() -> bytes:
    """Runs a script when it is opened, and has a form field that asks for one."""
    action = b"/OpenAction << /S /JavaScript /JS (while(true){}) >>"
    return document([said("a form")], catalog=action + b" /AcroForm << /Fields [] /NeedAppearances true >>")


HOSTILE: Mapping[str, tuple[Callable[[], bytes], frozenset[str]]] = {
    "a gigabyte of commands": (flate_bomb, frozenset({"memory", "timeout"})),
    "forms in forms": (nested_forms, frozenset({"memory", "timeout"})),
    "a tree that is its own branch": (looping_tree, frozenset({"corrupt"})),
    "a tree of fifty thousand levels": (deep_tree, frozenset({"corrupt", "crashed"})),
    "a table that is the one before itself": (looping_table, frozenset({"ready", "corrupt"})),
    "two thousand million pages": (promised_pages, frozenset({"ready", "corrupt"})),
    "a page of fourteen million points": (lambda: pages("far away", size=(14_400_000, 14_400_000)), frozenset({"ready"})),
    "a page of one point by a million": (lambda: pages("thin", size=(1, 1_000_000)), frozenset({"ready"})),
    "a page of no size": (lambda: pages("none", size=(0, 0)), frozenset({"ready", "corrupt"})),
    "a page turned inside out": (lambda: pages("inside", size=(-595, -842)), frozenset({"ready", "corrupt"})),
    "locked": (locked, frozenset({"encrypted"})),
    "a script": (scripted, frozenset({"ready"})),
    "only a head": (lambda: b"%PDF-1.7\n", frozenset({"corrupt"})),
    "noise": (lambda: b"%PDF-1.7\n" + bytes(number * 37 % 256 for number in range(50_000)), frozenset({"corrupt"})),
}
"""By what they are: how to make them, and the outcomes of a job that are true of them."""
