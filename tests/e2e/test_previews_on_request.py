"""A photograph in a running system: its preview as JPEG, made anew, told where it was taken, and gone with its file."""

import io
from functools import partial
from typing import Any

import httpx
import pytest
from PIL import ExifTags, Image

from factories import images
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow


def photograph() -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Example Works"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "S", 2: (33.0, 51.0, 24.4), 3: "E", 4: (151.0, 12.0, 55.0)})
    return images.jpeg(1600, 1200, exif=exif)


def shown(who: Person, at: str, **parameters: str) -> httpx.Response:
    """The picture itself, as soon as it is there."""

    def ask() -> dict[str, Any]:
        answer = who.http.get(at, params=parameters, follow_redirects=False)
        return {"status": answer.status_code, "to": answer.headers.get("location", "")}

    answer = who.wait_for(ask, lambda got: bool(got["status"] != 202), within_seconds=60)
    assert answer["status"] == 302, answer
    return httpx.get(answer["to"], timeout=60)


def status_of(address: str) -> dict[str, Any]:
    return {"status": httpx.get(address, timeout=60).status_code}


def info(who: Person, at: str) -> dict[str, Any]:
    found: dict[str, Any] = who.wait_for(
        lambda: who.get(f"{at}/info"), lambda told: told["status"] != "pending", within_seconds=60
    )
    return found


def test_a_photograph_is_shown_as_jpeg_made_anew_and_forgotten(stack: LocalStack, ana: Person) -> None:
    item = ana.upload("sydney.jpg", photograph(), mime_type="image/jpeg")["item_id"]
    ana.previewed(item)
    at = f"/v1/items/{item}/preview"
    picture = shown(ana, at, format="jpeg", size="medium")
    assert (picture.headers["content-type"], picture.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    with Image.open(io.BytesIO(picture.content)) as drawn:
        assert (drawn.size, dict(drawn.getexif())) == ((1024, 768), {})
    assert shown(ana, at).headers["content-type"] == "image/webp"
    assert info(ana, at)["facts"]["location"] is None

    assert ana.http.put("/v1/items/root/settings", json={"keep_locations": True}).status_code == 200
    assert ana.http.post(at).status_code == 202
    told = info(ana, at)
    assert (told["status"], told["facts"]["location"]) == ("ready", {"latitude": -33.85678, "longitude": 151.21528})
    assert {one["mime_type"] for one in told["pictures"]} == {"image/webp"}
    ana.http.put("/v1/items/root/settings", json={"keep_locations": False})
    assert info(ana, at)["facts"]["location"] is None
    keys = [shown(ana, at, format=form) for form in ("jpeg", "webp")]
    addresses = [str(one.request.url) for one in keys]
    ana.http.delete(f"/v1/items/{item}")
    assert ana.http.delete(f"/v1/trash/{item}").status_code == 204
    for address in addresses:
        ana.wait_for(partial(status_of, address), lambda got: bool(got["status"] == 404), within_seconds=60)


def test_an_operator_has_what_failed_made_anew(stack: LocalStack, ana: Person) -> None:
    broken = ana.upload("broken.jpg", images.cut(photograph()), mime_type="image/jpeg")["item_id"]
    at = f"/v1/items/{broken}/preview"
    assert info(ana, at)["reason"] == "corrupt"
    before = info(ana, at)["made_at"]
    said = stack.run("coffer_files", "previews", "--reason", "corrupt")
    assert "Asked for " in said
    ana.wait_for(
        lambda: ana.get(f"{at}/info"),
        lambda told: told["status"] == "failed" and told["made_at"] > before,
        within_seconds=60,
    )
