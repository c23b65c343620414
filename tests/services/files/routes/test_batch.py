"""Many operations in one request: each with a result of its own, all or nothing, and never twice."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient, Response

from coffer_chassis import idempotency
from coffer_chassis.access import EDITOR
from coffer_chassis.ids import new_id
from coffer_files.store.drives import lock_drive
from coffer_files.store.items import lock_tree
from factories.files import Files, granted, person


def refused(answer: Response, status: int, code: str) -> Any:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return answer.json()


async def made(http: AsyncClient, name: str, parent: str = "root") -> str:
    answer = await http.post("/v1/folders", json={"parent_id": parent, "name": name})
    assert answer.status_code == 201, answer.text
    item_id: str = answer.json()["id"]
    return item_id


async def batch(http: AsyncClient, *operations: dict[str, Any], key: str | None = None, **more: Any) -> Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await http.post("/v1/batch", json={"operations": operations, **more}, headers=headers)


async def outcomes(http: AsyncClient, *operations: dict[str, Any], **more: Any) -> list[Any]:
    answer = await batch(http, *operations, **more)
    assert answer.status_code == 200, answer.text
    results: list[Any] = answer.json()["results"]
    return results


async def names(http: AsyncClient, parent: str = "root") -> set[str]:
    return {item["name"] for item in (await http.get(f"/v1/items/{parent}/children")).json()["items"]}


async def test_every_operation_does_what_its_route_does(files: Files) -> None:
    async with files.client() as http:
        folder, moved, renamed, gone, back, ended, plain = [await made(http, name) for name in "abcdefg"]
        for item in (back, ended):
            await http.delete(f"/v1/items/{item}")
        results = await outcomes(
            http,
            {"op": "move", "item_id": moved, "args": {"parent_id": folder}, "ref": "m"},
            {"op": "rename", "item_id": renamed, "args": {"name": "z"}, "if_match": '"1"'},
            {"op": "trash", "item_id": gone},
            {"op": "restore", "item_id": back, "args": {"parent_id": folder}},
            {"op": "purge", "item_id": ended},
            {"op": "tag", "item_id": plain, "args": {"tags": ["t"]}},
            {"op": "favourite", "item_id": plain},
        )
        assert [one["status"] for one in results] == [200, 200, 200, 200, 204, 200, 200]
        assert results[0]["ref"] == "m"
        assert results[0]["item"]["parent_id"] == results[3]["item"]["parent_id"] == folder
        assert results[1]["item"]["name"] == "z"
        assert results[2]["item"]["trashed_at"] is not None
        assert "item" not in results[4]
        assert (results[5]["item"]["tags"], results[6]["item"]["favourite"]) == (["t"], True)
        assert await names(http) == {"a", "z", "g"}
        assert await names(http, folder) == {"b", "e"}
        refused(await http.get(f"/v1/items/{ended}"), 404, "not_found")
        recent = (await http.get("/v1/recent")).json()["items"]
        assert {item["id"] for item in recent} == {moved, renamed}
    assert len(await files.facts("files.item.purged.v1")) == 1


async def test_one_that_is_refused_leaves_nothing_and_stops_no_other(files: Files) -> None:
    stranger = person()
    async with files.client() as http, files.client(stranger) as theirs:
        one, two = await made(http, "one"), await made(http, "two")
        other = await made(theirs, "theirs")
        before = len(await files.facts())
        results = await outcomes(
            http,
            {"op": "rename", "item_id": one, "args": {"name": "two"}, "ref": "taken"},
            {"op": "rename", "item_id": one, "args": {"name": "a/b"}},
            {"op": "rename", "item_id": other, "args": {"name": "mine"}},
            {"op": "trash", "item_id": new_id()},
            {"op": "trash", "item_id": two, "if_match": '"9"'},
            {"op": "move", "item_id": one, "args": {"parent_id": one}},
            {"op": "purge", "item_id": one},
            {"op": "tag", "item_id": one, "args": {"tags": [""]}},
            {"op": "rename", "item_id": one, "args": {"name": "uno"}},
        )
        codes = [one.get("problem", {}).get("code") for one in results]
        assert codes == [
            "name_conflict", "name_invalid", "not_found", "not_found", "precondition_failed", "cycle", "not_found",
            "validation_failed", None,
        ]  # fmt: skip
        problem = results[0]["problem"]
        assert (problem["status"], problem["suggested_name"], problem["existing"]["id"]) == (409, "two (1)", two)
        assert problem["type"].endswith("/problems/name-conflict")
        assert results[0]["ref"] == "taken"
        assert await names(http) == {"uno", "two"}
    assert len(await files.facts()) == before + 1


async def test_all_or_nothing_leaves_nothing_where_one_is_refused(files: Files) -> None:
    async with files.client() as http:
        one, two = await made(http, "one"), await made(http, "two")
        facts, entries = len(await files.facts()), await files.rows("SELECT count(*) FROM changes")
        operations = (
            {"op": "rename", "item_id": one, "args": {"name": "uno"}},
            {"op": "rename", "item_id": two, "args": {"name": "uno"}},
            {"op": "trash", "item_id": two},
        )
        results = await outcomes(http, *operations, atomic=True, key="k")
        assert [(one["status"], one["problem"]["code"]) for one in results] == [
            (424, "batch_undone"), (409, "name_conflict"), (424, "batch_undone"),
        ]  # fmt: skip
        assert await names(http) == {"one", "two"}
        assert (len(await files.facts()), await files.rows("SELECT count(*) FROM changes")) == (facts, entries)
        # Nothing was done, so nothing was used: the same may be tried again once the way is free.
        await http.patch(f"/v1/items/{two}", json={"name": "three"})
        swapped = await outcomes(
            http,
            {"op": "rename", "item_id": one, "args": {"name": "x"}},
            {"op": "rename", "item_id": two, "args": {"name": "one"}},
            {"op": "rename", "item_id": one, "args": {"name": "three"}},
            atomic=True,
        )
        assert [result["status"] for result in swapped] == [200] * 3
        assert [result["item"]["name"] for result in swapped] == ["three", "one", "three"]


async def test_a_batch_sent_twice_does_nothing_twice(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "WAIT_MILLISECONDS", 60_000)
    async with files.client() as http:
        folder, item = await made(http, "folder"), await made(http, "item")
        operations = (
            {"op": "move", "item_id": item, "args": {"parent_id": folder, "conflict": "rename"}},
            {"op": "trash", "item_id": new_id()},
        )
        first = await batch(http, *operations, key="once")
        facts = len(await files.facts())
        await http.patch(f"/v1/items/{item}", json={"parent_id": "root"})
        again = await batch(http, *operations, key="once")
        assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
        assert [one["status"] for one in again.json()["results"]] == [200, 404]
        assert again.json()["results"][0]["item"]["parent_id"] != folder
        assert len(await files.facts()) == facts + 1
        refused(await batch(http, operations[0], key="once"), 422, "idempotency_key_reuse")
        many = await asyncio.gather(*(batch(http, *operations, key="at-once") for _ in range(5)))
        assert sorted(answer.headers.get("idempotent-replayed", "") for answer in many) == ["", *["true"] * 4]
    assert len(await files.facts()) == facts + 2


async def test_batches_at_once_that_take_the_same_things_in_turn_all_end(files: Files) -> None:
    async with files.client() as http:
        items = [await made(http, f"n{number}") for number in range(6)]

        async def swap(number: int) -> Response:
            order = items[number:] + items[:number]
            return await batch(
                http,
                *(
                    {"op": "rename", "item_id": item, "args": {"name": f"m{n}", "conflict": "rename"}}
                    for n, item in enumerate(order)
                ),
            )

        answers = await asyncio.gather(*(swap(number) for number in range(6)))
        assert [answer.status_code for answer in answers] == [200] * 6
        assert len(await names(http)) == 6


async def test_an_editor_does_in_a_batch_what_they_may_and_no_more(files: Files) -> None:
    viewer = person()
    async with files.client() as http, files.client(viewer) as theirs:
        folder = await made(http, "shared")
        item = await made(http, "item", folder)
        await files.handle(granted(folder, files.owner, viewer))
        results = await outcomes(
            theirs,
            {"op": "rename", "item_id": item, "args": {"name": "x"}},
            {"op": "trash", "item_id": item},
            {"op": "tag", "item_id": item, "args": {"tags": ["t"]}},
            {"op": "favourite", "item_id": item},
        )
        assert [one["status"] for one in results] == [403, 403, 403, 200]


@pytest.mark.parametrize(
    "body",
    [
        {"operations": []},
        {"operations": [{"op": "trash", "item_id": "0193439e-8a5c-7000-8000-00000000dead"}] * 101},
        {"operations": [{"op": "destroy", "item_id": "0193439e-8a5c-7000-8000-00000000dead"}]},
        {"operations": [{"op": "trash", "item_id": "root"}]},
        {"operations": [{"op": "rename", "item_id": "0193439e-8a5c-7000-8000-00000000dead"}]},
        {"operations": [{"op": "trash", "item_id": "0193439e-8a5c-7000-8000-00000000dead", "force": True}]},
    ],
)
async def test_a_batch_that_cannot_be_read_does_nothing(files: Files, body: Any) -> None:
    async with files.client() as http:
        refused(await http.post("/v1/batch", json=body), 422, "validation_failed")


async def test_a_condition_that_cannot_be_read_is_refused_before_anything_is_done(files: Files) -> None:
    async with files.client() as http:
        item = await made(http, "item")
        operations = (
            {"op": "rename", "item_id": item, "args": {"name": "x"}},
            {"op": "trash", "item_id": item, "if_match": "unquoted"},
        )
        refused(await batch(http, *operations), 400, "malformed_request")
        assert await names(http) == {"item"}


async def test_a_hundred_moves_cost_a_fixed_number_of_statements_each(files: Files) -> None:
    async with files.client() as http:
        folder = await made(http, "folder")
        items = [await made(http, f"n{number}") for number in range(20)]
        counts = []
        for some in (items[:5], items[5:]):
            files.statements.clear()
            results = await outcomes(http, *({"op": "move", "item_id": item, "args": {"parent_id": folder}} for item in some))
            assert {one["status"] for one in results} == {200}
            counts.append(len(files.statements))
    each, rest = divmod(counts[1] - counts[0], 10)
    assert rest == 0
    assert each <= 12
    assert counts[0] - 5 * each <= 6


async def test_copies_are_made_at_once_where_no_bytes_move_and_by_a_job_where_they_do(files: Files) -> None:
    friend = person()
    file = (await files.upload("a.jpg")).item_id
    async with files.client() as http, files.client(friend) as theirs:
        folder = await made(http, "folder")
        await made(http, "inside", folder)
        abroad = await made(theirs, "abroad")
        await files.handle(granted(abroad, friend, files.owner, EDITOR))
        operations = (
            {"op": "copy", "item_id": file, "args": {"parent_id": "root", "name": "b.jpg"}},
            {"op": "copy", "item_id": file, "args": {"parent_id": "root"}},
            {"op": "copy", "item_id": folder, "args": {"parent_id": "root", "name": "folder 2"}},
            {"op": "copy", "item_id": file, "args": {"parent_id": abroad}},
            {"op": "copy", "item_id": folder, "args": {"parent_id": folder}},
        )
        first = (await batch(http, *operations, key="copies")).json()["results"]
        assert [one["status"] for one in first] == [201, 409, 202, 202, 409]
        assert (first[0]["item"]["name"], first[0]["item"]["id"] != file) == ("b.jpg", True)
        assert (first[1]["problem"]["code"], first[4]["problem"]["code"]) == ("name_conflict", "cycle")
        for one in (first[2], first[3]):
            assert (await http.get(f"/v1/jobs/{one['job_id']}")).json()["id"] == one["job_id"]
        again = (await batch(http, *operations, key="copies")).json()["results"]
        assert [(one["status"], one.get("job_id")) for one in again] == [(one["status"], one.get("job_id")) for one in first]
        assert again[0]["item"]["id"] == first[0]["item"]["id"]
        assert await names(http) == {"a.jpg", "b.jpg", "folder", "folder 2"}
        assert (await files.drive()).used_bytes == 200


async def test_naming_what_one_may_not_see_holds_up_nobody_and_is_held_up_by_nobody(files: Files) -> None:
    async with files.client() as http, files.client(person()) as stranger:
        item = await made(http, "a")
        async with files.deps.work.engine.begin() as connection:
            await lock_tree(connection, files.owner.user_id)
            await lock_drive(connection, files.owner.user_id)
            async with asyncio.timeout(60):
                [result] = await outcomes(stranger, {"op": "purge", "item_id": item})
        assert result["problem"]["code"] == "not_found"
