"""Downloads with real bytes: ranges behind the redirect, HEAD as tools send it, and an archive of what was stored."""

import io
import shutil
import subprocess
import zipfile

import pytest

from factories import images, patient
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow


def test_ranges_are_answered_behind_the_redirect_and_head_needs_none(stack: LocalStack, ana: Person) -> None:
    photo = images.jpeg(640, 480)
    upload = ana.upload("caf\u00e9 \u201cx\u201d.jpg", photo, mime_type="image/jpeg")
    at = f"/v1/items/{upload['item_id']}/content"
    told = ana.http.head(at, follow_redirects=False)
    assert (told.status_code, told.headers["content-length"]) == (200, str(len(photo)))
    with patient.Client(base_url=stack.url, headers=ana.http.headers, follow_redirects=True) as http:
        part = http.get(at, headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, photo[10:20])
        assert part.headers["etag"] == told.headers["etag"]
        assert part.headers["content-disposition"] == told.headers["content-disposition"]
        assert part.headers["content-type"] == told.headers["content-type"]
        tail = http.get(at, headers={"Range": f"bytes={len(photo) - 5}-"})
        assert tail.content == photo[-5:]
        assert http.get(at, headers={"Range": f"bytes={len(photo)}-"}).status_code == 416
    assert ana.http.get(at, headers={"If-None-Match": told.headers["etag"]}, follow_redirects=False).status_code == 304


@pytest.mark.skipif(shutil.which("curl") is None, reason="the system has no curl to try it with")
def test_curl_asks_and_fetches(stack: LocalStack, ana: Person) -> None:
    photo = images.jpeg(320, 240)
    upload = ana.upload("curl.jpg", photo, mime_type="image/jpeg")
    url = f"{stack.url}/v1/items/{upload['item_id']}/content"
    curl = ["curl", "-sS", "--fail", "-K", "-", url]
    token = f'header = "Authorization: {ana.http.headers["Authorization"]}"\n'.encode()
    head = subprocess.run([*curl, "-I", "-L"], input=token, capture_output=True, check=True).stdout.decode().lower()
    assert f"content-length: {len(photo)}" in head
    assert subprocess.run([*curl, "-L"], input=token, capture_output=True, check=True).stdout == photo


def test_an_archive_holds_what_was_stored_and_the_activity_tells_of_it(ana: Person) -> None:
    large, small = images.jpeg(2400, 1800, quality=95), images.jpeg(320, 240)
    folder = ana.folder("To take along")["id"]
    ana.folder("empty", folder)
    ana.upload("large.jpg", large, parent=folder, mime_type="image/jpeg")
    ana.upload("small.jpg", small, parent=folder, mime_type="image/jpeg")
    asked = ana.http.post("/v1/archives", json={"item_ids": [folder]})
    assert asked.status_code == 201, asked.text
    url = asked.json()["url"]
    assert f"/v1/archives/{asked.json()['id']}?ticket=" in url
    with patient.Client() as browser:  # without a token
        answer = browser.get(url)
        assert answer.status_code == 200, answer.text
        assert browser.get(url).json()["code"] == "ticket_required"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as found:
        assert found.testzip() is None
        assert sorted(found.namelist()) == [
            "To take along/",
            "To take along/empty/",
            "To take along/large.jpg",
            "To take along/small.jpg",
        ]
        assert found.read("To take along/large.jpg") == large
        assert found.read("To take along/small.jpg") == small
    query = {"action": "downloaded", "item_id": folder}
    page = ana.wait_for(lambda: ana.get("/v1/activity", **query), lambda page: bool(page["items"]), within_seconds=30)
    assert (page["items"][0]["reason"], page["items"][0]["item"]["name"]) == ("archive", "To take along")
