"""Pictures and hostile files for the media worker's tests and for the bench: synthetic, and the same for the same seed.

Photographs follow one recipe: octave noise for light, slow noise for colour, hard-edged discs, sensor grain, and an
"up" mark (red triangle top left, blue bar bottom left), which compress and decode about as real ones do.
"""

import functools
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable

from PIL import Image, ImageChops, ImageCms, ImageDraw, ImageFilter

UP_RED = (220, 30, 30)
UP_BLUE = (30, 60, 220)


def _noise(width: int, height: int, dice: random.Random) -> Image.Image:
    return Image.frombytes("L", (width, height), dice.randbytes(width * height))


def _octaves(width: int, height: int, dice: random.Random, finest: int, falling: float) -> Image.Image:
    """Noise of every size from the whole picture down to `finest` pixels, each octave weaker than the one before."""
    step = max(1, 1 << max(width, height).bit_length() >> 2)
    field = _noise(-(-width // step) + 1, -(-height // step) + 1, dice)
    weight = 1.0
    while step > finest:
        step //= 2
        size = (-(-width // step) + 1, -(-height // step) + 1)
        weight *= falling
        field = Image.blend(field.resize(size, Image.Resampling.BICUBIC), _noise(*size, dice), weight / (1 + weight))
    return field.resize((width, height), Image.Resampling.BILINEAR)


def photo(width: int, height: int, seed: int = 1) -> Image.Image:
    """A picture in YCbCr that looks to an encoder like a photograph; 12 MP take about a second."""
    dice = random.Random(seed)
    light = _octaves(width, height, dice, 2, 0.55)
    colours = [_octaves(-(-width // 4), -(-height // 4), dice, 32, 0.6).point(lambda value: value // 2 + 64) for _ in range(2)]
    pen, tints = ImageDraw.Draw(light), [ImageDraw.Draw(colour) for colour in colours]
    for _ in range(26):
        x, y, radius = dice.randrange(width), dice.randrange(height), dice.randrange(3, max(4, height // 9))
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=dice.randrange(30, 226))
        for tint in tints:
            area = ((x - radius) // 4, (y - radius) // 4, (x + radius) // 4, (y + radius) // 4)
            tint.ellipse(area, fill=dice.randrange(70, 186))
    grain = _noise(width, height, dice).point(lambda value: value * 60 // 256).filter(ImageFilter.BoxBlur(0.5))
    light = ImageChops.add(light, grain, 1, -30)
    picture = Image.merge("YCbCr", [light, *(colour.resize((width, height), Image.Resampling.BILINEAR) for colour in colours)])
    return _marked(picture)


def _marked(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    pen = ImageDraw.Draw(picture)
    colours = {}
    for name, rgb in (("red", UP_RED), ("blue", UP_BLUE)):
        colours[name] = Image.new("RGB", (1, 1), rgb).convert(picture.mode).getpixel((0, 0))
    pen.polygon([(0, 0), (width // 4, 0), (0, height // 4)], fill=colours["red"])
    pen.rectangle((0, height - height // 4, width // 8, height), fill=colours["blue"])
    return picture


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    """The picture as bytes of this format."""
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def jpeg(width: int = 640, height: int = 480, seed: int = 1, *, orientation: int = 1, **options: object) -> bytes:
    """A photograph as JPEG, quality 92 unless said; `orientation` is written as EXIF without turning the pixels."""
    if orientation != 1:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    return saved(photo(width, height, seed), "JPEG", **{"quality": 92, **options})


@functools.cache
def twelve_megapixels(*, progressive: bool = False) -> bytes:
    """The 12 MP photograph of the measurements (4000x3000, about 3.2 MB), made once per process."""
    return saved(_twelve(), "JPEG", quality=92, progressive=progressive)


@functools.cache
def _twelve() -> Image.Image:
    return photo(4000, 3000)


def png(width: int = 640, height: int = 480, mode: str = "RGB", seed: int = 1) -> bytes:
    """A photograph as PNG in one of Pillow's modes; RGBA and LA fade out to the right."""
    picture = photo(width, height, seed).convert("RGB")
    if mode == "I;16":
        grey = picture.convert("L")
        wide = b"".join(bytes((value, value)) for value in grey.tobytes())
        return saved(Image.frombytes("I;16", grey.size, wide), "PNG")
    picture = picture.convert(mode)
    if mode in {"RGBA", "LA"}:
        picture.putalpha(Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90).resize(picture.size))
    return saved(picture, "PNG")


def gif(width: int = 320, height: int = 240, frames: int = 1, seed: int = 1) -> bytes:
    """A GIF of so many different frames."""
    pictures = [photo(width, height, seed + number).convert("RGB").quantize(64) for number in range(frames)]
    return saved(pictures[0], "GIF", save_all=True, append_images=pictures[1:])


def webp(width: int = 640, height: int = 480, seed: int = 1, **options: object) -> bytes:
    """A photograph as WebP."""
    return saved(photo(width, height, seed).convert("RGB"), "WEBP", **options)


def tiff(width: int = 640, height: int = 480, pages: int = 1, seed: int = 1, **options: object) -> bytes:
    """A TIFF of so many pages, each another photograph."""
    pictures = [photo(width, height, seed + number).convert("RGB") for number in range(pages)]
    return saved(pictures[0], "TIFF", save_all=True, append_images=pictures[1:], **options)


def _fading(width: int, height: int) -> Image.Image:
    picture = photo(width, height).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90).resize(picture.size))
    return picture


@functools.cache
def other_profile() -> bytes:
    """A valid RGB profile that is not sRGB: red and green change places."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"tmpX").replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")
    return swapped.replace(b"sRGB", b"else").replace("sRGB".encode("utf-16-be"), "else".encode("utf-16-be"))


KINDS: dict[str, Callable[[int, int], bytes]] = {
    "jpeg": jpeg,
    "jpeg progressive": lambda width, height: jpeg(width, height, progressive=True),
    "jpeg grey": lambda width, height: saved(photo(width, height).convert("L"), "JPEG"),
    "jpeg cmyk": lambda width, height: saved(photo(width, height).convert("RGB").convert("CMYK"), "JPEG"),
    "jpeg profile": lambda width, height: jpeg(width, height, icc_profile=other_profile()),
    "png": png,
    "png alpha": lambda width, height: png(width, height, "RGBA"),
    "png grey alpha": lambda width, height: png(width, height, "LA"),
    "png palette": lambda width, height: png(width, height, "P"),
    "png grey 16": lambda width, height: png(width, height, "I;16"),
    "png bilevel": lambda width, height: png(width, height, "1"),
    "gif": gif,
    "gif animated": lambda width, height: gif(width, height, 3),
    "webp": webp,
    "webp lossless": lambda width, height: webp(width, height, lossless=True),
    "tiff deflate": lambda width, height: tiff(width, height, compression="tiff_adobe_deflate"),
    "tiff cmyk": lambda width, height: saved(photo(width, height).convert("RGB").convert("CMYK"), "TIFF"),
    "tiff pages": lambda width, height: tiff(width, height, pages=3, compression="tiff_lzw"),
    "bmp": lambda width, height: saved(photo(width, height).convert("RGB"), "BMP"),
    "avif": lambda width, height: saved(photo(width, height).convert("RGB"), "AVIF", quality=60, speed=9),
    "avif alpha": lambda width, height: saved(_fading(width, height), "AVIF", quality=60, speed=9),
}
"""Each kind that previews are made of, by a name to show in test output."""


@functools.cache
def of_kind(kind: str, width: int = 640, height: int = 480) -> bytes:
    """A good picture of one of KINDS."""
    return KINDS[kind](width, height)


def every_kind(width: int = 640, height: int = 480) -> dict[str, bytes]:
    """One good picture of each kind."""
    return {kind: of_kind(kind, width, height) for kind in KINDS}


def cut(content: bytes, share: float = 0.6) -> bytes:
    """The first part of a file, as a broken connection leaves it."""
    return content[: int(len(content) * share)]


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG of a few hundred bytes whose header promises 900 megapixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(bytes(100_000))) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def gif_bomb() -> bytes:
    """43 bytes that ask for a screen of 65535x65535."""
    small = saved(Image.new("P", (1, 1)), "GIF")
    return small[:6] + b"\xff\xff\xff\xff" + small[10:]


def gif_with_wide_frame(side: int = 30_000) -> bytes:
    """A tiny screen, but a first frame far beyond the limits."""
    small = saved(Image.new("P", (1, 1)), "GIF")
    at = small.index(b",", 13)
    return small[: at + 5] + struct.pack("<HH", side, side) + small[at + 9 :]


def many_scans(scans: int = 2_000, width: int = 640, height: int = 480) -> bytes:
    """A progressive JPEG that repeats its last scan, each a full pass for a decoder."""
    content = jpeg(width, height, progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:-2] + content[last:-2] * scans + b"\xff\xd9"


def program(length: int = 1024) -> bytes:
    """The header of a Windows program: MZ, a pointer at byte 60, PE where it points."""
    head = b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff\0\0\xb8".ljust(60, b"\0") + struct.pack("<I", 128)
    return (head.ljust(128, b"\0") + b"PE\0\0d\x86").ljust(length, b"\0")


def elf() -> bytes:
    """The header of a Linux program."""
    return (b"\x7fELF\2\1\1" + bytes(9) + b"\2\0\x3e\0").ljust(512, b"\0")


def archive(names: dict[str, bytes], *, stored: bool = False) -> bytes:
    """A ZIP of these entries."""
    out = io.BytesIO()
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(out, "w") as pack:
        for name, content in names.items():
            pack.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), content, method)
    return out.getvalue()


def zip_bomb() -> bytes:
    """A small ZIP whose directory declares two gigabytes."""
    pack = archive({"zeros": bytes(1000)})
    at = pack.index(b"PK\1\2") + 24
    return pack[:at] + b"\xff\xff\xff\x7f" + pack[at + 4 :]


def jar() -> bytes:
    """A Java archive."""
    return archive({"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n", "Main.class": b"\xca\xfe\xba\xbe\0\0\0\x34"})


def docx(*, macros: bool = False) -> bytes:
    """A Word document, as far as its entries tell."""
    entries = {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w:document/>"}
    return archive(entries | ({"word/vbaProject.bin": b"\0"} if macros else {}))


def odt() -> bytes:
    """An OpenDocument text: the type stands first and uncompressed."""
    kind = b"application/vnd.oasis.opendocument.text"
    return archive({"mimetype": kind, "content.xml": b"<office/>", "META-INF/manifest.xml": b"<m/>"}, stored=True)


def bmff(brand: bytes, *others: bytes) -> bytes:
    """A file that is only its `ftyp` box and an empty `mdat`: enough to be told as HEIC, AVIF, MP4 ..."""
    body = b"ftyp" + brand + bytes(4) + b"".join(others)
    return struct.pack(">I", len(body) + 4) + body + b"\0\0\0\x08mdat"


def pdf(extra: bytes = b"") -> bytes:
    """A PDF without pages, with these bytes in its only object."""
    return b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog " + extra + b" >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"


def tar() -> bytes:
    """A tar older than POSIX: no magic, only the checksum."""
    header = bytearray(512)
    header[:8] = b"note.txt"
    header[100:136] = b"0000644\0" + b"0000000\0" + b"0000000\0" + b"00000000000\0"
    header[136:148] = b"00000000000\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1024)


def mp3() -> bytes:
    """Frames of silence at 128 kbit/s without a tag."""
    return (b"\xff\xfb\x90\x64" + bytes(413)) * 8


def eicar() -> bytes:
    """The harmless string that every virus scanner reports, put together only here."""
    parts = (rb"X5O!P%@AP[4\PZX54(P^)7CC)7}", b"$EICAR-STANDARD", b"-ANTIVIRUS-TEST-", b"FILE!$H+H*")
    return b"".join(parts)


def noise(length: int, seed: int = 1) -> bytes:
    """Bytes like those of an encrypted file."""
    return random.Random(seed).randbytes(length)
