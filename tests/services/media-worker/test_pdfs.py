"""Pages of PDF files as pictures, and their words: by as few requests as may be, whatever the file wants."""

import io
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from coffer_media_worker import pdfs
from coffer_media_worker.children import Children
from coffer_media_worker.domain import PreviewFailed, PreviewFailure, Rendered
from coffer_media_worker.ranged import OverBudgetError
from coffer_media_worker.refusals import CorruptError, EncryptedError, UnsupportedError
from factories import pdfs as files
from factories.reading import Read

BOXES = (400, 1024, 2048)
MB = 1_000_000


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    pdfs.warm_up()


def drawn(content: bytes, boxes: tuple[int, ...] = (400,), page: int = 1) -> Rendered:
    return Rendered.joined(list(pdfs.draw(Read(content, whole=True), boxes, page=page)))


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
    (picture,) = drawn(content, page=2).pictures
    assert picture.page == 2
    with Image.open(io.BytesIO(picture.content)) as shown:
        red = shown.convert("RGB").getpixel((100, 100))
    assert isinstance(red, tuple)
    assert red[0] > 240
    assert max(red[1:]) < 20


@pytest.mark.parametrize("page", [0, -1, 3, 1 << 40])
def test_a_page_that_is_not_there_is_refused(page: int) -> None:
    with pytest.raises(CorruptError):
        drawn(files.pages("one", "two"), page=page)


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
    made = Children(concurrency=2)
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
@pytest.mark.parametrize("tenths", range(1, 10))
async def test_a_file_that_is_cut_short_is_drawn_or_corrupt(children: Children, tenths: int) -> None:
    content = files.pages("one", "two", "three")
    made = await children.render(content[: len(content) * tenths // 10], BOXES, task="pdf")
    assert isinstance(made, Rendered) or made.reason is PreviewFailure.CORRUPT
