"""The CloudDrive API's routes about files: its shapes, and refusals whose `detail` is a text as it was there."""

from typing import Any

import pytest
from httpx import AsyncClient, Response

from coffer_files.handlers.interactions import write_interactions
from coffer_files.handlers.landing import land
from coffer_files.routes import compat_drive
from factories.bytes import arrived, posted
from factories.files import Files, cleared, granted, person, registered

ABSENT = "0193439e-8a5c-7000-8000-00000000dead"


def told(answer: Response, successor: str) -> Any:
    assert answer.status_code == 200, answer.text
    assert f'<{successor}>; rel="successor-version"' in answer.headers["link"]
    assert "deprecation" not in answer.headers
    return answer.json()


async def made(http: AsyncClient, name: str, **more: Any) -> Any:
    return told(await http.post("/drive", json={"folder_name": name, **more}), "/v1/folders")


async def uploaded(files: Files, http: AsyncClient, name: str, size: int = 100, **more: Any) -> Any:
    """A file that came by form; the entry of the root folder that it is."""
    form = told(await http.post("/file", json={"file_name": name, "file_size_in_bytes": size, **more}), "/v1/uploads")
    assert form["url"]
    upload = await files.now(form["upload_id"])
    assert form["fields"]["key"] == f"incoming/{upload.id}"
    etag = await posted(files, upload)
    await files.handle(arrived(upload, etag), cleared(upload, etag=etag))
    await land(files.deps)
    return await files.now(upload)


async def test_the_root_folder_with_the_room_that_is_left(files: Files) -> None:
    await files.handle(registered(files.owner.user_id))
    async with files.client() as http:
        folder = await made(http, "Holiday")
        upload = await uploaded(files, http, "beach.JPG")
        listed = await http.get("/drive", params={"sort_by": "name"})
        root = (await http.get("/v1/items/root")).json()["id"]
        body = told(listed, f"/v1/items/{root}/children")
    assert body["user"] == {
        "username": "ada",
        "email": "ada@example.org",
        "available_storage_in_bytes": 999_900,
        "total_storage_in_bytes": 1_000_000,
    }
    file, shown = body["files_and_folders"]
    at = "2026-11-20T12:00:00.000Z"
    times = {"created_at": at, "last_interaction": at, "parent_folder_id": None}
    assert file == {"id": upload.item_id, "name": "beach.JPG", "size_in_bytes": 100, "type": "jpg", **times}
    assert shown == {"id": folder["id"], "name": "Holiday", "size_in_bytes": None, "type": None, **times}
    assert 'rel="next"' not in listed.headers["link"]


async def test_a_folder_without_the_room_that_is_left(files: Files) -> None:
    async with files.client() as http:
        outer = (await made(http, "Outer"))["id"]
        for name in ("b", "a"):
            await made(http, name, parent_folder_id=outer)
        body = told(await http.get(f"/drive/{outer}?sort_by=name&order=DESC"), f"/v1/items/{outer}/children")
        assert set(body) == {"files_and_folders"}
        assert [(entry["name"], entry["parent_folder_id"]) for entry in body["files_and_folders"]] == [
            ("b", outer),
            ("a", outer),
        ]
        file = await uploaded(files, http, "file")
        assert (await http.get(f"/drive/{file.item_id}")).status_code == 404
        assert (await http.get(f"/drive/{ABSENT}")).status_code == 404


@pytest.mark.parametrize("sort", ["name", "created_at", "last_interaction"])
@pytest.mark.parametrize("order", ["ASC", "DESC"])
async def test_what_does_not_fit_is_behind_a_link_to_the_route_to_prefer(
    files: Files, monkeypatch: pytest.MonkeyPatch, sort: str, order: str
) -> None:
    monkeypatch.setattr(compat_drive, "MOST", 2)
    async with files.client() as http:
        for name in "abcde":
            await made(http, name)
            files.clock.advance(seconds=1)
        first = await http.get("/drive", params={"sort_by": sort, "order": order})
        names = [entry["name"] for entry in first.json()["files_and_folders"]]
        assert len(names) == 2
        address: str | None = first.links["next"]["url"]
        assert address is not None
        rest = await http.get(address)
        assert rest.status_code == 200, rest.text
        names += [item["name"] for item in rest.json()["items"]]
        assert rest.json()["next_cursor"] is None
    assert names == sorted("abcde", reverse=order == "DESC")


async def test_the_last_interaction_is_ones_own(files: Files) -> None:
    async with files.client() as http:
        ids = [(await made(http, name))["id"] for name in "abc"]
        files.clock.advance(hours=1)
        await http.patch(f"/drive/{ids[0]}", json={"new_name": "d"})
        await write_interactions(files.deps.work, files.deps.interactions)
        entries = (await http.get("/drive?sort_by=last_interaction&order=DESC")).json()["files_and_folders"]
    assert (entries[0]["name"], entries[0]["last_interaction"]) == ("d", "2026-11-20T13:00:00.000Z")
    assert {entry["name"] for entry in entries} == {"b", "c", "d"}


async def test_addresses_are_bare_strings(files: Files) -> None:
    async with files.client() as http:
        upload = await uploaded(files, http, "beach.jpg")
        url = told(await http.get(f"/file/{upload.item_id}"), f"/v1/items/{upload.item_id}/download-url")
        assert isinstance(url, str)
        assert upload.blob_key in url
        assert "expires=60" in url
        waiting = await http.get(f"/image-preview/{upload.item_id}")
        assert (waiting.status_code, waiting.headers["retry-after"]) == (202, "1")
        folder = (await made(http, "F"))["id"]
        for path in (f"/file/{folder}", f"/image-preview/{folder}", f"/file/{ABSENT}", "/file/x"):
            assert (await http.get(path)).status_code == 404, path


@pytest.mark.parametrize(
    ("wanted", "called"),
    [
        ("sunset", "sunset.jpg"),
        ("sunset.png", "sunset.png"),
        ("a.b c", "a.b c.jpg"),
        (".hidden", ".hidden.jpg"),
        ("x.tar.gz", "x.tar.gz"),
    ],
)
async def test_a_file_keeps_its_extension_unless_another_is_given(files: Files, wanted: str, called: str) -> None:
    async with files.client() as http:
        upload = await uploaded(files, http, "beach.jpg")
        renamed = await http.patch(f"/file/{upload.item_id}", json={"file_name": wanted, "parent_folder_id": None})
        assert told(renamed, f"/v1/items/{upload.item_id}") == {
            "message": f"The file is called {called!r} now.",
            "id": upload.item_id,
            "name": called,
        }
        again = await http.patch(f"/file/{upload.item_id}", json={"file_name": wanted})
        assert again.json()["name"] == called


async def test_a_folder_is_renamed_where_it_lies(files: Files) -> None:
    async with files.client() as http:
        outer, other = (await made(http, "Outer"))["id"], (await made(http, "Other"))["id"]
        inner = (await made(http, "Inner", parent_folder_id=outer))["id"]
        wrong = await http.patch(f"/drive/{inner}", json={"new_name": "X", "parent_folder_id": other})
        assert (wrong.status_code, wrong.json()["code"]) == (409, "state_conflict")
        right = await http.patch(f"/drive/{inner}", json={"new_name": "X", "parent_folder_id": outer})
        assert told(right, f"/v1/items/{inner}")["name"] == "X"
        taken = await http.patch(f"/drive/{other}", json={"new_name": "outer"})
        assert (taken.status_code, taken.json()["code"]) == (409, "name_conflict")
        root = (await http.get("/v1/items/root")).json()["id"]
        assert (await http.patch(f"/drive/{root}", json={"new_name": "X"})).status_code == 404


async def test_a_taken_name_is_refused_with_a_hint_replaced_or_kept_beside(files: Files) -> None:
    async with files.client() as http:
        first = await uploaded(files, http, "a.jpg")
        refused = await http.post("/file", json={"file_name": "A.jpg", "file_size_in_bytes": 1})
        assert (refused.status_code, refused.json()["code"]) == (409, "name_conflict")
        assert "file_conflict" in refused.json()["detail"]
        assert refused.json()["suggested_name"] == "A (1).jpg"
        replaced = await uploaded(files, http, "a.jpg", 50, file_conflict="Replace")
        assert (replaced.state, replaced.item_id) == ("committed", first.item_id)
        kept = await uploaded(files, http, "a.jpg", 30, file_conflict="Keep")
        assert (kept.state, kept.name) == ("committed", "a (1).jpg")


async def test_refusals_are_a_superset_of_a_detail_in_words(files: Files) -> None:
    too_much = {"file_name": "a", "file_size_in_bytes": 1_000_001}
    async with files.client() as http:
        await made(http, "Taken")
        for answer, status in (
            (await http.post("/drive", json={"folder_name": "taken"}), 409),
            (await http.post("/drive", json={"folder_name": "a/b"}), 422),
            (await http.post("/drive", json={"folder_name": "a", "parent_folder_id": ABSENT}), 404),
            (await http.post("/drive", json={"folder_name": "a", "parent_folder_id": "root"}), 422),
            (await http.post("/drive", json={}), 422),
            (await http.post("/file", json=too_much), 403),
            (await http.post("/file", json={"file_name": "..", "file_size_in_bytes": 1}), 422),
            (await http.post("/file", json={"file_name": "a", "file_size_in_bytes": -1}), 422),
            (await http.post("/file", json={"file_name": "a", "file_size_in_bytes": 1, "file_conflict": "Burn"}), 422),
            (await http.get("/drive?sort_by=size"), 422),
            (await http.get("/drive?order=up"), 422),
        ):
            assert answer.status_code == status, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert isinstance(answer.json()["detail"], str)


async def test_a_stranger_sees_nothing_and_a_reader_changes_nothing(files: Files) -> None:
    mallory, reader = person(), person()
    async with files.client() as http:
        upload = await uploaded(files, http, "a.jpg")
        folder = (await made(http, "Given"))["id"]
    for item_id in (folder, upload.item_id):
        await files.handle(granted(str(item_id), files.owner, reader))
    async with files.client(mallory) as http:
        for method, path, body in asked(folder, str(upload.item_id)):
            answer = await http.request(method, path, json=body)
            assert answer.status_code == 404, f"{method} {path}"
    async with files.client(reader) as http:
        statuses = [
            (await http.request(method, path, json=body)).status_code
            for method, path, body in asked(folder, str(upload.item_id))
        ]
    assert statuses == [200, 403, 403, 403, 200, 403, 202]


def asked(folder: str, file: str) -> list[tuple[str, str, Any]]:
    return [
        ("GET", f"/drive/{folder}", None),
        ("PATCH", f"/drive/{folder}", {"new_name": "x"}),
        ("POST", "/drive", {"folder_name": "x", "parent_folder_id": folder}),
        ("POST", "/file", {"file_name": "x", "file_size_in_bytes": 1, "parent_folder_id": folder}),
        ("GET", f"/file/{file}", None),
        ("PATCH", f"/file/{file}", {"file_name": "x"}),
        ("GET", f"/image-preview/{file}", None),
    ]
