"""Photos, operators and the old routes, on a running Coffer."""

import io
from typing import Any

import pytest
from PIL import Image

from factories import images, patient
from factories.people import PASSWORD, Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

WITHIN_SECONDS = 30
"""Far more than an event takes, far less than the ten minutes that a token lives."""


def send_photo(person: Person, content: bytes, mime_type: str = "image/jpeg") -> dict[str, Any]:
    """Announce a photo and send its bytes; what the announcement was answered with."""
    answer = person.http.put("/v1/me/photo", json={"size": len(content), "mime_type": mime_type})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    sent = patient.request(told["method"], told["url"], headers=told["headers"], content=content)
    assert sent.status_code == 200, sent.text
    return told


def ended(person: Person, photo_id: str) -> dict[str, Any]:
    """What became of the photo that was sent last, as soon as it is over."""
    sent: dict[str, Any] = person.wait_for(
        lambda: person.get("/v1/me")["sent_photo"],
        lambda sent: sent["id"] == photo_id and sent["state"] not in {"created", "received"},
        within_seconds=WITHIN_SECONDS,
    )
    return sent


def gone(person: Person, told: dict[str, Any], content: bytes) -> None:
    """The original is no longer in the bucket: its signed request, which overwrites nothing, would be taken again."""
    person.wait_for(
        lambda: {"status": patient.request("PUT", told["url"], headers=told["headers"], content=content).status_code},
        lambda again: again["status"] == 200,
        within_seconds=WITHIN_SECONDS,
    )


def picture_of(person: Person, path: str) -> Image.Image:
    moved = person.http.get(path, follow_redirects=False)
    assert moved.status_code == 302, moved.text
    shown = patient.get(moved.headers["location"])
    assert shown.status_code == 200
    assert shown.headers["content-type"] == "image/webp"
    return Image.open(io.BytesIO(shown.content))


def test_a_photo_is_sent_by_a_signed_request_and_shown_as_a_square(stack: LocalStack, ana: Person) -> None:
    content = images.jpeg(640, 480, orientation=6)
    told = send_photo(ana, content)
    assert ended(ana, told["id"])["state"] == "ready"
    ben = Person.at(stack.url)
    for person, path in ((ana, "/v1/me/photo"), (ben, f"/v1/users/{ana.id}/photo")):
        picture = picture_of(person, path)
        assert (picture.format, picture.size) == ("WEBP", (400, 400))
        assert not picture.getexif()
    gone(ana, told, content)
    assert ana.get("/v1/me")["photo"] == f"/v1/users/{ana.id}/photo"
    assert ana.http.delete("/v1/me/photo").status_code == 204
    assert ben.http.get(f"/v1/users/{ana.id}/photo").status_code == 404


def test_text_that_is_named_a_picture_is_refused_with_a_reason_and_deleted(ana: Person) -> None:
    content = b"This only says that it is a picture.\n" * 10
    told = send_photo(ana, content)
    assert ended(ana, told["id"]) == {
        "id": told["id"],
        "state": "rejected",
        "reason": "not_an_image",
        "detail": "The file is no JPEG, PNG, GIF, WebP, AVIF, HEIC, TIFF or BMP picture.",
    }
    gone(ana, told, content)
    assert ana.http.get("/v1/me/photo").status_code == 404


def test_a_suspended_person_is_refused_everywhere_within_the_bound(stack: LocalStack, ana: Person) -> None:
    boss = Person.at(stack.url)
    stack.run("coffer_auth", "grant-operator", boss.name)
    boss.sign_in()
    assert ana.children() == []
    answer = boss.http.patch(f"/v1/admin/auth/users/{ana.id}", json={"status": "suspended"})
    assert answer.status_code == 200, answer.text
    for path in ("/v1/items/root/children", "/v1/shares/by-me", "/v1/notifications", "/v1/me"):
        ana.wait_for(
            lambda path=path: {"status": ana.http.get(path).status_code},  # type: ignore[misc]  # a default, not a parameter
            lambda told: told["status"] == 401,
            within_seconds=WITHIN_SECONDS,
        )
    shut = ana.http.post("/v1/auth/login", json={"login": ana.name, "password": PASSWORD})
    assert (shut.status_code, shut.json()["code"]) == (403, "account_suspended")
    assert boss.http.patch(f"/v1/admin/auth/users/{ana.id}", json={"status": "active"}).status_code == 200
    ana.sign_in()
    assert ana.children() == []
    boss.wait_for(
        lambda: boss.get("/v1/audit", limit=100),
        lambda page: "user.suspended" in {entry["action"] for entry in page["items"]},
        within_seconds=WITHIN_SECONDS,
    )


def test_an_operator_gives_somebody_less_room(stack: LocalStack, ana: Person) -> None:
    boss = Person.at(stack.url)
    stack.run("coffer_auth", "grant-operator", boss.name)
    boss.sign_in()
    assert boss.http.patch(f"/v1/admin/auth/users/{ana.id}", json={"quota_bytes": 10}).status_code == 200
    ana.wait_for(lambda: ana.get("/v1/usage"), lambda usage: usage["limit"] == 10, within_seconds=WITHIN_SECONDS)
    refused = ana.http.post("/v1/uploads", json={"parent_id": "root", "name": "a.bin", "size": 11})
    assert (refused.status_code, refused.json()["code"]) == (403, "quota_exceeded")
    assert boss.http.patch(f"/v1/admin/auth/users/{ana.id}", json={"quota_bytes": None}).status_code == 200
    ana.wait_for(lambda: ana.get("/v1/usage"), lambda usage: usage["limit"] > 10, within_seconds=WITHIN_SECONDS)


def test_the_old_routes_take_somebody_from_signing_up_to_their_photo(stack: LocalStack) -> None:
    with patient.Client(base_url=stack.url) as http:
        Person.wait_for(lambda: http.get("/health").json(), lambda told: told == {"status": "healthy"}, within_seconds=60)
        assert http.get("/").json()["name"] == "Coffer"
        assert http.get("/", headers={"Accept": "text/html"}).text.startswith("<!doctype html>")
        name = "tourist-of-old-routes"
        made = http.post("/user", json={"username": name, "email": f"{name}@example.org", "password": PASSWORD})
        assert (made.status_code, list(made.json())) == (201, ["message"])
        wrong = http.post("/login", data={"username": name, "password": "wrong wrong"})
        assert wrong.status_code == 401
        assert isinstance(wrong.json()["detail"], str)
        pair = http.post("/login", data={"username": name, "password": PASSWORD}).json()
        http.headers["Authorization"] = f"{pair['token_type']} {pair['access_token']}"
        assert http.get("/verify-token").json() == {"status": "valid", "user_id": pair["user"]["id"]}
        content = images.png(500, 300)
        form = http.post("/profile-photo", params={"photo_size_in_bytes": len(content)}).json()
        for wrong_length in (content + b"!", content[:-1]):
            refused = patient.post(form["url"], data=form["fields"], files={"file": ("me.png", wrong_length)})
            assert refused.status_code in {400, 403}
        sent = patient.post(form["url"], data=form["fields"], files={"file": ("me.png", content)})
        assert sent.status_code in {200, 204}, sent.text
        asked = Person.wait_for(
            lambda: {"answer": http.get("/profile-photo")},
            lambda asked: asked["answer"].status_code == 200,
            within_seconds=WITHIN_SECONDS,
        )
        assert Image.open(io.BytesIO(patient.get(asked["answer"].json()).content)).size == (400, 400)
