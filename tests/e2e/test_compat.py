"""A client of the CloudDrive API: everything it does in the order in which it does it, with nothing it would not know."""

import shutil
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from factories import images, patient
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery staple 9"


class Client:
    """It knows paths, a token and JSON."""

    def __init__(self, url: str) -> None:
        self.name = f"drive{uuid4().hex[:10]}"
        self.http = httpx.Client(base_url=url, timeout=30)

    def told(self, method: str, path: str, **more: Any) -> Any:
        answer = self.http.request(method, path, **more)
        assert answer.status_code in {200, 201}, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def register(self) -> None:
        account = {"username": self.name, "email": f"{self.name}@example.org", "password": PASSWORD}
        assert "message" in self.told("POST", "/user", json=account)

    def sign_in(self) -> None:
        token = self.told("POST", "/login", data={"username": self.name, "password": PASSWORD})
        assert token["token_type"].lower() == "bearer"
        self.http.headers["Authorization"] = f"Bearer {token['access_token']}"

    def listed(self, folder: str | None = None) -> dict[str, Any]:
        path = f"/drive/{folder}" if folder else "/drive"
        entries = self.told("GET", path, params={"sort_by": "name", "order": "ASC"})["files_and_folders"]
        return {entry["name"]: entry for entry in entries}

    def waits_for(self, name: str, folder: str) -> dict[str, Any]:
        found = Person.wait_for(lambda: self.listed(folder), lambda names: name in names, within_seconds=60)
        entry: dict[str, Any] = found[name]
        return entry


@pytest.fixture
def client(stack: LocalStack) -> Any:
    client = Client(stack.url)
    yield client
    client.http.close()


def test_the_way_of_a_clouddrive_client(client: Client) -> None:
    photo = images.jpeg(1600, 1200)
    client.register()
    client.sign_in()
    assert client.told("GET", "/verify-token")["status"] == "valid"
    room = client.told("GET", "/drive")["user"]
    assert (room["username"], room["email"]) == (client.name, f"{client.name}@example.org")

    client.told("POST", "/drive", json={"folder_name": "Holiday"})
    folder = client.listed()["Holiday"]
    assert (folder["type"], folder["size_in_bytes"]) == (None, None)

    wanted = {"file_name": "beach.jpg", "file_size_in_bytes": len(photo), "parent_folder_id": folder["id"]}
    form = client.told("POST", "/file", json=wanted)
    sent = httpx.post(form["url"], data=form["fields"], files={"file": ("beach.jpg", photo, "image/jpeg")}, timeout=30)
    assert sent.status_code in {200, 201, 204}, sent.text

    file = client.waits_for("beach.jpg", folder["id"])
    assert (file["type"], file["size_in_bytes"], file["parent_folder_id"]) == ("jpg", len(photo), folder["id"])
    left = client.told("GET", "/drive")["user"]
    assert room["available_storage_in_bytes"] - left["available_storage_in_bytes"] == len(photo)

    url = client.told("GET", f"/file/{file['id']}")
    assert patient.get(url).content == photo

    refused = client.http.post("/file", json=wanted)
    assert (refused.status_code, isinstance(refused.json()["detail"], str)) == (409, True)

    client.told("PATCH", f"/file/{file['id']}", json={"file_name": "sunset", "parent_folder_id": folder["id"]})
    client.told("PATCH", f"/drive/{folder['id']}", json={"new_name": "Holiday 2026"})
    assert set(client.listed(folder["id"])) == {"sunset.jpg"}
    assert set(client.listed()) == {"Holiday 2026"}

    preview = Person.wait_for(
        lambda: {"answer": client.http.get(f"/image-preview/{file['id']}")},
        lambda asked: asked["answer"].status_code == 200,
        within_seconds=60,
    )["answer"].json()
    assert patient.get(preview).headers["content-type"].startswith("image/")


def test_the_way_of_two_clouddrive_clients_who_share(client: Client) -> None:
    client.register()
    client.sign_in()
    other = Client(str(client.http.base_url))
    other.register()
    other.sign_in()
    client.told("POST", "/drive", json={"folder_name": "Holiday"})
    folder = client.listed()["Holiday"]["id"]
    assert other.http.get(f"/drive/{folder}").status_code == 404
    assert other.told("GET", "/shared-with-me") == {"content": []}

    wanted = {"folder_id": folder, "username": other.name, "read": True, "write": True, "delete": False}
    # Who and what is this new is not known at once where it is shared.
    shared = Person.wait_for(
        lambda: {"answer": client.http.post("/share", json=wanted)},
        lambda asked: asked["answer"].status_code not in {404, 422},
        within_seconds=30,
    )["answer"]
    assert (shared.status_code, "message" in shared.json()) == (200, True), shared.text
    [entry] = other.told("GET", "/shared-with-me")["content"]
    assert (entry["id"], entry["name"], entry["username"], entry["type"]) == (folder, "Holiday", client.name, None)
    assert (entry["read"], entry["write"], entry["delete"]) == (True, True, False)
    assert client.http.post("/share", json=wanted).status_code == 409

    made = {"folder_name": "From the other", "parent_folder_id": folder}
    Person.wait_for(
        lambda: {"answer": other.http.post("/drive", json=made)},
        lambda asked: asked["answer"].status_code == 200,
        within_seconds=60,
    )
    inner = other.listed(folder)["From the other"]["id"]
    refused = other.http.delete(f"/v1/items/{inner}")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), "written, not removed"
    other.http.close()


def test_an_overwritten_form_is_not_what_was_checked(ana: Person) -> None:
    photo, other = images.jpeg(640, 480, seed=1), images.jpeg(640, 480, seed=2)
    size = max(len(photo), len(other))
    photo, other = photo.ljust(size, b"\0"), other.ljust(size, b"\0")
    started = ana.announce("form.jpg", size, mode="post_form")
    assert (started["strategy"], "single" in started) == ("post_form", False)
    send(started["form"], photo)
    send(started["form"], other)
    # Whichever was judged: the file is that one.
    ended = ana.finished(started["id"])
    assert ended["state"] in {"committed", "failed"}
    if ended["state"] == "committed":
        link = ana.http.get(f"/v1/items/{ended['item_id']}/content", follow_redirects=False).headers["location"]
        assert patient.get(link).content in {photo, other}


def test_a_form_takes_exactly_what_was_announced(ana: Person) -> None:
    started = ana.announce("exact.bin", 10, mode="post_form")
    for content in (b"x" * 9, b"x" * 11):
        assert send(started["form"], content).status_code in {400, 403}
    forged = {**started["form"], "fields": {**started["form"]["fields"], "key": "blobs/a/b"}}
    assert send(forged, b"x" * 10).status_code in {400, 403}
    assert ana.get(f"/v1/uploads/{started['id']}")["state"] == "created"


def test_the_test_virus_is_refused_by_form_as_well(ana: Person) -> None:
    content = images.eicar()
    started = ana.announce("readme.txt", len(content), mode="post_form")
    send(started["form"], content)
    ended = ana.finished(started["id"])
    assert (ended["state"], ended["reason"]) == ("rejected", "test_virus")


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_a_form_can_be_sent_with_curl(ana: Person, tmp_path: Path) -> None:
    photo = images.jpeg(320, 240)
    (tmp_path / "photo.jpg").write_bytes(photo)
    started = ana.announce("curl.jpg", len(photo), mode="post_form")
    fields = [part for name, value in started["form"]["fields"].items() for part in ("-F", f"{name}={value}")]
    command = [
        "curl",
        "--silent",
        "--show-error",
        "--fail",
        *fields,
        "-F",
        f"file=@{tmp_path}/photo.jpg",
        started["form"]["url"],
    ]
    subprocess.run(command, check=True, timeout=30, env={"NO_PROXY": "*", "PATH": "/usr/bin:/bin"})  # what is run stands above
    assert ana.finished(started["id"])["state"] == "committed"


def send(form: dict[str, Any], content: bytes) -> httpx.Response:
    """A form to the bucket, the bytes last."""
    return httpx.post(form["url"], data=form["fields"], files={"file": ("a.bin", content)}, timeout=30)
