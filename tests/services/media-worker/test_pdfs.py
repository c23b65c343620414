"""Pages of PDF files as pictures, and their words: by as few requests as may be, whatever the file wants."""

import asyncio
import io
from collections.abc import AsyncIterator
from functools import partial

import pytest
from PIL import Image

from coffer_chassis.testing import MemoryBlobs
from coffer_media_worker import pdfs
from coffer_media_worker.children import Children
from coffer_media_worker.domain import PreviewFailed, PreviewFailure, Rendered
from coffer_media_worker.encoding import encode
from coffer_media_worker.ranged import OverBudgetError, Ranged
from coffer_media_worker.refusals import EncryptedError, NoSuchPageError, TooLargeError, UnsupportedError
from coffer_media_worker.sources import Remembered, Stored
from factories import pdfs as files
from factories.children import PATIENT
from factories.reading import Read

BOXES = (400, 1024, 2048)
MB = 1_000_000


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    pdfs.warm_up()


def drawn(content: bytes, boxes: tuple[int, ...] = (400,)) -> Rendered:
    return Rendered.joined(list(pdfs.draw(Read(content, whole=True), boxes)))


def turned_to(content: bytes, page: int, box: int = 400, form: str = "WEBP") -> Rendered:
    return pdfs.draw_page(Read(content, whole=True), box, form, page)


def test_the_first_page_comes_in_all_sizes_the_small_one_before_the_others() -> None:
    first, rest = pdfs.draw(Read(files.pages("one", "two"), whole=True), BOXES)
    assert first.more
    assert not rest.more
    assert [(one.box, one.width, one.height, one.page) for one in first.pictures] == [(400, 283, 400, 1)]
    assert [(one.box, one.width, one.height) for one in rest.pictures] == [(1024, 724, 1024), (2048, 1447, 2048)]
    assert (first.facts, rest.text) == ({"page_count": 2}, b"one\n\ntwo")
    assert first.placeholder[8:12] == b"WEBP"


def test_a_page_is_drawn_on_white_and_the_right_way_up() -> None:
    (picture,) = drawn(files.pages("")).pictures
    with Image.open(io.BytesIO(picture.content)) as shown:
        paper, square = shown.convert("RGB").getpixel((200, 20)), shown.convert("RGB").getpixel((60, 330))
    assert isinstance(paper, tuple)
    assert isinstance(square, tuple)
    assert min(paper) > 250
    assert square[2] > 200
    assert max(square[:2]) < 60


def test_any_page_can_be_drawn() -> None:
    content = files.document([files.said("one"), b"1 0 0 rg 0 0 595 842 re f"])
    made = turned_to(content, 2)
    (picture,) = made.pictures
    assert (picture.page, picture.box) == (2, 400)
    assert (made.text, made.placeholder, made.facts) == (b"", b"", {}), "only what was asked for"
    with Image.open(io.BytesIO(picture.content)) as shown:
        red = shown.convert("RGB").getpixel((100, 100))
    assert isinstance(red, tuple)
    assert red[0] > 240
    assert max(red[1:]) < 20


@pytest.mark.parametrize("page", [0, -1, 3, 1 << 40])
def test_a_page_that_is_not_there_is_refused(page: int) -> None:
    with pytest.raises(NoSuchPageError):
        turned_to(files.pages("one", "two"), page)


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize(("form", "mime_type"), [("WEBP", "image/webp"), ("JPEG", "image/jpeg")])
def test_a_page_is_drawn_as_large_and_in_the_form_it_is_wanted(box: int, form: str, mime_type: str) -> None:
    (picture,) = turned_to(files.pages("one", "two", "three"), 3, box, form).pictures
    assert (picture.mime_type, picture.height, picture.box, picture.page) == (mime_type, box, box, 3)


def test_a_page_that_is_all_noise_is_shown_more_coarsely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdfs, "encode", _fastidious)
    (picture,) = turned_to(files.pages("one", "two"), 2, 2048).pictures
    assert (picture.box, picture.height) == (2048, 1024)


def _fastidious(picture: Image.Image, form: str, box: int) -> bytes:
    if max(picture.size) > 1024:
        raise TooLargeError("noise")
    return encode(picture, form, box)


def test_of_a_scan_of_forty_megabytes_a_page_is_read_and_where_those_before_it_stand() -> None:
    file = Read(files.scan(40, MB))
    assert len(pdfs.draw_page(file, 2048, "WEBP", 30).pictures) == 1
    assert len(file.asked) <= 30 + 5
    assert file.asked_bytes <= 1.4 * MB


def test_the_next_page_of_a_scan_reads_little_besides_itself() -> None:
    content = files.scan(40, MB)
    blobs, remembered = MemoryBlobs(), Remembered()
    etag = asyncio.run(blobs.write("blobs/a/b", content, content_type="application/pdf"))
    for page, most in ((29, 35), (30, 5), (29, 3), (31, 5)):
        stored = Stored(blobs, "blobs/a/b", etag, len(content), remembered=remembered)
        file = Ranged(len(content), partial(_fetched, stored))
        assert len(pdfs.draw_page(file, 400, "WEBP", page).pictures) == 1
        assert stored.requests <= most, page
    assert asyncio.run(stored.read_range(0, 7)) == content[:8]


def _fetched(stored: Stored, first: int, last: int) -> bytes:
    return asyncio.run(stored.read_range(first, last))


def test_what_is_remembered_is_bounded_and_never_another_content() -> None:
    remembered = Remembered(most_bytes=100, largest_bytes=40)
    for number in range(5):
        remembered.keep("k", f"e{number}", 0, 29, b"%d" % number * 30)
    remembered.keep("k", "large", 0, 40, b"x" * 41)
    found = [remembered.find("k", f"e{number}", 0, 29) for number in range(5)]
    assert found == [None, None, b"2" * 30, b"3" * 30, b"4" * 30]
    assert [remembered.find("k", "large", 0, 40), remembered.find("k", "e4", 0, 28)] == [None, None]
    remembered.find("k", "e2", 0, 29)
    remembered.keep("k", "e5", 0, 29, b"5" * 30)
    remembered.keep("k", "e5", 0, 29, b"5" * 30)
    assert remembered.find("k", "e2", 0, 29) is not None
    assert remembered.find("k", "e3", 0, 29) is None, "it was not asked for longest"


@pytest.mark.parametrize("size", [(14_400_000, 14_400_000), (3, 3), (0.01, 0.01), (100_000, 1), (1, 100_000)])
def test_a_page_fills_its_box_whatever_its_measure(size: tuple[float, float]) -> None:
    (picture,) = drawn(files.pages("x", size=size)).pictures
    assert max(picture.width, picture.height) == 400


def test_words_of_all_pages_are_told_up_to_a_mebibyte() -> None:
    told = drawn(files.pages(*[f"page {number} " + "word " * 200 for number in range(1500)])).text
    assert told.startswith(b"page 0 word")
    assert b"page 600 " in told
    assert 0.9 < len(told) / (1 << 20) <= 1


def test_a_file_that_asks_for_a_password_is_encrypted() -> None:
    with pytest.raises(EncryptedError):
        drawn(files.locked())


def test_a_file_that_opens_without_a_password_is_shown() -> None:
    assert len(drawn(files.locked(b"")).pictures) == 1


def test_of_a_scan_of_forty_megabytes_four_requests_read_a_fortieth() -> None:
    file = Read(files.scan(40, MB))
    made = Rendered.joined(list(pdfs.draw(file, BOXES)))
    assert (len(made.pictures), made.facts, made.text) == (3, {"page_count": 40}, b"")
    assert len(file.asked) <= 4
    assert file.asked_bytes <= 1.1 * MB


@pytest.mark.slow
def test_of_a_scan_of_small_pages_some_are_looked_into() -> None:
    file = Read(files.scan(300, 140_000))
    assert Rendered.joined(list(pdfs.draw(file, (400,)))).text == b""
    assert file.asked_bytes < 3 * MB


def test_a_cover_without_words_does_not_hide_those_behind_it() -> None:
    content = files.document([b"1 0 0 rg 0 0 595 842 re f", *[files.said(f"page {n} " + "x" * 9000) for n in range(300)]])
    file = Read(content)
    assert b"page 40 " in Rendered.joined(list(pdfs.draw(file, (400,)))).text
    assert file.asked_bytes <= len(content)
    assert len(file.asked) <= 8


def test_a_file_that_cannot_be_read_is_no_corrupt_one() -> None:
    with pytest.raises(OverBudgetError):
        list(pdfs.draw(Read(files.scan(40, MB), budget=500_000), BOXES))


@pytest.mark.slow
def test_words_that_cannot_be_fetched_cost_no_picture() -> None:
    content = files.document([files.said(f"page {n} " + "x" * 20_000) for n in range(300)])
    made = Rendered.joined(list(pdfs.draw(Read(content, budget=2 * MB), BOXES)))
    assert (len(made.pictures), made.text[:6]) == (3, b"page 0")


def test_without_pdfium_a_file_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdfs, "_pdfium", None)
    with pytest.raises(UnsupportedError):
        drawn(files.pages("one"))


@pytest.fixture(scope="module")
async def children() -> AsyncIterator[Children]:
    made = Children(2, PATIENT)
    await made.start()
    yield made
    await made.stop()


@pytest.mark.slow
async def test_in_the_jail_it_is_as_outside(children: Children) -> None:
    made = await children.render(files.pages("Hello heron"), BOXES, task="pdf")
    assert made == drawn(files.pages("Hello heron"), BOXES)


@pytest.mark.slow
@pytest.mark.parametrize("name", files.HOSTILE)
async def test_a_hostile_file_ends_as_expected_and_harms_nobody(children: Children, name: str) -> None:
    make, expected = files.HOSTILE[name]
    starts = children.starts
    made = await children.render(make(), BOXES, task="pdf")
    assert (made.reason.value if isinstance(made, PreviewFailed) else "ready") in expected
    assert children.starts == starts


@pytest.mark.slow
@pytest.mark.parametrize("page", [1, 2, 1000])
@pytest.mark.parametrize("name", files.HOSTILE)
async def test_no_page_of_a_hostile_file_harms_anybody(children: Children, name: str, page: int) -> None:
    make, expected = files.HOSTILE[name]
    starts = children.starts
    made = await children.render(make(), (2048,), task="page", page=page)
    said = made.reason.value if isinstance(made, PreviewFailed) else "ready"
    assert said in expected | {"no_such_page", "corrupt", "timeout"}
    assert children.starts == starts


@pytest.mark.slow
async def test_in_the_jail_a_page_is_as_outside(children: Children) -> None:
    content = files.pages("one", "two", "three")
    for form in ("WEBP", "JPEG"):
        assert await children.render(content, (1024,), form, task="page", page=3) == turned_to(content, 3, 1024, form)


@pytest.mark.slow
@pytest.mark.parametrize("tenths", range(1, 10))
async def test_a_file_that_is_cut_short_is_drawn_or_corrupt(children: Children, tenths: int) -> None:
    content = files.pages("one", "two", "three")
    made = await children.render(content[: len(content) * tenths // 10], BOXES, task="pdf")
    assert isinstance(made, Rendered) or made.reason is PreviewFailure.CORRUPT
