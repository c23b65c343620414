"""Folders and items over HTTP, with everything that can go wrong."""

from typing import Any

import pytest
from httpx import AsyncClient, Response

from coffer_chassis.answers import timestamp
from coffer_chassis.ids import new_id
from coffer_files.domain.items import SORT_COLUMNS
from coffer_files.store.tables import items
from factories.files import Files, files_on, person


async def made(http: AsyncClient, name: str, parent: str = "root", **more: Any) -> Any:
    answer = await http.post("/v1/folders", json={"parent_id": parent, "name": name, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def refused(answer: Response, status: int, code: str) -> Any:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()


async def test_a_folder_has_everything_a_client_needs(files: Files) -> None:
    async with files.client() as http:
        folder = await made(http, "Cafe\u0301 : 1")
        answer = await http.get(f"/v1/items/{folder['id']}", params={"include": "path"})
    shown = answer.json()
    assert answer.headers["etag"] == shown["etag"] == '"1"'
    assert shown | {"path": None} == {
        "id": folder["id"],
        "kind": "folder",
        "name": "Caf\u00e9 : 1",
        "parent_id": folder["parent_id"],
        "owner": {"id": files.owner.user_id, "username": None, "display_name": None},
        "size": None,
        "mime_type": None,
        "type": None,
        "content_hash": None,
        "version_id": None,
        "etag": '"1"',
        "created_at": "2026-11-20T12:00:00.000Z",
        "modified_at": "2026-11-20T12:00:00.000Z",
        "changed_at": "2026-11-20T12:00:00.000Z",
        "created_by": files.owner.user_id,
        "permissions": {"read": True, "write": True, "delete": True, "share": True},
        "shared": False,
        "favourite": False,
        "tags": [],
        "last_interaction_at": None,
        "trashed_at": None,
        "preview": {"status": "none"},
        "flags": [],
        "portable": False,
        "warnings": ["reserved_character"],
        "path": None,
    }
    assert shown["path"] == "/Caf\u00e9 : 1"


async def test_a_taken_name_is_refused_with_who_holds_it_and_a_free_one(files: Files) -> None:
    async with files.client() as http:
        first = await made(http, "Reports")
        told = refused(await http.post("/v1/folders", json={"parent_id": "root", "name": "REPORTS"}), 409, "name_conflict")
        assert told["existing"] == {"id": first["id"], "kind": "folder", "etag": '"1"'}
        assert told["detail"] == "The folder already holds 'Reports'."
        assert told["suggested_name"] == "REPORTS (1)"
        assert (await made(http, "reports", conflict="rename"))["name"] == "reports (1)"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        ("..", "dots"),
        ("a/b", "slash"),
        ("a\tb", "control_character"),
        ("x\u202egnp.exe", "bidi_override"),
        ("a" * 300, "too_long"),
    ],
)
async def test_a_hostile_name_is_refused_with_the_rule_it_breaks(files: Files, name: str, reason: str) -> None:
    async with files.client() as http:
        for answer in (
            await http.post("/v1/folders", json={"parent_id": "root", "name": name}),
            await http.post("/v1/uploads", json={"parent_id": "root", "name": name, "size": 1}),
        ):
            assert refused(answer, 422, "name_invalid")["reason"] == reason


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"parent_id": "root"},
        {"parent_id": "root", "name": 1},
        {"parent_id": "root", "name": "a" * 2000},
        {"parent_id": "elsewhere", "name": "a"},
        {"parent_id": "root", "name": "a", "conflict": "merge"},
        {"parent_id": "root", "name": "a", "colour": "red"},
        {"parent_id": "root", "name": "a\x00b"},
    ],
)
async def test_a_body_that_breaks_the_schema_is_refused(files: Files, body: Any) -> None:
    async with files.client() as http:
        refused(await http.post("/v1/folders", json=body), 422, "validation_failed")


async def test_what_is_not_there_and_what_is_not_for_you_are_the_same_answer(files: Files) -> None:
    async with files.client() as http, files.client(person()) as stranger:
        folder = (await made(http, "mine"))["id"]

        async def answers(client: Any, item: Any) -> Any:
            yield await client.get(f"/v1/items/{item}")
            yield await client.get(f"/v1/items/{item}/children")
            yield await client.get(f"/v1/items/{item}/content")
            yield await client.get(f"/v1/items/{item}/preview")
            yield await client.patch(f"/v1/items/{item}", json={"name": "x"})
            yield await client.delete(f"/v1/items/{item}")
            yield await client.post("/v1/folders", json={"parent_id": item, "name": "x"})
            yield await client.post("/v1/uploads", json={"parent_id": item, "name": "x", "size": 1})
            yield await client.post(f"/v1/trash/{item}/restore", json={})
            yield await client.delete(f"/v1/trash/{item}")

        theirs = [refused(answer, 404, "not_found") async for answer in answers(stranger, folder)]
        nobodys = [refused(answer, 404, "not_found") async for answer in answers(stranger, new_id())]
        for one, other in zip(theirs, nobodys, strict=True):
            assert {name: one[name] for name in ("title", "detail", "type")} == {
                name: other[name] for name in ("title", "detail", "type")
            }
        refused(await http.get("/v1/items/not-an-id"), 404, "not_found")


async def test_without_a_token_there_is_nothing_and_a_narrow_token_does_no_more_than_it_may(files: Files) -> None:
    async with files.client() as http:
        refused(await http.get("/v1/items/root", headers={"Authorization": "Bearer bad"}), 401, "unauthenticated")
        refused(await http.get("/v1/items/root", headers={"Authorization": ""}), 401, "unauthenticated")


@pytest.mark.slow
async def test_a_listing_is_paged_without_gaps_in_every_order(files: Files) -> None:
    async with files.client() as http:
        for number in range(7):
            files.clock.advance(seconds=1)
            await made(http, f"folder {number}")
        for number in range(4):
            await files.upload(f"file {number}", number)
        for sort in [sign + key for key in SORT_COLUMNS for sign in ("", "-")]:
            for folders_first in ("true", "false"):
                seen, cursor = [], None
                while True:
                    query: dict[str, Any] = {"limit": 3, "sort": sort, "folders_first": folders_first} | (
                        {"cursor": cursor} if cursor else {}
                    )
                    page = (await http.get("/v1/items/root/children", params=query)).json()
                    seen += [item["id"] for item in page["items"]]
                    cursor = page["next_cursor"]
                    if cursor is None:
                        break
                    assert len(page["items"]) == 3
                assert len(seen) == len(set(seen)) == 11


async def test_an_item_looks_the_same_in_a_listing_and_by_itself(files: Files) -> None:
    done = await files.upload("caf\u00e9: 1.html", 5)
    await files.rows(items.update().where(items.c.id == done.item_id).values(flags=["active_content"]).returning(items.c.id))
    async with files.client() as http:
        await made(http, "folder")
        for shown in (await http.get("/v1/items/root/children")).json()["items"]:
            assert (await http.get(f"/v1/items/{shown['id']}")).json() == shown


async def test_a_cursor_works_only_for_the_listing_it_was_made_for(files: Files) -> None:
    async with files.client() as http, files.client(person()) as stranger:
        for name in "abc":
            await made(http, name)
            await made(stranger, name)
        cursor = (await http.get("/v1/items/root/children", params={"limit": 1})).json()["next_cursor"]
        assert cursor
        other = {"limit": 1, "cursor": cursor, "sort": "-name"}
        refused(await http.get("/v1/items/root/children", params=other), 400, "cursor_invalid")
        refused(await stranger.get("/v1/items/root/children", params={"cursor": cursor}), 400, "cursor_invalid")
        refused(await http.get("/v1/items/root/children", params={"cursor": cursor[:-2] + "xx"}), 400, "cursor_invalid")
        refused(await http.get("/v1/items/root/children", params={"cursor": "x"}), 400, "cursor_invalid")
        refused(await http.get("/v1/trash", params={"cursor": cursor}), 400, "cursor_invalid")


async def test_page_sizes_are_brought_into_range_and_orders_are_checked(files: Files) -> None:
    async with files.client() as http:
        await made(http, "a")
        await made(http, "b")
        assert len((await http.get("/v1/items/root/children", params={"limit": 0})).json()["items"]) == 1
        assert len((await http.get("/v1/items/root/children", params={"limit": 10**9})).json()["items"]) == 2
        refused(await http.get("/v1/items/root/children", params={"limit": "many"}), 422, "validation_failed")
        refused(await http.get("/v1/items/root/children", params={"sort": "colour"}), 422, "validation_failed")
        listed = (await http.get("/v1/items/root/children", params={"include": "total,path", "limit": 1})).json()
        assert (listed["total"], listed["items"][0]["path"]) == (2, "/a")


async def test_a_file_is_no_folder_and_a_folder_has_no_content(files: Files) -> None:
    done = await files.upload()
    async with files.client() as http:
        folder = await made(http, "a")
        refused(await http.get(f"/v1/items/{done.item_id}/children"), 409, "kind_conflict")
        refused(await http.post("/v1/folders", json={"parent_id": done.item_id, "name": "x"}), 409, "kind_conflict")
        refused(await http.get(f"/v1/items/{folder['id']}/content"), 409, "kind_conflict")
        refused(await http.get(f"/v1/items/{folder['id']}/preview"), 409, "kind_conflict")


async def test_a_change_is_made_only_to_what_the_caller_has_seen(files: Files) -> None:
    async with files.client() as http:
        folder = await made(http, "a")
        at = f"/v1/items/{folder['id']}"
        renamed = await http.patch(at, json={"name": "b"}, headers={"If-Match": folder["etag"]})
        assert (renamed.status_code, renamed.json()["name"], renamed.headers["etag"]) == (200, "b", '"2"')
        stale = {"If-Match": folder["etag"]}
        told = refused(await http.patch(at, json={"name": "c"}, headers=stale), 412, "precondition_failed")
        assert told["current_etag"] == '"2"'
        refused(await http.delete(at, headers=stale), 412, "precondition_failed")
        refused(await http.patch(at, json={"name": "c"}, headers={"If-Match": "2"}), 400, "malformed_request")
        assert (await http.get(at, headers={"If-None-Match": '"2"'})).status_code == 304
        assert (await http.get(at, headers={"If-None-Match": '"1"'})).status_code == 200
        assert (await http.patch(at, json={"name": "b"})).headers["etag"] == '"2"'


@pytest.mark.parametrize("edge", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59"])
async def test_a_time_at_the_edge_of_the_calendar_is_refused_and_hurts_nothing(files: Files, edge: str) -> None:
    async with files.client() as http:
        at = f"/v1/items/{(await made(http, 'a'))['id']}"
        told = refused(await http.patch(at, json={"modified_at": edge}), 422, "validation_failed")
        assert [error["code"] for error in told["errors"]] == ["out_of_range"]
        for year in ("0002", "9998"):
            moment = f"{year}-01-02T03:04:05.000Z"
            assert (await http.patch(at, json={"modified_at": moment})).status_code == 200
            assert (await http.get(at)).json()["modified_at"] == moment
            listed = await http.get("/v1/items/root/children", params={"sort": "modified_at"})
            assert [item["modified_at"] for item in listed.json()["items"]] == [moment]
            assert (await http.get("/v1/changes")).status_code == 200


async def test_a_rename_may_change_only_case_and_may_not_take_a_name(files: Files) -> None:
    async with files.client() as http:
        folder = await made(http, "a")
        await made(http, "b")
        assert (await http.patch(f"/v1/items/{folder['id']}", json={"name": "A"})).json()["name"] == "A"
        told = refused(await http.patch(f"/v1/items/{folder['id']}", json={"name": "B"}), 409, "name_conflict")
        assert told["suggested_name"] == "B (1)"
        kept = await http.patch(f"/v1/items/{folder['id']}", json={"name": "B", "conflict": "rename"})
        assert kept.json()["name"] == "B (1)"


async def test_labels_and_times_are_told_with_what_they_were(files: Files) -> None:
    done = await files.upload("old.jpg")
    async with files.client() as http:
        at = f"/v1/items/{done.item_id}"
        before = (await http.get(at)).json()["modified_at"]
        for tags in (["draft"], ["final", "2026"]):
            assert (await http.put(f"{at}/tags", json={"tags": tags})).status_code == 200
        assert (await http.patch(at, json={"modified_at": "2020-01-01T00:00:00.000Z"})).status_code == 200
    facts = [fact.data for fact in await files.facts("files.item.changed.v1") if fact.data.item_id == done.item_id]
    assert [(fact.changes, fact.previous_tags or ()) for fact in facts] == [
        (("tags",), ()),
        (("tags",), ("draft",)),
        (("modified_at",), ()),
    ]
    assert [fact.previous_modified_at and timestamp(fact.previous_modified_at) for fact in facts] == [None, None, before]


async def test_a_rename_is_told_with_what_was_before(files: Files) -> None:
    done = await files.upload("old.jpg")
    async with files.client() as http:
        target = await made(http, "target")
        await http.patch(f"/v1/items/{done.item_id}", json={"name": "new.jpg"})
        await http.patch(f"/v1/items/{done.item_id}", json={"parent_id": target["id"]})
    facts = [fact for fact in await files.facts("files.item.changed.v1") if fact.data.item_id == done.item_id]
    assert [(fact.data.changes, fact.data.previous_name) for fact in facts] == [(("name",), "old.jpg"), (("parent_id",), None)]
    assert facts[1].data.ancestor_ids[-1] == target["id"]
    assert facts[1].data.previous_parent_id
    assert facts[1].data.content.blob_id == done.blob_id
    assert [fact.actorid for fact in facts] == [files.owner.user_id] * 2


@pytest.mark.slow
async def test_a_folder_does_not_move_into_itself_and_not_too_deep(files: Files) -> None:
    async with files.client() as http:
        top = (await made(http, "top"))["id"]
        below = (await made(http, "below", top))["id"]
        for target in (top, below):
            refused(await http.patch(f"/v1/items/{top}", json={"parent_id": target}), 409, "cycle")
        deepest = below
        for number in range(98):
            deepest = (await made(http, str(number), deepest))["id"]
        refused(await http.post("/v1/folders", json={"parent_id": deepest, "name": "x"}), 422, "validation_failed")
        other = (await made(http, "other"))["id"]
        refused(await http.patch(f"/v1/items/{top}", json={"parent_id": other}), 422, "validation_failed")
        assert (await http.patch(f"/v1/items/{below}", json={"parent_id": other})).status_code == 200


async def test_the_same_key_makes_one_folder_and_another_request_under_it_is_refused(files: Files) -> None:
    async with files.client() as http, files.client(person()) as stranger:
        body, key = {"parent_id": "root", "name": "a"}, {"Idempotency-Key": "one-key"}
        first = await http.post("/v1/folders", json=body, headers=key)
        again = await http.post("/v1/folders", json=body, headers=key)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert ("idempotent-replayed" in first.headers, again.headers.get("idempotent-replayed")) == (False, "true")
        refused(await http.post("/v1/folders", json=body | {"name": "b"}, headers=key), 422, "idempotency_key_reuse")
        refused(await http.post("/v1/folders", json=body, headers={"Idempotency-Key": ""}), 400, "malformed_request")
        assert (await stranger.post("/v1/folders", json=body, headers=key)).json()["id"] != first.json()["id"]


async def test_the_trash_goes_and_comes_over_http(files: Files) -> None:
    async with files.client() as http:
        folder = await made(http, "a")
        assert (await http.delete(f"/v1/items/{folder['id']}")).status_code == 204
        assert (await http.get("/v1/items/root/children")).json()["items"] == []
        [entry] = (await http.get("/v1/trash")).json()["items"]
        assert (entry["item"]["id"], entry["purge_at"]) == (folder["id"], "2026-12-20T12:00:00.000Z")
        assert (await http.get(f"/v1/items/{folder['id']}")).json()["trashed_at"] == "2026-11-20T12:00:00.000Z"
        back = await http.post(f"/v1/trash/{folder['id']}/restore", json={})
        assert (back.json()["name"], back.json()["trashed_at"]) == ("a", None)
        await http.delete(f"/v1/items/{folder['id']}")
        assert (await http.delete(f"/v1/trash/{folder['id']}")).status_code == 204
        refused(await http.get(f"/v1/items/{folder['id']}"), 404, "not_found")


async def test_the_number_of_statements_is_fixed(store: str) -> None:
    async with files_on(store) as files, files.client() as http:
        parent = "root"
        for name in "abcdef":
            parent = (await made(http, name, parent))["id"]
        for number in range(30):
            await made(http, f"child {number}", parent)
        child = await made(http, "child", parent)

        async def statements(request: Any) -> Any:
            files.statements.clear()
            assert (await request).is_success
            return len(files.statements)

        assert await statements(http.get(f"/v1/items/{parent}/children")) == 2
        assert await statements(http.get("/v1/items/root/children")) == 2
        assert await statements(http.get(f"/v1/items/{parent}/children", params={"limit": 1000, "sort": "-size"})) == 2
        assert await statements(http.get(f"/v1/items/{child['id']}")) == 1
        # Item, feed, outbox; the folder above is read and held in one.
        assert await statements(http.post("/v1/folders", json={"parent_id": parent, "name": "x"})) == 4
        assert await statements(http.patch(f"/v1/items/{child['id']}", json={"name": "y"})) == 4
        # Folder above, name, upload, quota.
        body = {"parent_id": parent, "name": "z", "size": 1}
        assert await statements(http.post("/v1/uploads", json=body)) == 4
