"""Large folders: what is done to one touches nothing below it, and takes as many statements as for an empty one."""

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from factories.files import Files, files_on

BELOW = 3000

_MANY = text("""
WITH RECURSIVE levels(id, parent, level) AS (
  SELECT gen_random_uuid(), CAST(:top AS uuid), 1 UNION ALL SELECT gen_random_uuid(), id, level + 1 FROM levels WHERE level < 5
), folders AS (
  INSERT INTO items (id, owner_id, parent_id, kind, name, name_key, revision, created_by, created_at, modified_at, changed_at)
  SELECT id, :owner, parent, 'folder', 'level', 'level', 1, :owner, now(), now(), now() FROM levels RETURNING id
)
INSERT INTO items (id, owner_id, parent_id, kind, name, name_key, revision, created_by, created_at, modified_at, changed_at)
SELECT gen_random_uuid(), :owner, folders.id, 'folder', 'n' || n, 'n' || n, 1, :owner, now(), now(), now()
FROM folders, generate_series(1, :each) AS n
""")


async def _folder(http: httpx.AsyncClient, name: str) -> str:
    return str((await http.post("/v1/folders", json={"parent_id": "root", "name": name})).json()["id"])


async def _below(files: Files) -> list[Any]:
    return await files.rows(text("SELECT id, xmin, revision FROM items WHERE name LIKE 'n%' OR name = 'level' ORDER BY id"))


async def test_what_is_done_to_a_folder_touches_nothing_below_it(store: str) -> None:
    async with files_on(store) as files, files.client() as http:
        full, empty, target = [await _folder(http, name) for name in ("full", "empty", "target")]
        async with files.deps.work.engine.begin() as connection:
            await connection.execute(_MANY, {"top": full, "owner": files.owner.user_id, "each": BELOW // 5})
        before = await _below(files)
        assert len(before) > BELOW

        async def statements(method: str, path: str, body: Any = None) -> int:
            files.statements.clear()
            answer = await http.request(method, path, json=body)
            assert answer.is_success, answer.text
            return len(files.statements)

        for method, path, body in (
            ("PATCH", "/v1/items/{}", {"name": "{} renamed"}),
            ("PATCH", "/v1/items/{}", {"parent_id": target}),
            ("PATCH", "/v1/items/{}", {"parent_id": "root"}),
            ("DELETE", "/v1/items/{}", None),
            ("POST", "/v1/trash/{}/restore", {}),
        ):
            costs = [
                await statements(
                    method, path.format(top), {key: value.format(top) for key, value in body.items()} if body else body
                )
                for top in (full, empty)
            ]
            assert costs[0] == costs[1] < 12, (method, path, body, costs)
        assert await _below(files) == before


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["move", "restore"])
async def test_depth_counts_what_lives_below_and_not_what_lies_in_the_trash(files: Files, kind: str) -> None:
    async with files.client() as http:
        deep = top = await _folder(http, "top")
        for number in range(96):
            deep = (await http.post("/v1/folders", json={"parent_id": deep, "name": str(number)})).json()["id"]
        lowest = (await http.post("/v1/folders", json={"parent_id": deep, "name": "lowest"})).json()["id"]
        await http.post("/v1/folders", json={"parent_id": lowest, "name": "below"})
        target = await _folder(http, "target")
        further = (await http.post("/v1/folders", json={"parent_id": target, "name": "further"})).json()["id"]
        if kind == "restore":
            await http.delete(f"/v1/items/{top}")

        async def put() -> httpx.Response:
            if kind == "move":
                return await http.patch(f"/v1/items/{top}", json={"parent_id": further})
            return await http.post(f"/v1/trash/{top}/restore", json={"parent_id": further})

        assert (await put()).json()["code"] == "validation_failed"
        if kind == "restore":
            await http.post(f"/v1/trash/{top}/restore", json={})
        assert (await http.delete(f"/v1/items/{lowest}")).status_code == 204
        if kind == "restore":
            await http.delete(f"/v1/items/{top}")
        assert (await put()).status_code == 200
