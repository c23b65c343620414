"""Lists and explanations over HTTP."""

from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient, Response

from factories.sharing import Item, Sharing, id_made


def refused(answer: Response, status: int, code: str) -> Any:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return answer.json()


async def ask(http: AsyncClient, path: str, **query: Any) -> Any:
    answer = await http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.slow
@pytest.mark.parametrize("sort", ["created_at", "-created_at", "name", "-name"])
@pytest.mark.parametrize("path", ["/v1/shares/with-me", "/v1/shares/by-me"])
async def test_a_list_is_paged_without_gaps_in_every_order(sharing: Sharing, path: str, sort: str) -> None:
    ann = await sharing.person()
    for number in range(7):
        sharing.clock.advance(seconds=number % 2)
        await sharing.share(await sharing.item(f"{'cab'[number % 3]}{number}"), ann)
    async with sharing.client(ann if path.endswith("with-me") else sharing.owner) as http:
        whole = await ask(http, path, sort=sort)
        assert whole["next_cursor"] is None
        seen, query = [], {"limit": 3, "sort": sort}
        while True:
            page = await ask(http, path, **query)
            seen += page["items"]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert seen == whole["items"]
        assert len({one["id"] for one in seen}) == 7
        key = sort.removeprefix("-")
        values = [one["created_at"] if key == "created_at" else one["item"]["name"] for one in seen]
        assert values == sorted(values, reverse=sort.startswith("-"))


async def test_what_is_listed_is_what_is_shown_alone(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item("Plan")
    [shown] = await sharing.share(folder, ann, message="Look")
    async with sharing.client() as http, sharing.client(ann) as hers:
        alone = await ask(http, f"/v1/shares/{shown.share.id}")
        for client, path in ((http, "by-me"), (hers, "with-me")):
            assert await ask(client, f"/v1/shares/{path}") == {"items": [alone], "next_cursor": None}
        on_item = await ask(http, "/v1/shares", item_id=folder.id)
        assert on_item["items"] == [alone | {"inherited_from": None}]


async def test_a_cursor_belongs_to_one_list_of_one_person(sharing: Sharing) -> None:
    ann, bob = await sharing.person(), await sharing.person()
    for number in range(3):
        await sharing.share(await sharing.item(str(number)), ann, bob)
    async with sharing.client(ann) as hers, sharing.client(bob) as his, sharing.client() as http:
        cursor = (await ask(hers, "/v1/shares/with-me", limit=1))["next_cursor"]
        for client, path, more in (
            (his, "/v1/shares/with-me", {}),
            (hers, "/v1/shares/by-me", {}),
            (hers, "/v1/shares/with-me", {"sort": "name"}),
            (hers, "/v1/shares/with-me", {"kind": "folder"}),
            (hers, "/v1/shares/with-me", {"cursor": cursor[:-2]}),
            (http, "/v1/shares/with-me", {"cursor": "nonsense"}),
        ):
            refused(await client.get(path, params={"cursor": cursor} | more), 400, "cursor_invalid")


@pytest.mark.parametrize("query", [{"sort": "size"}, {"sort": "--name"}, {"kind": "link"}, {"limit": "many"}])
@pytest.mark.parametrize("path", ["/v1/shares/with-me", "/v1/shares/by-me"])
async def test_a_question_that_makes_no_sense_is_refused(sharing: Sharing, path: str, query: dict[str, Any]) -> None:
    async with sharing.client() as http:
        told = refused(await http.get(path, params=query), 422, "validation_failed")
        assert [(error["pointer"], error["in"]) for error in told["errors"]] == [(f"/{next(iter(query))}", "query")]


@pytest.mark.parametrize("limit", [-1, 0, 100_000])
async def test_a_page_size_is_brought_into_range(sharing: Sharing, limit: int) -> None:
    ann = await sharing.person()
    for name in "ab":
        await sharing.share(await sharing.item(name), ann)
    async with sharing.client(ann) as http:
        assert len((await ask(http, "/v1/shares/with-me", limit=limit))["items"]) == (1 if limit < 1 else 2)


async def tree(sharing: Sharing) -> tuple[Item, Item]:
    folder = await sharing.item("Folder")
    return folder, await sharing.item("file", folder, "file")


async def test_the_shares_of_an_item_say_where_they_come_from_and_what_the_caller_may_do(sharing: Sharing) -> None:
    ann, bob = await sharing.person(), await sharing.person()
    folder, file = await tree(sharing)
    [above] = await sharing.share(folder, ann)
    sharing.clock.advance(seconds=1)
    [direct] = await sharing.share(file, bob, role="editor")
    async with sharing.client() as http, sharing.client(ann) as hers, sharing.client(bob) as his:
        told = await ask(http, "/v1/shares", item_id=file.id.upper())
        inherited = {"item_id": folder.id, "name": "Folder"}
        assert [(one["id"], one["inherited_from"]) for one in told["items"]] == [
            (direct.share.id, None),
            (above.share.id, inherited),
        ]
        assert told["effective"] == {"read": True, "write": True, "delete": True, "share": True}
        told = await ask(hers, "/v1/shares", item_id=file.id)
        assert [(one["id"], one["inherited_from"]) for one in told["items"]] == [(above.share.id, inherited)]
        assert told["effective"] == {"read": True, "write": False, "delete": False, "share": False}
        first = await ask(http, "/v1/shares", item_id=file.id, limit=1)
        second = await ask(http, "/v1/shares", item_id=file.id, limit=1, cursor=first["next_cursor"])
        assert [one["id"] for one in first["items"] + second["items"]] == [direct.share.id, above.share.id]
        refused(
            await http.get("/v1/shares", params={"item_id": folder.id, "cursor": first["next_cursor"]}), 400, "cursor_invalid"
        )
        for answer in (
            await his.get("/v1/shares", params={"item_id": folder.id}),
            await http.get("/v1/shares", params={"item_id": id_made()}),
        ):
            refused(answer, 404, "not_found")
        for query in ({}, {"item_id": ""}, {"item_id": "root"}, {"item_id": f"{file.id}x"}):
            refused(await http.get("/v1/shares", params=query), 422, "validation_failed")


async def test_an_explanation_names_every_cause_and_what_remains_without_it(sharing: Sharing) -> None:
    ann = await sharing.person()
    folder, file = await tree(sharing)
    ends = sharing.clock.now() + timedelta(days=1)
    [above] = await sharing.share(folder, ann, expires_at=ends)
    sharing.clock.advance(seconds=1)
    [direct] = await sharing.share(file, ann, role="editor")
    viewer = {"read": True, "write": False, "delete": False, "share": False}
    editor = {"read": True, "write": True, "delete": True, "share": False}
    nothing, everything = dict.fromkeys(viewer, False), dict.fromkeys(viewer, True)
    async with sharing.client() as http, sharing.client(ann) as hers:
        told = await ask(http, "/v1/shares/explain", item_id=file.id, user_id=ann.user_id)
        assert told == await ask(hers, "/v1/shares/explain", item_id=file.id)
        assert (told["item_id"], told["user"]["username"], told["account"]) == (file.id, ann.username, "active")
        assert told["rights"] == editor
        assert [(one["kind"], one["share"]["id"], one["gives"], one["without"]) for one in told["causes"]] == [
            ("share", direct.share.id, editor, viewer),
            ("share", above.share.id, viewer, editor),
        ]
        origin = told["causes"][1]["share"]
        assert (origin["inherited_from"]["name"], origin["granted_by"]["id"]) == ("Folder", sharing.owner.user_id)
        assert (origin["created_at"], origin["expires_at"]) == ("2026-11-20T12:00:00.000Z", "2026-11-21T12:00:00.000Z")
        told = await ask(http, "/v1/shares/explain", item_id=file.id)
        assert told["causes"] == [{"kind": "ownership", "share": None, "gives": everything, "without": nothing}]
        for client, query in ((hers, {"item_id": file.id, "user_id": sharing.owner.user_id}), (http, {"item_id": id_made()})):
            refused(await client.get("/v1/shares/explain", params=query), 404, "not_found")
        for query in ({}, {"item_id": file.id, "user_id": "me"}):
            refused(await http.get("/v1/shares/explain", params=query), 422, "validation_failed")
