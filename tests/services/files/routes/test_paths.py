"""Items by their path, and how deep they may lie."""

from typing import Any

import pytest
from httpx import AsyncClient, Response

from coffer_chassis.ids import new_id
from coffer_files.domain.names import MAX_DEPTH
from factories.files import Files, granted, person


def refused(answer: Response, status: int, code: str) -> Any:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return answer.json()


async def made(http: AsyncClient, name: str, parent: str = "root") -> str:
    answer = await http.post("/v1/folders", json={"parent_id": parent, "name": name})
    assert answer.status_code == 201, answer.text
    item_id: str = answer.json()["id"]
    return item_id


async def at(http: AsyncClient, path: str, **query: Any) -> Response:
    return await http.get("/v1/items/by-path", params={"path": path, **query})


async def chain(http: AsyncClient, parent: str, levels: int) -> list[str]:
    """Folders one inside the other."""
    ids: list[str] = []
    for number in range(levels):
        ids.append(await made(http, f"l{number}", ids[-1] if ids else parent))
    return ids


async def test_a_path_leads_to_the_item_whatever_the_case(files: Files) -> None:
    async with files.client() as http:
        folder = await made(http, "Caf\u00e9")
        inside = await made(http, "Inside", folder)
        await http.get("/v1/items/root")
        files.statements.clear()
        found = await at(http, "/cafe\u0301/INSIDE", include="path")
        assert len(files.statements) == 1
        assert (found.json()["id"], found.json()["path"]) == (inside, "/Caf\u00e9/Inside")
        assert (await at(http, "/caf\u00e9/")).json()["id"] == folder
        assert (await at(http, "/")).json()["parent_id"] is None
        assert (await at(http, "/inside", **{"in": folder})).json()["id"] == inside
        known = await http.get("/v1/items/by-path", params={"path": "/caf\u00e9"}, headers={"If-None-Match": '"1"'})
        assert known.status_code == 304
        await http.delete(f"/v1/items/{folder}")
        refused(await at(http, "/caf\u00e9/inside"), 404, "not_found")
        refused(await at(http, "/inside", **{"in": folder}), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("", 422, "validation_failed"),
        ("a", 422, "validation_failed"),
        ("/a//b", 422, "validation_failed"),
        ("/../etc", 422, "name_invalid"),
        ("/a\x00b", 422, "name_invalid"),
        ("/nowhere", 404, "not_found"),
        ("/a.txt/", 404, "not_found"),
        ("/a.txt/b", 404, "not_found"),
        ("/x" * 300, 404, "not_found"),
    ],
)
async def test_a_path_that_leads_nowhere(files: Files, path: str, status: int, code: str) -> None:
    await files.upload("a.txt")
    async with files.client() as http:
        assert (await at(http, "/A.TXT")).json()["kind"] == "file"
        refused(await at(http, path), status, code)


async def test_a_path_begins_only_where_the_caller_may_look(files: Files) -> None:
    reader = person()
    async with files.client() as http, files.client(reader) as theirs:
        secret = await made(http, "secret")
        shared = await made(http, "shared", secret)
        await made(http, "inside", shared)
        await files.handle(granted(shared, files.owner, reader))
        assert (await at(theirs, "/inside", include="path", **{"in": shared})).json()["path"] == "/shared/inside"
        for path, start in (("/shared", secret), ("/secret/shared", "root"), ("/", secret), ("/x", new_id())):
            refused(await at(theirs, path, **{"in": start}), 404, "not_found")


@pytest.mark.slow
async def test_nothing_comes_to_lie_too_deep(files: Files) -> None:
    async with files.client() as http:
        deep = await chain(http, "root", MAX_DEPTH)
        for body in ({"parent_id": deep[-1], "name": "more"}, {"parent_id": deep[-1], "name": "m.txt", "size": 1}):
            route = "/v1/uploads" if "size" in body else "/v1/folders"
            refused(await http.post(route, json=body), 422, "validation_failed")
        small = [await made(http, "top")]
        small += [await made(http, "middle", small[0])]
        small += [await made(http, "bottom", small[1])]
        refused(await http.patch(f"/v1/items/{small[0]}", json={"parent_id": deep[-3]}), 422, "validation_failed")
        moved = await http.patch(f"/v1/items/{small[0]}", json={"parent_id": deep[-4]})
        assert moved.status_code == 200, moved.text
        # Upwards there is nothing to measure.
        files.statements.clear()
        assert (await http.patch(f"/v1/items/{small[0]}", json={"parent_id": "root"})).status_code == 200
        assert not any("below" in line and "RECURSIVE below" in line for line in files.statements)
