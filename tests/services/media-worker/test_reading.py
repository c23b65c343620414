"""What is fetched of large documents, counted where the worker asks the bucket for it."""

import random
from collections.abc import AsyncIterator, Callable

import pytest

from coffer_chassis.testing import FixedClock, MemoryBlobs
from coffer_media_worker import kinds
from coffer_media_worker.children import Children
from coffer_media_worker.domain import SIZES, Rendered
from coffer_media_worker.sources import Stored, Whole
from factories import documents, images, pdfs
from factories.children import PATIENT

pytestmark = pytest.mark.slow  # real children

MB = 1_000_000
NOISE = random.Random(8).randbytes(6 * MB)
FILM = {"media/film.mp4": NOISE}
PICTURE = documents.thumbnail()

LARGE: dict[str, tuple[str, Callable[[], bytes], int, float, tuple[int, bool]]] = {
    "PDF, a scan of 40 MB": ("application/pdf", lambda: pdfs.scan(40, MB), 4, 1.1, (3, False)),
    "PDF of 2 MB of words": (
        "application/pdf",
        lambda: pdfs.pages(*[f"page {number} " + "words " * 300 for number in range(1000)]),
        8,
        2.3,
        (3, True),
    ),
    "docx of 6 MB": (documents.DOCX, lambda: documents.docx("words", picture=PICTURE, more=FILM), 3, 0.3, (1, True)),
    "pptx of 6 MB": (documents.PPTX, lambda: documents.pptx(*["words"] * 80, picture=PICTURE, more=FILM), 3, 0.4, (1, True)),
    "odt of 6 MB": (
        documents.ODT,
        lambda: documents.odt("<text:p>words</text:p>", images.png(256, 192), more=FILM),
        3,
        0.4,
        (1, True),
    ),
    "text of 5 MB": ("text/plain", lambda: b"words " * 900_000, 1, 1.05, (0, True)),
}
"""Type, content, most requests, most megabytes, and what is made of it: pictures, and whether words."""


@pytest.fixture(scope="module")
async def children() -> AsyncIterator[Children]:
    made = Children(2, PATIENT)
    await made.start()
    yield made
    await made.stop()


@pytest.mark.parametrize("name", LARGE)
async def test_of_a_large_document_little_is_fetched_by_few_requests(children: Children, name: str) -> None:
    mime_type, make, requests, megabytes, expected = LARGE[name]
    treated = kinds.treatment(mime_type)
    content, blobs = make(), MemoryBlobs(FixedClock())
    assert treated is not None
    assert treated.by_ranges
    assert len(content) > treated.whole_bytes
    etag = await blobs.write("blobs/owner/blob", content, content_type=mime_type)
    stored = Stored(blobs, "blobs/owner/blob", etag, len(content))
    made = await children.render(stored, SIZES, task=treated.task)
    assert isinstance(made, Rendered)
    assert (len(made.pictures), bool(made.text)) == expected
    assert stored.requests <= requests
    assert stored.read_bytes <= megabytes * MB


async def test_any_page_of_a_document_can_be_asked_for(children: Children) -> None:
    source = Whole(pdfs.pages("one", "two", "three"))
    made = await children.run(source, "page", boxes=[400], format="JPEG", page=3)
    assert isinstance(made, Rendered)
    assert [(one.page, one.mime_type) for one in made.pictures] == [(3, "image/jpeg")]
