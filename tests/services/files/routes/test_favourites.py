"""Favourites, recent items and tags over HTTP: each person's own, and nothing of what they may not see any more."""

from typing import Any

import pytest
from httpx import AsyncClient, Response

from coffer_chassis.access import EDITOR
from coffer_chassis.ids import new_id
from coffer_files.handlers.interactions import write_interactions
from coffer_files.handlers.sweeping import RECENT_KEEP_DAYS, forget
from factories.files import Files, granted, person, taken_back


async def made(http: AsyncClient, name: str, parent: str = "root") -> Any:
    answer = await http.post("/v1/folders", json={"parent_id": parent, "name": name})
    assert answer.status_code == 201, answer.text
    return answer.json()


def refused(answer: Response, status: int, code: str) -> Any:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return answer.json()


async def names(http: AsyncClient, path: str, **query: Any) -> list[str]:
    answer = await http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


async def tagged(http: AsyncClient, item_id: str, *tags: str) -> Any:
    answer = await http.put(f"/v1/items/{item_id}/tags", json={"tags": tags})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_favourite_is_one_persons_own_and_its_tag_tells(files: Files) -> None:
    other = person()
    async with files.client() as http, files.client(other) as theirs:
        one, two = await made(http, "one"), await made(http, "two")
        await files.handle(granted(one["id"], files.owner, other))
        for _ in range(2):
            assert (await theirs.put(f"/v1/items/{one['id']}/favourite")).status_code == 204
        files.clock.advance(seconds=1)
        for item in (one, two):
            assert (await http.put(f"/v1/items/{item['id']}/favourite")).status_code == 204
            files.clock.advance(seconds=1)
        assert await names(http, "/v1/favourites") == ["two", "one"]
        assert await names(theirs, "/v1/favourites") == ["one"]
        listed = (await http.get("/v1/items/root/children", params={"favourite": "true"})).json()["items"]
        assert [item["favourite"] for item in listed] == [True, True]
        before = await theirs.get(f"/v1/items/{one['id']}")
        assert (await theirs.delete(f"/v1/items/{one['id']}/favourite")).status_code == 204
        after = await theirs.get(f"/v1/items/{one['id']}", headers={"If-None-Match": before.headers["etag"]})
        assert (after.status_code, after.json()["favourite"]) == (200, False)
        # Its own revision did not change: whoever edits it has seen the present state.
        renamed = await http.patch(f"/v1/items/{one['id']}", json={"name": "uno"}, headers={"If-Match": before.headers["etag"]})
        assert renamed.status_code == 200
        assert renamed.json()["favourite"] is True


async def test_pages_of_favourites_leave_out_what_is_gone_and_go_on(files: Files) -> None:
    reader = person()
    async with files.client() as http, files.client(reader) as theirs:
        folder = await made(http, "shared")
        given = granted(folder["id"], files.owner, reader)
        await files.handle(given)
        for number in range(5):
            item = await made(http, f"n{number}", folder["id"])
            await theirs.put(f"/v1/items/{item['id']}/favourite")
            files.clock.advance(seconds=1)
            if number == 3:
                await http.delete(f"/v1/items/{item['id']}")
        own = await made(theirs, "own")
        await theirs.put(f"/v1/items/{own['id']}/favourite")
        seen, cursor = [], None
        while True:
            page = (await theirs.get("/v1/favourites", params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
            seen.append([item["name"] for item in page["items"]])
            if (cursor := page["next_cursor"]) is None:
                break
        assert seen == [["own", "n4"], ["n2"], ["n1", "n0"]]
        await files.handle(taken_back(given))
        assert await names(theirs, "/v1/favourites") == ["own"]
        # Whoever lost it can still be rid of it, once; then it is as if it were not there.
        assert (await theirs.delete(f"/v1/items/{item['id']}/favourite")).status_code == 204
        refused(await theirs.delete(f"/v1/items/{item['id']}/favourite"), 404, "not_found")
        refused(await theirs.put(f"/v1/items/{item['id']}/favourite"), 404, "not_found")
        refused(await theirs.put(f"/v1/items/{new_id()}/favourite"), 404, "not_found")


async def test_a_purged_favourite_leaves_nothing_behind(files: Files) -> None:
    async with files.client() as http:
        folder = await made(http, "gone")
        inside, kept = await made(http, "inside", folder["id"]), await made(http, "kept")
        await http.put(f"/v1/items/{inside['id']}/favourite")
        await http.delete(f"/v1/items/{folder['id']}")
        assert await names(http, "/v1/favourites") == []
        await http.put(f"/v1/items/{kept['id']}/favourite")
        await http.delete(f"/v1/items/{kept['id']}")
        listed = (await http.get("/v1/trash")).json()["items"]
        assert {one["item"]["name"]: one["item"]["favourite"] for one in listed} == {"gone": False, "kept": True}
        assert (await http.delete(f"/v1/trash/{folder['id']}")).status_code == 204
    assert await files.rows(f"SELECT 1 FROM marks WHERE item_id = '{inside['id']}'") == []


async def test_another_device_hears_of_a_favourite_and_nobody_else_does(files: Files) -> None:
    reader = person()
    async with files.client() as http, files.client(reader) as theirs:
        item = await made(http, "item")
        await files.handle(granted(item["id"], files.owner, reader))
        cursors = [(await who.get("/v1/changes/cursor")).json()["cursor"] for who in (http, theirs)]
        await theirs.put(f"/v1/items/{item['id']}/favourite")
        mine, other = [
            (await who.get("/v1/changes", params={"cursor": cursor})).json()["changes"]
            for who, cursor in zip((http, theirs), cursors, strict=True)
        ]
    assert mine == []
    assert [(change["reason"], change["item_id"]) for change in other] == [("metadata", item["id"])]


async def test_recent_items_are_what_one_had_to_do_with_latest_first(files: Files) -> None:
    upload = await files.upload("photo.jpg")
    files.clock.advance(minutes=2)
    async with files.client() as http:
        folder = await made(http, "folder")
        assert await names(http, "/v1/recent") == ["photo.jpg"]
        await http.patch(f"/v1/items/{folder['id']}", json={"name": "renamed"})
        assert await names(http, "/v1/recent") == ["renamed", "photo.jpg"]
        files.clock.advance(minutes=2)
        assert (await http.get(f"/v1/items/{upload.item_id}/content")).status_code == 302
        assert await names(http, "/v1/recent") == ["photo.jpg", "renamed"]
        shown = (await http.get(f"/v1/items/{upload.item_id}")).json()
        assert shown["last_interaction_at"] == "2026-11-20T12:04:00.000Z"
        listed = (await http.get("/v1/items/root/children")).json()["items"]
        assert {item["name"]: item["last_interaction_at"] for item in listed} == {
            "renamed": "2026-11-20T12:02:00.000Z",
            "photo.jpg": "2026-11-20T12:04:00.000Z",
        }
        await http.delete(f"/v1/items/{folder['id']}")
        assert await names(http, "/v1/recent", include="path,thumbnail") == ["photo.jpg"]


async def test_recent_items_of_others_and_of_ended_shares_do_not_show(files: Files) -> None:
    reader = person()
    upload = await files.upload("photo.jpg")
    given = granted(str(upload.item_id), files.owner, reader)
    await files.handle(given)
    async with files.client(reader) as theirs:
        assert await names(theirs, "/v1/recent") == []
        await theirs.get(f"/v1/items/{upload.item_id}/content")
        assert await names(theirs, "/v1/recent") == ["photo.jpg"]
        await files.handle(taken_back(given))
        assert await names(theirs, "/v1/recent") == []


async def test_downloads_write_nothing_and_are_noted_once_a_minute(files: Files) -> None:
    upload = await files.upload("film.mp4")
    await write_interactions(files.deps.work, files.deps.interactions)
    files.clock.advance(minutes=5)
    async with files.client() as http:
        files.statements.clear()
        for _ in range(20):
            await http.get(f"/v1/items/{upload.item_id}/content")
            files.clock.advance(seconds=1)
        assert [line for line in files.statements if not line.lstrip().startswith(("SELECT", "WITH"))] == []
    assert await write_interactions(files.deps.work, files.deps.interactions) == 1
    assert await write_interactions(files.deps.work, files.deps.interactions) == 0


async def test_what_lies_long_behind_is_forgotten_but_favourites_stay(files: Files) -> None:
    async with files.client() as http:
        items = [await made(http, name) for name in ("old", "dear")]
        for item in items:
            await http.patch(f"/v1/items/{item['id']}", json={"name": f"my {item['name']}"})
        await http.put(f"/v1/items/{items[1]['id']}/favourite")
        assert len(await names(http, "/v1/recent")) == 2
        files.clock.advance(days=RECENT_KEEP_DAYS + 1)
        await forget(files.deps)
        assert await names(http, "/v1/recent") == ["my dear"]
        assert await names(http, "/v1/favourites") == ["my dear"]


async def test_tags_are_the_items_and_everyone_who_sees_it_sees_them(files: Files) -> None:
    editor, viewer = person(), person()
    async with files.client() as http, files.client(editor) as edits, files.client(viewer) as views:
        item = await made(http, "item")
        for reader, rights in ((editor, EDITOR), (viewer, None)):
            await files.handle(granted(item["id"], files.owner, reader, *([rights] if rights else [])))
        shown = await tagged(edits, item["id"], "work", "Cafe\u0301", "WORK")
        assert shown["tags"] == ["Caf\u00e9", "work"]
        assert shown["etag"] == '"2"'
        refused(await views.put(f"/v1/items/{item['id']}/tags", json={"tags": []}), 403, "forbidden")
        assert (await views.get(f"/v1/items/{item['id']}")).json()["tags"] == ["Caf\u00e9", "work"]
        stale = await http.put(f"/v1/items/{item['id']}/tags", json={"tags": []}, headers={"If-Match": '"1"'})
        assert refused(stale, 412, "precondition_failed")["current_etag"] == '"2"'
        # The same again changes nothing.
        assert (await tagged(http, item["id"], "Caf\u00e9", "work"))["etag"] == '"2"'
    changed = [fact for fact in await files.facts("files.item.changed.v1") if fact.data.item_id == item["id"]]
    assert [(fact.data.changes, fact.data.tags) for fact in changed] == [(("tags",), ("Caf\u00e9", "work"))]


@pytest.mark.parametrize(
    ("tags", "pointer"),
    [
        ([""], "/tags/0"),
        (["a", " b"], "/tags/1"),
        (["a,b"], "/tags/0"),
        (["a\u202eb"], "/tags/0"),
        (["x" * 51], "/tags/0"),
        ([f"t{number}" for number in range(21)], "/tags"),
    ],
)
async def test_a_tag_that_breaks_a_rule_is_pointed_at(files: Files, tags: list[str], pointer: str) -> None:
    async with files.client() as http:
        item = await made(http, "item")
        told = refused(await http.put(f"/v1/items/{item['id']}/tags", json={"tags": tags}), 422, "validation_failed")
    assert [error["pointer"] for error in told["errors"]] == [pointer]


async def test_tags_are_counted_over_everything_living_that_one_may_see(files: Files) -> None:
    reader = person()
    async with files.client() as http, files.client(reader) as theirs:
        shared, hidden = await made(http, "shared"), await made(http, "hidden")
        for parent, tags in ((shared, ("red", "big")), (shared, ("RED",)), (hidden, ("red", "secret"))):
            item = await made(http, f"i{new_id()}", parent["id"])
            await tagged(http, item["id"], *tags)
        single = await made(http, "single", hidden["id"])
        await tagged(http, single["id"], "lent")
        await tagged(theirs, (await made(theirs, "own"))["id"], "big")
        given = granted(shared["id"], files.owner, reader)
        await files.handle(given, granted(single["id"], files.owner, reader))
        files.statements.clear()
        assert (await theirs.get("/v1/tags")).json() == {
            "items": [{"tag": "big", "count": 2}, {"tag": "lent", "count": 1}, {"tag": "RED", "count": 2}]
        }
        assert len(files.statements) <= 3
        await http.delete(f"/v1/items/{hidden['id']}")
        assert (await http.get("/v1/tags")).json() == {"items": [{"tag": "big", "count": 1}, {"tag": "RED", "count": 2}]}
        await files.handle(taken_back(given))
        assert (await theirs.get("/v1/tags")).json() == {"items": [{"tag": "big", "count": 1}]}
