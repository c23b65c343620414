"""Copying over HTTP: 201 for a file, 202 for a folder."""

from typing import Any

import pytest

from coffer_files.handlers.working import run_jobs
from factories.copying import CONTENT, counters_are_true, file, folder
from factories.files import Files, files_on, person
from factories.jobs import nothing_to_do


@pytest.fixture
async def files(store: str) -> Any:
    async with files_on(store) as service:
        await nothing_to_do(service)
        yield service
        await counters_are_true(service)


async def test_a_file_is_copied_while_the_request_waits(files: Files) -> None:
    original = await file(files, "a.jpg")
    async with files.client() as http:
        made = await http.post(
            f"/v1/items/{original}/copy", json={"parent_id": "root", "name": "b.jpg"}, headers={"Idempotency-Key": "one"}
        )
        assert made.status_code == 201, made.text
        assert (made.json()["name"], made.json()["size"], made.headers["etag"]) == ("b.jpg", len(CONTENT), '"1"')
        assert made.headers["location"] == f"/v1/items/{made.json()['id']}"
        again = await http.post(
            f"/v1/items/{original}/copy", json={"parent_id": "root", "name": "b.jpg"}, headers={"Idempotency-Key": "one"}
        )
        assert (again.status_code, again.json()["id"], again.headers["idempotent-replayed"]) == (201, made.json()["id"], "true")
        taken = await http.post(f"/v1/items/{original}/copy", json={"parent_id": "root"})
        assert (taken.status_code, taken.json()["code"], taken.json()["suggested_name"]) == (409, "name_conflict", "a (1).jpg")
        assert (await http.get("/v1/usage")).json()["used"] == 2 * len(CONTENT)


async def test_a_folder_is_copied_as_a_job_that_names_the_copy(files: Files) -> None:
    top = await folder(files, "top")
    await file(files, "a.jpg", top)
    async with files.client() as http:
        asked = await http.post(f"/v1/items/{top}/copy", json={"parent_id": "root", "conflict": "rename"})
        assert asked.status_code == 202, asked.text
        assert (asked.json()["kind"], asked.json()["progress"]) == ("copy", {"done": 1, "total": 2, "bytes": 0})
        await run_jobs(files.deps)
        done = (await http.get(asked.headers["location"])).json()
        assert (done["state"], done["progress"]) == ("succeeded", {"done": 2, "total": 2, "bytes": len(CONTENT)})
        listed = (await http.get(f"/v1/items/{done['result']['item_id']}/children")).json()["items"]
        assert [item["name"] for item in listed] == ["a.jpg"]
        cycle = await http.post(f"/v1/items/{top}/copy", json={"parent_id": top})
        assert (cycle.status_code, cycle.json()["code"]) == (409, "cycle")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"parent_id": "nowhere"},
        {"parent_id": "root", "conflict": "merge"},
        {"parent_id": "root", "name": "a/b"},
        {"parent_id": "root", "name": ""},
        {"parent_id": "root", "more": 1},
        [],
    ],
)
async def test_odd_wishes_are_refused(files: Files, body: Any) -> None:
    original = await file(files, "a.jpg")
    async with files.client() as http:
        answer = await http.post(f"/v1/items/{original}/copy", json=body)
        assert answer.status_code in {400, 422}, answer.text


async def test_a_stranger_cannot_tell_whether_there_is_anything_to_copy(files: Files) -> None:
    original = await file(files, "a.jpg")
    async with files.client(person()) as http:
        answer = await http.post(f"/v1/items/{original}/copy", json={"parent_id": "root"})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert (await http.post("/v1/items/root/copy", json={"parent_id": "root"})).status_code == 409
