"""Comments over HTTP, with everything that can go wrong."""

from typing import Any

import pytest
from httpx import AsyncClient, Response

from coffer_sharing.domain.comments import TEXT_LENGTH
from factories.files import person
from factories.sharing import Item, Sharing, id_made


def refused(answer: Response, status: int, code: str) -> Any:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()


def wanted(item: Item, body: str = "Nice", **more: Any) -> dict[str, Any]:
    return {"item_id": item.id, "body": body, **more}


def named(somebody: Any) -> dict[str, Any]:
    name = somebody.username
    return {"id": somebody.user_id, "status": "active", "username": name, "display_name": str(name).title()}


async def said(http: AsyncClient, item: Item, body: str = "Nice", **more: Any) -> dict[str, Any]:
    answer = await http.post("/v1/comments", json=wanted(item, body, **more))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["etag"] == made["etag"]
    return made


async def listed(http: AsyncClient, item: Item, **query: Any) -> Any:
    answer = await http.get("/v1/comments", params={"item_id": item.id, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_comment_has_everything_a_client_needs(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    await sharing.share(folder, ann)
    async with sharing.client() as http, sharing.client(ann) as hers:
        made = await said(
            hers, folder, "Look, @you", mentions=[{"username": sharing.owner.username}], anchor={"page": 3, "x": 0.25, "y": 1}
        )
        assert made == {
            "id": made["id"],
            "item_id": folder.id,
            "parent_id": None,
            "author": named(ann),
            "body": "Look, @you",
            "mentions": [named(sharing.owner)],
            "anchor": {"page": 3, "x": 0.25, "y": 1.0},
            "created_at": "2026-11-20T12:00:00.000Z",
            "edited_at": None,
            "changed_at": "2026-11-20T12:00:00.000Z",
            "resolved_at": None,
            "resolved_by": None,
            "deleted_at": None,
            "etag": made["etag"],
        }
        reply = await said(http, folder, "Yes", parent_id=made["id"].upper())
        assert (reply["parent_id"], reply["anchor"]) == (made["id"], None)
        path = f"/v1/comments/{made['id']}"
        for client in (http, hers):
            seen = await client.get(path.upper().replace("/V1/COMMENTS", "/v1/comments"))
            assert (seen.json(), seen.headers["etag"]) == (made, made["etag"])
            known = await client.get(path, headers={"If-None-Match": made["etag"]})
            assert (known.status_code, known.content) == (304, b"")
            assert await listed(client, folder) == {"items": [made, reply], "next_cursor": None}


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"item_id": "root"}, "/item_id", "wrong_pattern"),
        ({"item_id": None}, "/item_id", "string_type"),
        ({"body": None}, "/body", "string_type"),
        ({"body": 7}, "/body", "string_type"),
        ({"body": ""}, "/body", "too_short"),
        ({"body": " \r\n "}, "/body", "empty"),
        ({"body": "x" * (TEXT_LENGTH + 1)}, "/body", "too_long"),
        ({"body": "a\x00b"}, "/body", "nul_character"),
        ({"body": "a\x1b[31mb"}, "/body", "control_character"),
        ({"body": "a\x9b31mb"}, "/body", "control_character"),
        ({"body": "report\u202egpj.exe"}, "/body", "bidi_override"),
        ({"parent_id": id_made()}, "/parent_id", "unknown_comment"),
        ({"parent_id": "x"}, "/parent_id", "wrong_pattern"),
        ({"anchor": {"page": 0, "x": 0, "y": 0}}, "/anchor/page", "too_small"),
        ({"anchor": {"page": 10**9, "x": 0, "y": 0}}, "/anchor/page", "too_large"),
        ({"anchor": {"page": 1, "x": 1.01, "y": 0}}, "/anchor/x", "too_large"),
        ({"anchor": {"page": 1, "x": 0}}, "/anchor/y", "required"),
        ({"anchor": {"page": 1, "x": 0, "y": 0, "z": 0}}, "/anchor/z", "unknown_field"),
        ({"mentions": [{}]}, "/mentions/0", "one_of"),
        ({"mentions": [{"username": "x"}] * 21}, "/mentions", "too_many"),
        ({"mentions": [{"username": "nobody of this name"}]}, "/mentions/0", "unknown_person"),
        ({"html": "<b>"}, "/html", "unknown_field"),
    ],
)
async def test_a_body_that_breaks_a_rule_is_refused_where_it_does(
    sharing: Sharing, change: dict[str, Any], pointer: str, code: str
) -> None:
    folder = await sharing.item()
    async with sharing.client() as http:
        told = refused(await http.post("/v1/comments", json=wanted(folder) | change), 422, "validation_failed")
        assert (pointer, code) in [(error["pointer"], error["code"]) for error in told["errors"]]
        assert (await listed(http, folder))["items"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"body":"\xff"}', b'{"body":"\\ud800"}'])
async def test_what_is_no_request_is_refused(sharing: Sharing, body: bytes) -> None:
    async with sharing.client() as http:
        answer = await http.post("/v1/comments", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}, answer.text
        assert answer.json()["code"] in {"malformed_request", "validation_failed"}


async def test_megabytes_are_refused_before_they_are_read(sharing: Sharing) -> None:
    folder = await sharing.item()
    async with sharing.client() as http:
        refused(await http.post("/v1/comments", json=wanted(folder, "x" * 12_000_000)), 413, "too_large")


@pytest.mark.parametrize(
    "text",
    [
        "[click](javascript:alert(1)) ![x](data:text/html;base64,PHNjcmlwdD4=)",
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "\U0001f600" * TEXT_LENGTH,
        "[" * TEXT_LENGTH,
        "*_`~" * (TEXT_LENGTH // 4),
    ],
    ids=["link", "html", "wide", "brackets", "marks"],
)
async def test_hostile_text_is_kept_as_text_and_never_becomes_html(sharing: Sharing, text: str) -> None:
    folder = await sharing.item()
    async with sharing.client() as http:
        made = await said(http, folder, text)
        assert made["body"] == text
        answer = await http.get(f"/v1/comments/{made['id']}", headers={"Accept": "text/html"})
        assert answer.headers["content-type"].partition(";")[0] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.json()["body"] == text


async def test_a_comment_is_changed_deleted_and_resolved_under_its_tag(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    await sharing.share(folder, ann)
    async with sharing.client() as http, sharing.client(ann) as hers:
        made = await said(hers, folder)
        path, old = f"/v1/comments/{made['id']}", {"If-Match": made["etag"]}
        sharing.clock.advance(seconds=1)
        answer = await hers.patch(path, json={"body": "Better"}, headers=old)
        changed = answer.json()
        assert (answer.status_code, changed["body"], changed["edited_at"]) == (200, "Better", "2026-11-20T12:00:01.000Z")
        assert answer.headers["etag"] == changed["etag"] != made["etag"]
        told = refused(await hers.patch(path, json={"body": "x"}, headers=old), 412, "precondition_failed")
        assert told["current_etag"] == changed["etag"]
        assert (await hers.patch(path, json={})).json() == changed
        assert (await hers.patch(path, json={"mentions": []})).json() == changed
        refused(await hers.patch(path, json={"body": ""}), 422, "validation_failed")
        refused(await hers.patch(path, json={"anchor": None}), 422, "validation_failed")
        refused(await http.patch(path, json={"body": "mine"}), 403, "forbidden")
        refused(await http.put(f"{path}/resolved", headers=old), 412, "precondition_failed")
        resolved = await http.put(f"{path}/resolved", headers={"If-Match": changed["etag"]})
        assert (resolved.status_code, resolved.json()["resolved_by"]) == (200, named(sharing.owner))
        assert (await http.put(f"{path}/resolved")).json() == resolved.json()
        assert [len((await listed(http, folder, resolved=which))["items"]) for which in ("true", "false")] == [1, 0]
        for _ in range(2):
            opened = await hers.delete(f"{path}/resolved")
            assert (opened.status_code, opened.json()["resolved_at"]) == (200, None)
        refused(await hers.delete(path, headers=old), 412, "precondition_failed")
        assert (await hers.delete(path, headers={"If-Match": opened.json()["etag"]})).status_code == 204
        for answer in (await hers.get(path), await hers.delete(path), await hers.patch(path, json={}), await http.delete(path)):
            refused(answer, 404, "not_found")


async def test_what_is_left_of_a_deleted_comment_has_neither_text_nor_author(sharing: Sharing) -> None:
    folder = await sharing.item()
    async with sharing.client() as http:
        thread = await said(http, folder, mentions=[{"user_id": sharing.owner.user_id}])
        reply = await said(http, folder, parent_id=thread["id"])
        for _ in range(2):
            assert (await http.delete(f"/v1/comments/{thread['id']}")).status_code == 204
        place, left = (await listed(http, folder))["items"]
        assert place == thread | {
            "body": None,
            "author": None,
            "mentions": [],
            "deleted_at": "2026-11-20T12:00:00.000Z",
            "etag": place["etag"],
        }
        assert left == reply
        refused(await http.patch(f"/v1/comments/{thread['id']}", json={"body": "x"}), 409, "state_conflict")
        refused(await http.put(f"/v1/comments/{reply['id']}/resolved"), 409, "state_conflict")


async def test_pages_are_for_one_item_one_reader_and_one_order(sharing: Sharing) -> None:
    ann, folder, other = await sharing.person(), await sharing.item(), await sharing.item("b")
    await sharing.share(folder, ann)
    async with sharing.client() as http, sharing.client(ann) as hers:
        thread = await said(http, folder)
        for number in range(4):
            await said(http, folder, str(number), parent_id=thread["id"] if number % 2 else None)
        whole = (await listed(http, folder))["items"]
        seen, query = [], {"limit": 2}
        while True:
            page = await listed(http, folder, **query)
            seen += page["items"]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert seen == whole
        assert [one["body"] for one in (await listed(http, folder, sort="created_at"))["items"]] == ["Nice", "1", "3", "0", "2"]
        cursor = (await listed(http, folder, limit=1))["next_cursor"]
        for client, item, more in (
            (hers, folder, {}),
            (http, other, {}),
            (http, folder, {"sort": "created_at"}),
            (http, folder, {"resolved": "false"}),
            (http, folder, {"cursor": "nonsense"}),
        ):
            asked: dict[str, str] = {"item_id": item.id, "cursor": cursor, **more}
            refused(await client.get("/v1/comments", params=asked), 400, "cursor_invalid")
        for wrong in ({"sort": "body"}, {"resolved": "maybe"}, {"limit": "many"}, {"item_id": "root"}):
            refused(await http.get("/v1/comments", params={"item_id": str(folder.id), **wrong}), 422, "validation_failed")
        refused(await http.get("/v1/comments"), 422, "validation_failed")
        assert len((await listed(http, folder, limit=-1))["items"]) == 1


async def test_a_repeated_request_is_answered_again(sharing: Sharing) -> None:
    folder = await sharing.item()
    key = {"Idempotency-Key": '"a-key"'}
    async with sharing.client() as http:
        first = await http.post("/v1/comments", json=wanted(folder), headers=key)
        again = await http.post("/v1/comments", json=wanted(folder), headers=key)
        assert (again.status_code, again.json(), again.headers["etag"]) == (201, first.json(), first.headers["etag"])
        assert again.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in first.headers
        refused(await http.post("/v1/comments", json=wanted(folder, "x"), headers=key), 422, "idempotency_key_reuse")
        assert len((await listed(http, folder))["items"]) == 1


async def test_what_is_not_there_and_what_is_not_for_you_are_the_same_answer(sharing: Sharing) -> None:
    folder = await sharing.item()
    async with sharing.client() as http, sharing.client(person(id_made())) as stranger:
        comment = await said(http, folder)

        async def answers(comment_id: str) -> Any:
            path = f"/v1/comments/{comment_id}"
            yield await stranger.get(path)
            yield await stranger.patch(path, json={"body": "x"})
            yield await stranger.delete(path)
            yield await stranger.put(f"{path}/resolved")
            yield await stranger.delete(f"{path}/resolved")

        told = [
            refused(answer, 404, "not_found")
            for comment_id in (comment["id"], id_made(), "nonsense")
            async for answer in answers(comment_id)
        ]
        for item_id in (folder.id, id_made()):
            told.append(refused(await stranger.get("/v1/comments", params={"item_id": item_id}), 404, "not_found"))
            body = {"item_id": item_id, "body": "x", "parent_id": comment["id"]}
            told.append(refused(await stranger.post("/v1/comments", json=body), 404, "not_found"))
        assert len({(one["title"], one["detail"], one["type"]) for one in told}) == 1
