"""What a listing shows when it is asked for less, and what it adds when it is asked for more."""

from typing import Any

import pytest
from httpx import AsyncClient, Response
from sqlalchemy import insert, text

from coffer_chassis.ids import new_id
from coffer_contracts.ids import UploadId
from coffer_files.store.tables import items
from factories.files import Files, cleared, files_on, stored


def refused(answer: Response, status: int, code: str) -> Any:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return answer.json()


async def file(files: Files, name: str, size: int, kind: str, parent: str, modified: str) -> str:
    async with files.client() as http:
        body = {"parent_id": parent, "name": name, "size": size, "modified_at": modified}
        answer = await http.post("/v1/uploads", json=body)
        assert answer.status_code == 201, answer.text
    upload = await files.now(UploadId(answer.json()["id"]))
    await files.handle(stored(upload), cleared(upload, mime_type="x/y", media_kind=kind))
    return str((await files.now(upload)).item_id)


async def shelf(files: Files, http: AsyncClient) -> str:
    """A folder with a bit of everything."""
    made = await http.post("/v1/folders", json={"parent_id": "root", "name": "shelf"})
    folder: str = made.json()["id"]
    await http.post("/v1/folders", json={"parent_id": folder, "name": "a folder"})
    for name, size, kind, modified in (
        ("big.jpg", 5000, "image", "2026-01-01T00:00:00Z"),
        ("small.jpg", 10, "image", "2026-02-01T00:00:00Z"),
        ("text.txt", 10, "text", "2026-03-01T00:00:00Z"),
    ):
        await file(files, name, size, kind, folder, modified)
    listed = (await http.get(f"/v1/items/{folder}/children")).json()["items"]
    ids = {item["name"]: item["id"] for item in listed}
    await http.put(f"/v1/items/{ids['small.jpg']}/tags", json={"tags": ["Red", "two"]})
    await http.put(f"/v1/items/{ids['text.txt']}/tags", json={"tags": ["red"]})
    await http.put(f"/v1/items/{ids['a folder']}/tags", json={"tags": ["red"]})
    await http.put(f"/v1/items/{ids['big.jpg']}/favourite")
    return folder


CASES: list[tuple[dict[str, Any], set[str]]] = [
    ({"kind": "folder"}, {"a folder"}),
    ({"kind": "file"}, {"big.jpg", "small.jpg", "text.txt"}),
    ({"type": "image"}, {"big.jpg", "small.jpg"}),
    ({"type": "image,text"}, {"big.jpg", "small.jpg", "text.txt"}),
    ({"kind": "folder", "type": "image"}, set()),
    ({"tag": "RED"}, {"a folder", "small.jpg", "text.txt"}),
    ({"tag": "red,two"}, {"small.jpg"}),
    ({"tag": "other"}, set()),
    ({"favourite": "true"}, {"big.jpg"}),
    ({"favourite": "false", "kind": "file"}, {"small.jpg", "text.txt"}),
    ({"modified_after": "2026-02-01T00:00:00Z", "modified_before": "2026-03-01T00:00:00Z"}, {"small.jpg"}),
    ({"size_min": 10, "size_max": 4999}, {"small.jpg", "text.txt"}),
    ({"size_max": 0}, set()),
    ({"type": "image", "tag": "red", "favourite": "false", "size_min": 1, "sort": "-size"}, {"small.jpg"}),
]


async def test_filters_show_what_passes_all_of_them(files: Files) -> None:
    async with files.client() as http:
        folder = await shelf(files, http)
        for query, expected in CASES:
            page = (await http.get(f"/v1/items/{folder}/children", params={**query, "include": "total"})).json()
            assert {item["name"] for item in page["items"]} == expected, query
            assert page["total"] == len(expected), query


@pytest.mark.parametrize("sort", ["name", "-modified_at", "size", "-created_at"])
async def test_filtered_pages_follow_one_another_and_keep_to_their_filters(files: Files, sort: str) -> None:
    async with files.client() as http:
        folder = await shelf(files, http)
        address = f"/v1/items/{folder}/children"
        query: dict[str, Any] = {"tag": "red", "sort": sort, "limit": 1}
        whole = [item["name"] for item in (await http.get(address, params=query | {"limit": 10})).json()["items"]]
        seen, cursor = [], None
        files.statements.clear()
        while True:
            page = (await http.get(address, params=query | ({"cursor": cursor} if cursor else {}))).json()
            seen += [item["name"] for item in page["items"]]
            if (following := page["next_cursor"]) is None:
                break
            cursor = following
        assert seen == whole
        assert len(seen) == 3
        assert len(files.statements) == 2 * 3
        other = await http.get(address, params={"sort": sort, "limit": 1, "cursor": cursor})
        refused(other, 400, "cursor_invalid")


@pytest.mark.parametrize(
    "query",
    [
        {"include": "everything"},
        {"kind": "link"},
        {"type": "image,films"},
        {"tag": "a,,b"},
        {"modified_after": "yesterday"},
        {"modified_before": "2026-01-01T00:00:00"},
        {"size_min": -1},
        {"size_max": 2**63},
        {"favourite": "perhaps"},
    ],
)
async def test_a_word_that_means_nothing_is_refused_and_named(files: Files, query: dict[str, Any]) -> None:
    async with files.client() as http:
        told = refused(await http.get("/v1/items/root/children", params=query), 422, "validation_failed")
        assert [error["pointer"] for error in told["errors"]] == [f"/{name}" for name in query]
        if "include" in query:
            refused(await http.get("/v1/items/root", params=query), 422, "validation_failed")
            refused(await http.get("/v1/recent", params=query), 422, "validation_failed")


async def test_a_page_that_the_caller_has_is_not_sent_again(files: Files) -> None:
    async with files.client() as http:
        folder = await shelf(files, http)
        queries: tuple[dict[str, Any], ...] = ({}, {"limit": 2, "include": "path,permissions,total"})
        for query in queries:
            first = await http.get(f"/v1/items/{folder}/children", params=query)
            again = await http.get(
                f"/v1/items/{folder}/children", params=query, headers={"If-None-Match": first.headers["etag"]}
            )
            assert (again.status_code, again.content) == (304, b"")
            assert first.headers["content-type"] == "application/json"
        await http.put(f"/v1/items/{first.json()['items'][0]['id']}/favourite")
        changed = await http.get(f"/v1/items/{folder}/children", params=query, headers={"If-None-Match": first.headers["etag"]})
        assert changed.status_code == 200


async def test_tagged_children_of_a_large_folder_are_found_by_their_index(store: str) -> None:
    async with files_on(store) as files, files.client() as http:
        folder = await shelf(files, http)
        at: dict[str, Any] = {
            "owner_id": files.owner.user_id,
            "created_by": files.owner.user_id,
            "parent_id": folder,
            "kind": "folder",
        }
        at |= dict.fromkeys(("created_at", "modified_at", "changed_at"), files.clock.now())
        async with files.engine.begin() as connection:
            many = [{**at, "id": new_id(), "name": f"n{n}", "name_key": f"n{n}", "revision": 1} for n in range(3000)]
            await connection.execute(insert(items), many)
            await connection.execute(text("ANALYZE items"))
        plan = await files.rows(
            f"""EXPLAIN SELECT id FROM items WHERE parent_id = '{folder}' AND kind = 'folder' AND trashed_at IS NULL
                AND items.tag_keys <> '{{}}' AND tag_keys @> ARRAY['red'] ORDER BY name_key LIMIT 100"""
        )
    assert "items_tagged" in " ".join(row[0] for row in plan)
