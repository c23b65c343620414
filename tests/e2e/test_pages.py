"""A document of three pages in a running system: leafed through by its owner, shown as JPEG, made anew, and gone."""

import io
from functools import partial
from typing import Any

import httpx
import pytest
from PIL import Image

from factories import pdfs
from factories.people import Person

pytestmark = pytest.mark.slow

RED = b"1 0 0 rg 0 0 595 842 re f"


def turned(who: Person, at: str, page: int, **parameters: str) -> httpx.Response:
    """The picture of a page, as soon as it is there."""

    def ask() -> dict[str, Any]:
        answer = who.http.get(at, params={"page": page, **parameters}, follow_redirects=False)
        return {"status": answer.status_code, "to": answer.headers.get("location", "")}

    answer = who.wait_for(ask, lambda got: bool(got["status"] != 202), within_seconds=60)
    assert answer["status"] == 302, answer
    return httpx.get(answer["to"], timeout=20)


def colour(picture: httpx.Response) -> tuple[tuple[int, int], Any]:
    with Image.open(io.BytesIO(picture.content)) as drawn:
        return drawn.size, drawn.convert("RGB").getpixel((drawn.width // 2, drawn.height // 2))


def status_of(address: str) -> dict[str, Any]:
    return {"status": httpx.get(address, timeout=20).status_code}


def test_a_document_is_leafed_through_and_its_pages_go_with_it(ana: Person) -> None:
    content = pdfs.document([pdfs.said("one"), pdfs.said("two"), RED])
    item = ana.upload("leaves.pdf", content, mime_type="application/pdf")["item_id"]
    assert ana.previewed(item)["preview"]["status"] == "ready"
    at = f"/v1/items/{item}/preview"
    assert ana.get(f"{at}/info")["facts"]["page_count"] == 3

    red = turned(ana, at, 3, size="large")
    assert red.headers["content-type"] == "image/webp"
    size, middle = colour(red)
    assert size == (1447, 2048)
    assert middle[0] > 240
    assert max(middle[1:]) < 20
    assert colour(turned(ana, at, 2))[0] == (283, 400)
    pressed = turned(ana, at, 3, format="jpeg")
    assert (pressed.headers["content-type"], pressed.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    answer = ana.http.get(at, params={"page": 4})
    assert (answer.status_code, answer.json()["reason"]) == (404, "no_such_page")

    assert ana.http.post(at).status_code == 202
    ana.wait_for(lambda: ana.get(f"{at}/info"), lambda told: bool(told["status"] == "ready"), within_seconds=60)
    assert ana.http.get(at, params={"page": 3, "size": "large"}, follow_redirects=False).status_code == 202, "drawn anew"
    addresses = [str(turned(ana, at, page, size="large").request.url) for page in (1, 2, 3)]
    ana.http.delete(f"/v1/items/{item}")
    assert ana.http.delete(f"/v1/trash/{item}").status_code == 204
    for address in addresses:
        ana.wait_for(partial(status_of, address), lambda got: bool(got["status"] == 404), within_seconds=60)
