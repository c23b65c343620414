"""The story of a link that collects files: a visitor sends one and sees nothing, its maker has it and hears of it."""

from collections.abc import Iterator

import httpx
import pytest

from factories import images
from factories.people import Person
from factories.stacks import LocalStack
from factories.visitors import linked, public, visitor

pytestmark = pytest.mark.slow

WITHIN_SECONDS = 30
"""Far more than it takes to hear of something."""


@pytest.fixture
def nobody(stack: LocalStack) -> Iterator[httpx.Client]:
    """A client without an account."""
    with httpx.Client(base_url=stack.url, timeout=30) as client:
        yield client


def begun(nobody: httpx.Client, headers: dict[str, str], folder: str, size: int) -> dict[str, str]:
    """An upload of a visitor, once files has heard of the link."""
    wanted = {"parent_id": folder, "name": "me.jpg", "size": size, "mime_type": "image/jpeg", "uploader_name": "Maria"}
    answered: list[httpx.Response] = []

    def ask() -> dict[str, int]:
        answered.append(nobody.post("/v1/uploads", json=wanted, headers=headers))
        return {"status": answered[-1].status_code}

    Person.wait_for(ask, lambda asked: asked["status"] == 201, within_seconds=WITHIN_SECONDS)
    upload: dict[str, str] = answered[-1].json()
    return upload


def test_a_file_request_from_the_link_to_the_notice(ana: Person, nobody: httpx.Client) -> None:
    folder = ana.folder("Applications")["id"]
    photo = images.jpeg(320, 240)
    ana.upload("me.jpg", photo, parent=folder, mime_type="image/jpeg")
    link = linked(ana, folder, mode="upload_only", notify_on_upload=True)
    headers = visitor(nobody, link)
    upload = begun(nobody, headers, folder, len(photo))
    assert ana.send(upload, photo).status_code == 200
    at = f"/v1/uploads/{upload['id']}"
    assert nobody.post(f"{at}/complete", headers=headers).status_code in {200, 202}
    done = Person.wait_for(
        lambda: nobody.get(at, headers=headers).json(), lambda seen: seen["state"] == "committed", within_seconds=WITHIN_SECONDS
    )
    assert done["resolved_name"] == "me.jpg", "under which name it lies is not for the visitor"
    for path in (f"/v1/items/{done['item_id']}", f"/v1/items/{folder}/children"):
        assert nobody.get(path, headers=headers).status_code == 404
    # Another visitor of the same link.
    assert nobody.get(at, headers=visitor(nobody, link)).status_code == 404
    # The same one, by a new token.
    longer = nobody.post(public(link, "/unlock"), json={"session": headers["Authorization"].removeprefix("Bearer ")})
    headers = {"Authorization": f"Bearer {longer.json()['access_token']}"}
    assert nobody.get(at, headers=headers).json()["state"] == "committed"
    assert {child["name"] for child in ana.children(folder)} == {"me.jpg", "me (1).jpg"}
    assert ana.get(at)["uploader_name"] == "Maria"
    feed = ana.wait_for(lambda: ana.get("/v1/notifications"), lambda feed: bool(feed["items"]), within_seconds=WITHIN_SECONDS)
    notice = feed["items"][0]
    assert (notice["type"], notice["item"]["id"], notice["data"]["uploader_name"]) == (
        "link_uploaded",
        folder,
        "Maria",
    )
    # Shut in the middle of the next one: the visitor is out, and what still comes waits for its owner.
    late = begun(nobody, headers, folder, len(photo))
    assert ana.http.patch(f"/v1/links/{link['id']}", json={"disabled": True}).status_code == 200
    Person.wait_for(
        lambda: {"status": nobody.get(f"/v1/uploads/{late['id']}", headers=headers).status_code},
        lambda asked: asked["status"] in {401, 404},
        within_seconds=WITHIN_SECONDS,
    )
    assert ana.send(late, photo).status_code == 200
    waiting = ana.wait_for(
        lambda: ana.get(f"/v1/uploads/{late['id']}"), lambda seen: seen["state"] == "conflict", within_seconds=WITHIN_SECONDS
    )
    assert waiting["reason"] == "rights_lost"
    assert ana.http.patch(f"/v1/uploads/{late['id']}", json={}).json()["state"] == "committed"
