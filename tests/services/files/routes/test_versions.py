"""Versions, trash and usage over HTTP."""

from typing import Any

import pytest

from coffer_chassis.access import VIEWER
from coffer_files.handlers.tallying import tally_trash
from factories.files import Files, granted, person


async def written(files: Files, *sizes: int, name: str = "a.jpg", **more: Any) -> str:
    """A file that was written once with each size."""
    uploads = []
    for size in sizes:
        uploads.append(await files.upload(name, size, conflict="replace", **more))
        files.clock.advance(seconds=1)
    return str(uploads[0].item_id)


async def test_versions_are_paged_labelled_restored_and_deleted(files: Files) -> None:
    item = await written(files, 10, 20, 30)
    async with files.client() as http:
        first = (await http.get(f"/v1/items/{item}/versions", params={"limit": 2})).json()
        rest = (await http.get(f"/v1/items/{item}/versions", params={"limit": 2, "cursor": first["next_cursor"]})).json()
        known = [*first["items"], *rest["items"]]
        assert rest["next_cursor"] is None
        assert [(one["size"], one["current"], one["label"], one["keep_forever"]) for one in known] == [
            (30, True, None, False), (20, False, None, False), (10, False, None, False),
        ]  # fmt: skip
        oldest = f"/v1/items/{item}/versions/{known[2]['id']}"
        assert (await http.get(oldest)).json() == known[2]
        marked = await http.patch(oldest, json={"label": "as signed", "keep_forever": True})
        assert (marked.status_code, marked.json()["label"], marked.json()["keep_forever"]) == (200, "as signed", True)
        kept = await http.patch(oldest, json={"label": None})
        assert (kept.json()["label"], kept.json()["keep_forever"]) == (None, True)

        seen = await http.get(f"/v1/items/{item}")
        stale = await http.post(f"{oldest}/restore", headers={"If-Match": '"1"'})
        assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
        headers = {"If-Match": seen.headers["ETag"], "Idempotency-Key": "back"}
        back = await http.post(f"{oldest}/restore", headers=headers)
        again = await http.post(f"{oldest}/restore", headers=headers)
        assert (back.status_code, back.json()["size"], again.json()["etag"]) == (200, 10, back.headers["ETag"])
        assert again.headers["Idempotent-Replayed"] == "true"
        other = await http.post(f"/v1/items/{item}/versions/{known[1]['id']}/restore", headers=headers)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reuse")

        current = back.json()["version_id"]
        refused = await http.delete(f"/v1/items/{item}/versions/{current}")
        assert (refused.status_code, refused.json()["code"]) == (409, "state_conflict")
        assert (await http.delete(oldest)).status_code == 204
        assert (await http.delete(oldest)).status_code == 404


@pytest.mark.parametrize("label", ["", "x" * 201, "two\nlines", 5])
async def test_a_label_is_a_short_line(files: Files, label: Any) -> None:
    item = await written(files, 10)
    async with files.client() as http:
        version = (await http.get(f"/v1/items/{item}")).json()["version_id"]
        answer = await http.patch(f"/v1/items/{item}/versions/{version}", json={"label": label})
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_a_cursor_of_one_file_opens_no_other(files: Files) -> None:
    one, other = await written(files, 1, 2), await written(files, 1, 2, name="b.jpg")
    async with files.client() as http:
        cursor = (await http.get(f"/v1/items/{one}/versions", params={"limit": 1})).json()["next_cursor"]
        answer = await http.get(f"/v1/items/{other}/versions", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")


async def test_whoever_may_read_a_file_sees_its_versions_and_a_stranger_nothing(files: Files) -> None:
    item = await written(files, 1, 2)
    viewer, stranger = person(), person()
    await files.handle(granted(item, files.owner, viewer, VIEWER))
    async with files.client(viewer) as http:
        versions = (await http.get(f"/v1/items/{item}/versions")).json()["items"]
        path = f"/v1/items/{item}/versions/{versions[1]['id']}"
        assert (await http.get(path)).status_code == 200
        assert (await http.get(f"/v1/items/{item}/content", params={"version_id": versions[1]["id"]})).status_code == 302
        for refused in (http.post(f"{path}/restore"), http.delete(path), http.patch(path, json={"label": "x"})):
            assert (await refused).status_code == 403
    async with files.client(stranger) as http:
        asked = (http.get(f"/v1/items/{item}/versions"), http.get(path), http.post(f"{path}/restore"), http.delete(path))
        assert [(await one).status_code for one in asked] == [404] * 4


async def test_the_trash_is_sorted_and_tells_where_things_were(files: Files) -> None:
    async with files.client() as http:
        plans = (await http.post("/v1/folders", json={"parent_id": "root", "name": "Plans"})).json()["id"]
        inner = (await http.post("/v1/folders", json={"parent_id": plans, "name": "old"})).json()["id"]
        made = {
            name: await written(files, size, name=name, parent=parent)
            for name, size, parent in (("b.jpg", 30, inner), ("A.jpg", 10, plans), ("c.jpg", 20, "root"))
        }
        for item in made.values():
            assert (await http.delete(f"/v1/items/{item}")).status_code == 204
            files.clock.advance(seconds=1)

        async def names(sort: str | None) -> list[str]:
            found: list[str] = []
            cursor: Any = None
            while True:
                query = {"limit": 2, **({"sort": sort} if sort else {}), **({"cursor": cursor} if cursor else {})}
                page = (await http.get("/v1/trash", params=query)).json()
                found += [one["item"]["name"] for one in page["items"]]
                cursor = page["next_cursor"]
                if cursor is None:
                    return found

        assert await names(None) == await names("-trashed_at") == ["c.jpg", "A.jpg", "b.jpg"]
        assert await names("trashed_at") == ["b.jpg", "A.jpg", "c.jpg"]
        assert await names("name") == ["A.jpg", "b.jpg", "c.jpg"]
        assert await names("-size") == ["b.jpg", "c.jpg", "A.jpg"]
        odd = await http.get("/v1/trash", params={"sort": "colour"})
        assert (odd.status_code, odd.json()["code"]) == (422, "validation_failed")
        cursor = (await http.get("/v1/trash", params={"limit": 1, "sort": "name"})).json()["next_cursor"]
        assert (await http.get("/v1/trash", params={"cursor": cursor, "sort": "size"})).status_code == 400

        assert (await http.delete(f"/v1/items/{inner}")).status_code == 204
        shown = {one["item"]["name"]: one for one in (await http.get("/v1/trash")).json()["items"]}
        assert {name: one["original_path"] for name, one in shown.items()} == {
            "old": "/Plans/old", "b.jpg": "/Plans/old/b.jpg", "A.jpg": "/Plans/A.jpg", "c.jpg": "/c.jpg",
        }  # fmt: skip
        trashed = shown["c.jpg"]["item"]["trashed_at"]
        assert trashed < shown["c.jpg"]["purge_at"]
        named = await http.post(f"/v1/trash/{made['b.jpg']}/restore", json={"parent_id": plans})
        assert named.json()["parent_id"] == plans
        assert (await http.delete(f"/v1/trash/{made['A.jpg']}")).status_code == 204
        assert [one["item"]["name"] for one in (await http.get("/v1/trash")).json()["items"]] == ["old", "c.jpg"]


async def test_usage_is_told_by_type_versions_and_trash(files: Files) -> None:
    await written(files, 10, 20)
    gone = await written(files, 5, 7, name="gone.jpg")
    async with files.client() as http:
        await http.delete(f"/v1/items/{gone}")
        for _ in range(2):
            told = (await http.get("/v1/usage")).json()
            assert told["by_type"].pop("image") == {"bytes": 27, "files": 2}
            assert set(told.pop("by_type")) == {"video", "audio", "document", "archive", "text", "other"}
            assert told == {
                "used": 42, "reserved": 0, "limit": 1_000_000, "file_count": 2,
                "versions": {"bytes": 15, "count": 2}, "trash": {"bytes": 12, "files": 1, "settled": True},
            }  # fmt: skip
            files.clock.advance(minutes=1)
            await tally_trash(files.deps)


async def test_usage_costs_one_statement_and_what_is_in_the_trash_no_more(files: Files) -> None:
    for number in range(3):
        gone = await written(files, 5, name=f"{number}.jpg")
        async with files.client() as http:
            await http.delete(f"/v1/items/{gone}")
            files.statements.clear()
            assert (await http.get("/v1/usage")).status_code == 200
            assert len(files.statements) == 1
