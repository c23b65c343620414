"""Looking for things in the running system: names at once, texts when the media worker has told of one, shares when given."""

from functools import partial
from typing import Any

import pytest

from factories import documents, images, patient, pdfs
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow


def names(person: Person, **query: Any) -> list[str]:
    return [found["item"]["name"] for found in person.get("/v1/search", **query)["items"]]


def test_who_uploads_and_looks_finds_it_at_once_and_others_when_it_is_shared(stack: LocalStack, ana: Person) -> None:
    bob = Person.at(stack.url)
    folder = ana.folder("Sommerfotos")["id"]
    ana.upload("IMG_2024_strand.jpg", images.jpeg(64, 48), parent=folder, mime_type="image/jpeg")
    assert names(ana, q="strand") == ["IMG_2024_strand.jpg"]
    assert names(ana, q="2024", type="image", **{"in": folder}) == ["IMG_2024_strand.jpg"]
    assert names(bob, q="strand") == []
    ana.share(folder, bob, "viewer")
    bob.sees(folder)
    assert names(bob, q="strand") == ["IMG_2024_strand.jpg"]
    assert [item["name"] for item in bob.get("/v1/search/suggest", q="somm")["items"]] == ["Sommerfotos"]


def test_documents_are_found_by_what_they_say_and_those_with_a_picture_show_it(stack: LocalStack, ana: Person) -> None:
    slides = documents.pptx("Zaunkönig", picture=documents.thumbnail())
    said = {
        "bird.pdf": (pdfs.pages("Rohrdommel", "second page"), "application/pdf", "ready"),
        "slides.pptx": (slides, documents.PPTX, "ready"),
        "letter.docx": (documents.docx("Wiedehopf"), documents.DOCX, "none"),
        "notes.txt": ("Überweisung an die Stadtwerke".encode(), "text/plain", "none"),
    }
    uploads = {name: ana.upload(name, content, mime_type=mime_type) for name, (content, mime_type, _) in said.items()}
    for asked, name in (("rohrd", "bird.pdf"), ("zaunkonig", "slides.pptx"), ("wiede", "letter.docx"), ("stadtw", "notes.txt")):
        page = ana.wait_for(partial(ana.get, "/v1/search", q=asked), lambda page: bool(page["items"]), within_seconds=60)
        assert [found["item"]["name"] for found in page["items"]] == [name]
        item = ana.previewed(uploads[name]["item_id"])
        assert (item["preview"]["status"], item["mime_type"]) == (said[name][2], said[name][1])
    assert page["items"][0]["highlights"]["text"] == {
        "text": "Überweisung an die Stadtwerke",
        "ranges": [{"start": 19, "length": 6}],
    }
    info = ana.get(f"/v1/items/{uploads['bird.pdf']['item_id']}/preview/info")
    assert (info["facts"]["page_count"], info["text_excerpt"]) == (2, "Rohrdommel\n\nsecond page")
    assert [(one["box"], one["height"]) for one in info["pictures"]] == [(400, 400), (1024, 1024), (2048, 2048)]
    drawn = ana.http.get(f"/v1/items/{uploads['slides.pptx']['item_id']}/preview", follow_redirects=False)
    assert patient.get(drawn.headers["location"]).headers["content-type"] == "image/webp"
