"""Pages of a PDF as pictures, the number of its pages, and its words. Runs in a child, never in the worker.

PDFium reads the file by a callback, as far as it needs it. No forms are filled and no scripts are run, as the library is built
without them. Fonts that the file does not bring are PDFium's own few: no other can be opened in here.
"""

import contextlib
import io
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

from PIL import Image

from coffer_media_worker import reducing
from coffer_media_worker.domain import JOB_LIMITS, SIZES, Picture, Rendered
from coffer_media_worker.encoding import encode, placeholder
from coffer_media_worker.ranged import OverBudgetError, Ranged
from coffer_media_worker.refusals import (
    CorruptError,
    EncryptedError,
    ImagingError,
    NoSuchPageError,
    TooLargeError,
    UnsupportedError,
)
from coffer_media_worker.texts import plain

MOST_POINTS = 1e9
"""Longest side of a page that is believed, in 1/72 inch."""
TEXT_SECONDS = 4.0
"""Of processor time for reading words; what is found until then is the text."""
TEXT_FETCHED_BYTES = 32 << 20
"""After so many bytes of the file no further page is read for its words."""

BLOCK, BLOCK_OF_WORDS = 64 << 10, 256 << 10
"""What is fetched for a jump, of the first page and then: it stands where it stands."""
BLOCK_OF_TREE = 8 << 10
"""What is fetched for a jump on the way to a page further on: PDFium looks at every page before it, wherever each stands."""
SCANNED_PAGE_BYTES = 150_000
"""Where the pages have more on average, and the first one has no words, it is a scan."""
PROBED = 5
"""Pages of another file that are looked into before it is taken for a scan."""

_PASSWORD, _SECURITY = 4, 5
"""PDFium's errors of files that it cannot decrypt (fpdfview.h)."""
_LINE_END_HYPHEN = re.compile("[\ufffe\x02](?:\r?\n)?")

_pdfium: Any = None


def warm_up() -> None:
    """Load PDFium, if it is there."""
    global _pdfium  # noqa: PLW0603 a module that is there or not
    try:
        import pypdfium2  # noqa: PLC0415 optional
    except ImportError:
        return
    _pdfium = pypdfium2


def draw(file: Ranged, boxes: Sequence[int], form: str = "WEBP") -> Iterator[Rendered]:
    """The first page, fit into boxes of so many pixels, in two parts: the smallest picture and the number of pages; then the
    other pictures, and the words of all pages. Raises ImagingError and OverBudgetError.
    """
    reader = _reader(file)
    with _opened(reader) as document:
        count = len(document)
        if count < 1:
            raise CorruptError("no pages")
        shown = _page(reader, document, 0)
        small, *others = sorted(set(boxes))
        drawn = _render(reader, shown, small)
        first = _picture(drawn, form, small)
        yield Rendered((first,), placeholder=placeholder(drawn), facts={"page_count": count}, more=True)
        pictures = []
        drawn = _render(reader, shown, others[-1]) if others else drawn
        for box in others:
            with contextlib.suppress(TooLargeError):  # noise; the smaller ones stand for it
                pictures.append(_picture(reducing.shrink(drawn, None, drawn.size, box), form, box))
        yield Rendered(tuple(pictures), text=_words(reader, document))


def draw_page(file: Ranged, box: int, form: str, page: int) -> Rendered:
    """One picture of any page, from 1, fit into a box of so many pixels, and nothing else: what a reader turns to is to be
    there soon. Raises ImagingError and OverBudgetError.
    """
    reader = _reader(file)
    with _opened(reader) as document:
        count = len(document)
        if not 1 <= page <= count:
            raise NoSuchPageError(f"page {page} of {count}")
        file.block = BLOCK_OF_TREE
        shown = _page(reader, document, page - 1)
        file.block = BLOCK
        drawn = _render(reader, shown, box)
    while True:
        try:
            return Rendered((_picture(drawn, form, box, page),))
        except TooLargeError:  # noise: shown all the same, more coarsely
            if max(drawn.size) <= SIZES[0]:
                raise
            drawn = drawn.reduce(2)


def _reader(file: Ranged) -> "_Reader":
    if _pdfium is None:
        raise UnsupportedError("PDFium is not installed")
    file.block = BLOCK
    return _Reader(file)


class _Reader(io.RawIOBase):
    """The file as PDFium's callback reads it: an error cannot pass through C, so it is kept and raised behind it."""

    def __init__(self, file: Ranged) -> None:
        super().__init__()
        self.file = file
        self.error: Exception | None = None

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def readinto(self, buffer: Any) -> int:
        """Less than all where the bytes could not be had."""
        if self.error is not None:
            return 0
        try:
            return self.file.readinto(memoryview(buffer).cast("B"))
        except Exception as error:  # noqa: BLE001 whatever it was is raised by `check`
            self.error = error
        return 0

    def check(self) -> None:
        """Raises what was kept."""
        if self.error is not None:
            raise self.error


@contextlib.contextmanager
def _opened(reader: _Reader) -> Iterator[Any]:
    try:
        document = _pdfium.PdfDocument(reader)
    except _pdfium.PdfiumError as error:
        reader.check()
        if error.err_code in {_PASSWORD, _SECURITY}:
            raise EncryptedError(str(error)) from error
        raise CorruptError(str(error)) from error
    try:
        yield document
    finally:
        document.close()


def _page(reader: _Reader, document: Any, index: int) -> Any:
    try:
        return document[index]
    except _pdfium.PdfiumError as error:
        reader.check()
        raise CorruptError(str(error)) from error


def _render(reader: _Reader, page: Any, box: int) -> Image.Image:
    """The page on white, its longest side as long as the box, whatever its own measure."""
    width, height = page.get_size()
    longest = max(width, height)
    if not 0 < longest < MOST_POINTS:
        raise CorruptError(f"a page of {width} x {height} points")
    size = max(1, round(width / longest * box)), max(1, round(height / longest * box))
    raw = _pdfium.raw
    bitmap = _pdfium.PdfBitmap.new_native(*size, format=raw.FPDFBitmap_BGRx, rev_byteorder=True)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, *size)
    raw.FPDF_RenderPageBitmap(bitmap, page, 0, 0, *size, 0, raw.FPDF_ANNOT | raw.FPDF_REVERSE_BYTE_ORDER)
    reader.check()
    picture: Image.Image = bitmap.to_pil()
    return picture.convert("RGB")


def _picture(drawn: Image.Image, form: str, box: int, page: int = 1) -> Picture:
    return Picture(encode(drawn, form, box), f"image/{form.lower()}", *drawn.size, box, page)


def _words(reader: _Reader, document: Any) -> bytes:
    """The words of all pages, as far as limits reach. Looking for words fetches the pictures of a page as well: so a file that
    is not here as a whole, and has none on its first pages, is taken for a scan. What cannot be read has none.
    """
    count = len(document)
    probed = PROBED if reader.file.size < SCANNED_PAGE_BYTES * count else 1
    if reader.file.known_whole() is not None:
        probed = count
    reader.file.block = BLOCK_OF_WORDS
    stop_at = time.process_time() + TEXT_SECONDS
    found: list[str] = []
    length = 0
    try:
        for index in range(count):
            text = _words_of(reader, document, index)
            found.append(text)
            length += len(text)
            spent = time.process_time() > stop_at or reader.file.fetched_bytes > TEXT_FETCHED_BYTES
            if spent or length > JOB_LIMITS.text_bytes or (length == 0 and index + 1 >= probed):
                break
    except (ImagingError, OverBudgetError):
        pass
    return plain("\n\n".join(text for text in found if text))


def _words_of(reader: _Reader, document: Any, index: int) -> str:
    """The words of a page, from the top; none where the page is damaged. Raises what reading the file raised."""
    try:
        page = document[index]
        try:
            words = page.get_textpage()
            text: str = words.get_text_range(0, min(words.count_chars(), JOB_LIMITS.text_bytes))
            words.close()
        finally:
            page.close()
    except (_pdfium.PdfiumError, AssertionError, ValueError, IndexError):
        text = ""
    reader.check()
    return _LINE_END_HYPHEN.sub("", text).strip()
