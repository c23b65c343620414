"""The story: a photo goes up and comes back with a thumbnail. Then everything that is not a good photo."""

import hashlib
import io

import pytest
from PIL import Image

from factories import images, patient
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow


def test_a_photo_goes_up_and_comes_back_with_a_thumbnail(stack: LocalStack, ana: Person) -> None:
    photo = images.jpeg(1600, 1200)
    holiday = ana.folder("Holiday")
    upload = ana.upload("beach.jpg", photo, parent=holiday["id"], mime_type="image/jpeg")
    assert upload["state"] == "committed", upload
    item = ana.previewed(upload["item_id"])

    (listed,) = ana.children(holiday["id"], include="thumbnail")
    assert (listed["id"], listed["name"], listed["size"]) == (item["id"], "beach.jpg", len(photo))
    assert (listed["mime_type"], listed["type"]) == ("image/jpeg", "image")
    assert listed["preview"]["status"] == "ready"

    thumbnail = patient.get(listed["preview"]["thumbnail_url"])
    assert thumbnail.status_code == 200, thumbnail.text
    assert thumbnail.headers["content-type"] == "image/webp"
    with Image.open(io.BytesIO(thumbnail.content)) as picture:
        assert picture.format == "WEBP"
        assert picture.size == (400, 300)

    preview = ana.http.get(f"/v1/items/{item['id']}/preview", follow_redirects=False)
    assert preview.status_code == 302
    assert patient.get(preview.headers["location"]).content == thumbnail.content

    content = ana.http.get(f"/v1/items/{item['id']}/content", follow_redirects=False)
    assert content.status_code == 302
    back = patient.get(content.headers["location"])
    assert hashlib.sha256(back.content).digest() == hashlib.sha256(photo).digest()
    assert "attachment" in back.headers["content-disposition"]


def test_the_timeline_tells_every_step_of_an_upload(ana: Person) -> None:
    upload = ana.upload("steps.jpg", images.jpeg(640, 480), mime_type="image/jpeg")
    ana.previewed(upload["item_id"])
    steps = [step["step"] for step in ana.get(f"/v1/uploads/{upload['id']}/timeline")["steps"]]
    assert steps[0] == "created"
    for step in ("received", "cleared", "committed"):
        assert step in steps
    assert steps.index("received") < steps.index("cleared") <= steps.index("committed")
    assert steps.index("dispatched") < steps.index("verdict_started") < steps.index("cleared")
    assert steps[-2:] == ["preview_started", "preview_ready"]


def test_a_file_appears_without_the_client_ever_saying_that_it_is_done(ana: Person) -> None:
    photo = images.jpeg(640, 480)
    started = ana.announce("silent.jpg", len(photo), mime_type="image/jpeg")
    assert ana.send(started, photo).status_code == 200
    assert ana.finished(started["id"])["state"] == "committed"


def test_a_program_named_like_a_photo_is_rejected_and_says_why(ana: Person) -> None:
    upload = ana.upload("invoice.jpg", images.program(), mime_type="image/jpeg")
    assert upload["state"] == "rejected"
    assert upload["reason"] == "executable_in_disguise"
    assert "program" in upload["detail"]
    assert ana.children() == []
    assert ana.get("/v1/usage")["used"] == 0


def test_a_truncated_photo_is_kept_and_its_preview_failed_as_corrupt(ana: Person) -> None:
    broken = images.cut(images.jpeg(1600, 1200))
    upload = ana.upload("cut.jpg", broken, mime_type="image/jpeg")
    assert upload["state"] == "committed"
    item = ana.previewed(upload["item_id"])
    assert (item["preview"]["status"], item["preview"]["reason"]) == ("failed", "corrupt")
    refused = ana.http.get(f"/v1/items/{item['id']}/preview", follow_redirects=False)
    assert (refused.status_code, refused.json()["code"]) == (404, "preview_unavailable")
    link = ana.http.get(f"/v1/items/{item['id']}/content", follow_redirects=False).headers["location"]
    assert patient.get(link).content == broken


def test_an_empty_file_is_a_file(ana: Person) -> None:
    upload = ana.upload("nothing.txt", b"", mime_type="text/plain")
    assert upload["state"] == "committed"
    item = ana.get(f"/v1/items/{upload['item_id']}")
    assert (item["size"], item["preview"]["status"]) == (0, "none")
    link = ana.http.get(f"/v1/items/{item['id']}/content", follow_redirects=False).headers["location"]
    assert patient.get(link).content == b""


def test_an_honest_program_is_kept_but_never_shown_inline(ana: Person) -> None:
    upload = ana.upload("setup.exe", images.program())
    assert upload["state"] == "committed"
    link = ana.http.get(f"/v1/items/{upload['item_id']}/content?disposition=inline", follow_redirects=False)
    assert "attachment" in patient.get(link.headers["location"]).headers["content-disposition"]


def test_the_test_virus_is_rejected(ana: Person) -> None:
    upload = ana.upload("readme.txt", images.eicar(), mime_type="text/plain")
    assert (upload["state"], upload["reason"]) == ("rejected", "test_virus")


@pytest.mark.parametrize(
    ("change", "refused_with"),
    [("longer", {400, 403}), ("another type", {403}), ("no precondition", {403})],
)
def test_the_signed_address_takes_exactly_what_was_announced(ana: Person, change: str, refused_with: set[int]) -> None:
    photo = images.jpeg(320, 240)
    started = ana.announce("bound.jpg", len(photo), mime_type="image/jpeg")
    single = started["single"]
    headers = dict(single["headers"])
    if change == "longer":
        photo += b"!"
        headers["content-length"] = str(len(photo))
    elif change == "another type":
        headers["content-type"] = "text/html"
    else:
        headers.pop("if-none-match")
    answer = patient.put(single["url"], headers=headers, content=photo)
    assert answer.status_code in refused_with
    assert ana.get(f"/v1/uploads/{started['id']}")["state"] == "created"


def test_bytes_cannot_be_replaced_after_they_were_sent(ana: Person) -> None:
    photo = images.jpeg(320, 240)
    started = ana.announce("once.jpg", len(photo), mime_type="image/jpeg")
    assert ana.send(started, photo).status_code == 200
    assert ana.send(started, bytes(len(photo))).status_code == 412
    upload = ana.finished(started["id"])
    link = ana.http.get(f"/v1/items/{upload['item_id']}/content", follow_redirects=False).headers["location"]
    assert patient.get(link).content == photo


def test_two_uploads_racing_for_one_name_end_as_a_file_and_a_conflict_that_can_be_resolved(ana: Person) -> None:
    first, second = images.jpeg(320, 240, seed=1), images.jpeg(320, 240, seed=2)
    one = ana.announce("same.jpg", len(first), mime_type="image/jpeg")
    two = ana.announce("same.jpg", len(second), mime_type="image/jpeg")
    assert ana.send(one, first).status_code == 200
    assert ana.send(two, second).status_code == 200
    ends = [ana.finished(one["id"]), ana.finished(two["id"])]
    assert sorted(end["state"] for end in ends) == ["committed", "conflict"]
    loser = next(end for end in ends if end["state"] == "conflict")
    assert (loser["reason"], loser["suggested_name"]) == ("name_taken", "same (1).jpg")
    resolved = ana.http.patch(f"/v1/uploads/{loser['id']}", json={"name": loser["suggested_name"]})
    assert resolved.status_code == 200, resolved.text
    assert ana.finished(loser["id"])["state"] == "committed"
    assert sorted(item["name"] for item in ana.children()) == ["same (1).jpg", "same.jpg"]


def test_a_stranger_sees_nothing_of_it(stack: LocalStack, ana: Person) -> None:
    upload = ana.upload("private.jpg", images.jpeg(320, 240), mime_type="image/jpeg")
    mallory = Person.at(stack.url)
    absent = "0193439e-8a5c-7000-8000-00000000dead"
    for path in ("", "/content", "/preview", "/children", "/download-url"):
        answers = [
            mallory.http.get(f"/v1/items/{item_id}{path}", follow_redirects=False) for item_id in (upload["item_id"], absent)
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].json()["title"] == answers[1].json()["title"]
    assert mallory.http.get(f"/v1/uploads/{upload['id']}").status_code == 404
    assert mallory.children() == []
