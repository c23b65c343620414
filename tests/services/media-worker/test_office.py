"""Office documents: the picture that they carry and their words, by few requests, and never what a hostile one wants."""

import random
from collections.abc import AsyncIterator

import pytest

from coffer_media_worker import domain, kinds, office
from coffer_media_worker.children import Children
from coffer_media_worker.domain import PreviewFailed, PreviewFailure, Rendered
from coffer_media_worker.ranged import OverBudgetError
from factories import documents, images
from factories.children import PATIENT
from factories.reading import Read

BOXES = (400, 1024, 2048)
NOISE = random.Random(7).randbytes(6 << 20)
ODT = (
    "<text:h>Title</text:h><text:p>a<text:s/>b <text:span>in <text:a>a link</text:a></text:span></text:p>beside"
    "<table:table><table:table-row><table:table-cell><text:p>cell</text:p></table:table-cell></table:table-row></table:table>"
)


def read(file: Read) -> Rendered:
    (told,) = office.draw(file, BOXES)
    return told


def made(content: bytes) -> Rendered:
    return read(Read(content, whole=True))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (documents.docx("Hello <w:br/>heron", "second"), "Hello \nheron\nsecond"),
        (documents.docx("a</w:t><w:tab/><w:t>b &amp; c"), "a\tb & c"),
        (documents.docx("x", more={"word/footnotes.xml": "<w:f xmlns:w='w'><w:t>note</w:t></w:f>"}), "x\n\nnote"),
        (documents.pptx(*[f"slide {number}" for number in range(1, 12)]), "slide 1\n\nslide 2\n\nslide 3\n\nslide 4"),
        (documents.xlsx("one", "two"), "one\ntwo"),
        (documents.xlsx("one", "two", inline=True), "one\ntwo"),
        (documents.odt(ODT), "Title\na b in a link\ncell"),
    ],
)
def test_the_words_are_told_in_their_order(content: bytes, text: str) -> None:
    assert made(content).text.decode().startswith(text)


def test_slides_are_counted() -> None:
    assert made(documents.pptx("one", "two")).facts == {"page_count": 2}
    assert made(documents.docx("one")).facts == {}


@pytest.mark.parametrize(
    "content",
    [
        documents.docx("words", picture=documents.thumbnail()),
        documents.pptx("words", picture=documents.thumbnail()),
        documents.odt("<text:p>words</text:p>", picture=images.png(256, 192)),
    ],
)
def test_the_picture_that_a_document_carries_is_shown(content: bytes) -> None:
    told = made(content)
    assert [(one.box, one.width, one.height, one.mime_type) for one in told.pictures] == [(400, 256, 192, "image/webp")]
    assert told.placeholder[8:12] == b"WEBP"
    assert told.text == b"words"
    assert "sha256" not in told.facts
    assert told.source_width is None


def test_a_damaged_picture_costs_no_words_and_damaged_words_no_picture() -> None:
    assert made(documents.docx("words", picture=b"\xff\xd8\xff")).text == b"words"
    told = made(documents.docx("<broken", picture=documents.thumbnail()))
    assert (len(told.pictures), told.text) == (1, b"")


def test_words_that_do_not_unpack_cost_no_picture() -> None:
    content = bytearray(documents.docx("words " * 50, picture=documents.thumbnail()))
    at = content.rfind(b"word/document.xml", 0, content.find(b"PK\1\2")) + len("word/document.xml")
    content[at : at + 8] = bytes(8)
    told = made(bytes(content))
    assert (len(told.pictures), told.text) == (1, b"")


def test_a_picture_that_says_it_is_huge_is_not_fetched() -> None:
    content = bytearray(documents.docx("words", picture=documents.thumbnail(), more={"media/film.mp4": NOISE}))
    at = content.find(b"PK\1\2", content.find(b"PK\1\2") + 4)
    assert content[at + 46 : at + 65] == b"docProps/thumbnail."
    content[at + 20 : at + 24] = (50 << 20).to_bytes(4, "little")
    file = Read(bytes(content))
    assert (read(file).pictures, file.asked_bytes < 300_000) == ((), True)


@pytest.mark.parametrize("stem", ["docx", "xlsx", "pptx", "odt"])
def test_the_verdict_knows_them_and_people_wait_for_their_picture(stem: str) -> None:
    content = {
        "docx": documents.docx("x"),
        "xlsx": documents.xlsx("x"),
        "pptx": documents.pptx("x"),
        "odt": documents.odt("<text:p/>"),
    }[stem]
    verdict = domain.judge(content, b"", len(content), f"file.{stem}", None)
    assert kinds.treatment(verdict.mime_type) == kinds.OFFICE
    assert kinds.expects_preview(verdict)


def test_of_a_large_document_three_requests_read_picture_and_words() -> None:
    content = documents.docx("words", picture=documents.thumbnail(), more={"media/film.mp4": NOISE})
    file = Read(content)
    told = read(file)
    assert (len(told.pictures), told.text) == (1, b"words")
    assert len(file.asked) <= 3
    assert file.asked_bytes < 256 * 1024


def test_of_a_hundred_slides_before_a_film_three_requests_read_all_words() -> None:
    slides = [f"slide {number}" for number in range(1, 101)]
    file = Read(documents.pptx(*slides, picture=documents.thumbnail(), more={"media/film.mp4": NOISE}))
    told = read(file)
    assert told.text.decode().split("\n\n") == slides
    assert len(file.asked) <= 3
    assert file.asked_bytes < 512 * 1024


def test_a_document_that_cannot_be_read_is_no_corrupt_one() -> None:
    with pytest.raises(OverBudgetError):
        read(Read(documents.docx("words", more={"media/film.mp4": NOISE}), budget=1000))


def test_words_are_told_up_to_a_mebibyte() -> None:
    assert len(made(documents.docx(*["word " * 1000] * 1000)).text) == 1 << 20


@pytest.fixture(scope="module")
async def children() -> AsyncIterator[Children]:
    started = Children(2, PATIENT)
    await started.start()
    yield started
    await started.stop()


@pytest.mark.slow
async def test_in_the_jail_it_is_as_outside(children: Children) -> None:
    for content in (
        documents.docx("words", picture=documents.thumbnail()),
        documents.xlsx("words"),
        documents.pptx("words", picture=documents.thumbnail()),
        documents.odt(ODT, picture=images.png(256, 192)),
    ):
        assert await children.render(content, BOXES, task="office") == made(content)


@pytest.mark.slow
@pytest.mark.parametrize("name", documents.HOSTILE)
async def test_a_hostile_document_ends_as_expected_and_harms_nobody(children: Children, name: str) -> None:
    make, expected = documents.HOSTILE[name]
    starts = children.starts
    outcome = await children.render(make(), BOXES, task="office")
    assert (outcome.reason.value if isinstance(outcome, PreviewFailed) else "ready") in expected
    assert children.starts == starts


@pytest.mark.slow
@pytest.mark.parametrize("tenths", range(10))
async def test_a_document_that_is_cut_short_is_corrupt(children: Children, tenths: int) -> None:
    content = documents.docx("words", picture=documents.thumbnail())
    outcome = await children.render(content[: len(content) * tenths // 10], BOXES, task="office")
    assert isinstance(outcome, PreviewFailed)
    assert outcome.reason is PreviewFailure.CORRUPT
