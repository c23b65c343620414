"""Folders are copied on the running system: pictures at once within a drive, bytes of their own in another one; and crashes."""

from typing import Any

import pytest

from factories import images, patient
from factories.people import Person
from factories.stacks import LocalStack, local_stack

pytestmark = pytest.mark.slow

PICTURE = images.jpeg(320, 240)


def grown(who: Person, *, width: int = 2) -> str:
    """A folder with folders with pictures in them; its id."""
    top: str = who.folder("holiday")["id"]
    for number in range(width):
        below = who.folder(f"day {number}", top)["id"]
        sent = who.upload("photo.jpg", PICTURE, parent=below, mime_type="image/jpeg")
        assert who.previewed(sent["item_id"])["preview"]["status"] == "ready"
    return top


def copied(who: Person, item_id: str, *, within_seconds: float = 60, **wish: Any) -> dict[str, Any]:
    """Have a folder copied; the job as it ended."""
    asked = who.http.post(f"/v1/items/{item_id}/copy", json={"parent_id": "root", **wish})
    assert asked.status_code == 202, asked.text
    return ended(who, asked.headers["location"], within_seconds=within_seconds)


def ended(who: Person, at: str, *, within_seconds: float = 60) -> dict[str, Any]:
    """Wait for the end of a job."""
    return who.wait_for(lambda: who.get(at), lambda job: bool(job["ended_at"]), within_seconds=within_seconds)


def pictures_of(who: Person, top: str) -> list[dict[str, Any]]:
    """The files two levels down, with the addresses of their previews."""
    return [
        item
        for folder in who.children(top)
        for item in who.children(folder["id"], include="thumbnail")
        if item["kind"] == "file"
    ]


def test_copies_in_a_drive_have_their_pictures_at_once_and_outlive_their_source(stack: LocalStack, ana: Person) -> None:
    top = grown(ana)
    used = ana.get("/v1/usage")["used"]
    job = copied(ana, top, name="again")
    assert (job["state"], job["result"]["copied"]) == ("succeeded", 5), job
    copies = pictures_of(ana, job["result"]["item_id"])
    assert [item["preview"]["status"] for item in copies] == ["ready", "ready"]
    assert ana.get("/v1/usage")["used"] == 2 * used
    assert ana.http.delete(f"/v1/items/{top}").status_code == 204
    emptied = ana.http.delete("/v1/trash")
    assert ended(ana, emptied.headers["location"])["result"] == {"freed_bytes": used}
    for item in copies:
        content = ana.http.get(f"/v1/items/{item['id']}/content", follow_redirects=False)
        assert patient.get(content.headers["location"]).content == PICTURE
        shown = ana.http.get(f"/v1/items/{item['id']}/preview", follow_redirects=False)
        assert patient.get(shown.headers["location"]).status_code == 200
    assert ana.get("/v1/usage")["used"] == used


def test_a_shared_folder_is_copied_into_the_own_drive_with_bytes_of_its_own(stack: LocalStack, ana: Person) -> None:
    bob = Person.at(stack.url)
    top = grown(ana)
    ana.share(top, bob)
    bob.sees(top)
    job = copied(bob, top)
    assert job["state"] == "succeeded", job
    [first, second] = pictures_of(bob, job["result"]["item_id"])
    assert first["owner"]["id"] == second["owner"]["id"] == bob.id
    assert bob.get("/v1/usage")["used"] == ana.get("/v1/usage")["used"]
    for item in (first, second):
        assert bob.previewed(item["id"])["preview"]["status"] == "ready"
        content = bob.http.get(f"/v1/items/{item['id']}/content", follow_redirects=False)
        assert bob.id in content.headers["location"]
        assert patient.get(content.headers["location"]).content == PICTURE


def test_a_copy_goes_on_after_everything_was_killed() -> None:
    with local_stack() as stack:
        ana, bob = Person.at(stack.url), Person.at(stack.url)
        top = ana.folder("many")["id"]
        first = ana.upload("0.jpg", PICTURE, parent=top, mime_type="image/jpeg")["item_id"]
        for number in range(1, 41):
            answer = ana.http.post(f"/v1/items/{first}/copy", json={"parent_id": top, "name": f"{number}.jpg"})
            assert answer.status_code == 201, answer.text
        ana.share(top, bob)
        bob.sees(top)
        asked = bob.http.post(f"/v1/items/{top}/copy", json={"parent_id": "root"})
        at = asked.headers["location"]
        bob.wait_for(lambda: bob.get(at), lambda job: job["progress"]["done"] > 1, within_seconds=60)
        stack.kill_everything()
        stack.start()
        ana, bob = ana.through(stack.url), bob.through(stack.url)
        bob.sign_in()
        job = ended(bob, at, within_seconds=60)
        assert (job["state"], job["result"]["copied"]) == ("succeeded", 42), job
        names = sorted(int(item["name"].removesuffix(".jpg")) for item in bob.children(job["result"]["item_id"]))
        assert names == list(range(41))
        assert bob.get("/v1/usage")["used"] == 41 * len(PICTURE)
