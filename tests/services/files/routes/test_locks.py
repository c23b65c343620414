"""Locks: whoever holds one writes, everybody else is told who does, on every way to write."""

import asyncio
import hashlib
from typing import Any

import pytest
from httpx import AsyncClient, Response

from coffer_chassis.access import EDITOR, VIEWER
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_files.handlers import locks as handlers
from coffer_files.handlers.items import make_folder
from coffer_files.handlers.locks import forget_locks
from factories.files import Files, cleared, granted, person, stored


@pytest.fixture
async def editor(files: Files, folder: str) -> Principal:
    """Somebody who may change what lies in the folder."""
    somebody = person()
    await files.handle(granted(folder, files.owner, somebody, EDITOR))
    return somebody


@pytest.fixture
async def folder(files: Files) -> str:
    return await made(files, new_id())


async def made(files: Files, name: str, parent: str = "root") -> str:
    seen, _ = await make_folder(files.deps, files.owner, files.origin, None, parent=parent, name=name, conflict="fail")
    return seen.at.item.id


async def file(files: Files, folder: str, name: str = "a.jpg") -> str:
    done = await files.upload(name, parent=folder)
    assert done.item_id
    return done.item_id


def refused(answer: Response, status: int, code: str) -> Any:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return answer.json()


async def lock(http: AsyncClient, item: str, **body: Any) -> Response:
    return await http.put(f"/v1/items/{item}/lock", json=body)


async def writes(http: AsyncClient, item: str, folder: str, elsewhere: str, twin: str) -> dict[str, Response]:
    """Every way to change a file, each of which would succeed without a lock."""
    version = (await http.get(f"/v1/items/{item}")).json()["version_id"]
    return {
        "rename": await http.patch(f"/v1/items/{item}", json={"name": new_id()}),
        "move": await http.patch(f"/v1/items/{item}", json={"parent_id": elsewhere}),
        "trash": await http.delete(f"/v1/items/{item}"),
        "older content": await http.post(f"/v1/items/{item}/versions/{version}/restore"),
        "new content": await http.post("/v1/uploads", json={"item_id": item, "size": 1}),
        "replaced by a copy": await http.post(
            f"/v1/items/{twin}/copy", json={"parent_id": folder, "name": "a.jpg", "conflict": "replace"}
        ),
        "replaced by a move": await http.patch(
            f"/v1/items/{twin}", json={"parent_id": folder, "name": "a.jpg", "conflict": "replace"}
        ),
    }


async def test_others_are_told_who_holds_it_and_the_holder_goes_on(files: Files, folder: str, editor: Principal) -> None:
    item, elsewhere = await file(files, folder), await made(files, "elsewhere", folder)
    twin = await file(files, elsewhere, "twin.jpg")
    async with files.client() as mine, files.client(editor) as theirs:
        before = (await theirs.get(f"/v1/items/{item}")).headers["etag"]
        held = await lock(theirs, item, ttl=60, owner_info="LibreOffice")
        assert held.status_code == 200
        told = held.json()
        assert (told["holder_id"], told["scope"], told["depth"], told["owner_info"]) == (
            editor.user_id, "exclusive", "0", "LibreOffice",
        )  # fmt: skip
        assert told["expires_at"] == "2026-11-20T12:01:00.000Z"
        shown = await mine.get(f"/v1/items/{item}")
        assert shown.json()["lock"] == told
        assert shown.headers["etag"] != before
        for what, answer in (await writes(mine, item, folder, elsewhere, twin)).items():
            assert answer.status_code == 423, f"{what}: {answer.text}"
            assert refused(answer, 423, "locked")["lock"]["holder_id"] == editor.user_id
        together = await mine.post("/v1/batch", json={"operations": [{"op": "trash", "item_id": item, "args": {}}]})
        assert [result["status"] for result in together.json()["results"]] == [423], together.text
        assert (await theirs.patch(f"/v1/items/{item}", json={"name": "mine.jpg"})).status_code == 200
        assert (await mine.get(f"/v1/items/{item}/content")).status_code == 302
        assert (await theirs.delete(f"/v1/items/{item}/lock")).status_code == 204
        assert (await theirs.delete(f"/v1/items/{item}/lock")).status_code == 204
        assert "lock" not in (await mine.get(f"/v1/items/{item}")).json()
        assert (await mine.patch(f"/v1/items/{item}", json={"name": "again.jpg"})).status_code == 200


async def test_a_lock_keeps_out_content_that_needs_no_bytes(files: Files, folder: str, editor: Principal) -> None:
    block = hashlib.sha256(new_id().encode()).hexdigest()
    await files.upload("known.jpg", parent=folder, blocks_sha256=(block,))
    item = await file(files, folder)
    announced = {"parent_id": folder, "name": "a.jpg", "size": 100, "conflict": "replace", "blocks_sha256": [block]}
    async with files.client() as mine, files.client(editor) as theirs:
        await lock(theirs, item)
        for wish in (announced, {"item_id": item, "size": 100, "blocks_sha256": [block]}):
            assert refused(await mine.post("/v1/uploads", json=wish), 423, "locked")["lock"]["holder_id"] == editor.user_id


async def test_a_lock_that_goes_down_holds_for_all_that_lies_below(files: Files, folder: str, editor: Principal) -> None:
    inner = await made(files, "inner", folder)
    item = await file(files, inner)
    async with files.client() as mine, files.client(editor) as theirs:
        assert (await lock(theirs, folder, depth="infinity")).json()["depth"] == "infinity"
        refused(await mine.patch(f"/v1/items/{item}", json={"name": "x.jpg"}), 423, "locked")
        refused(await mine.post("/v1/folders", json={"parent_id": inner, "name": "x"}), 423, "locked")
        refused(await mine.post("/v1/uploads", json={"parent_id": inner, "name": "x", "size": 1}), 423, "locked")
        assert (await mine.get(f"/v1/items/{item}")).json()["lock"]["item_id"] == folder
        assert (await theirs.post("/v1/folders", json={"parent_id": inner, "name": "x"})).status_code == 201
        assert (await lock(theirs, folder, depth=0)).json()["depth"] == "0"
        assert (await mine.patch(f"/v1/items/{item}", json={"name": "x.jpg"})).status_code == 200
        refused(await mine.post("/v1/folders", json={"parent_id": folder, "name": "y"}), 423, "locked")


async def test_it_ends_by_itself_and_is_renewed_by_asking_again(files: Files, folder: str, editor: Principal) -> None:
    item = await file(files, folder)
    async with files.client() as mine, files.client(editor) as theirs:
        first = (await lock(theirs, item, ttl=60)).json()
        files.clock.advance(seconds=59)
        again = (await lock(theirs, item, ttl=60)).json()
        assert again["id"] == first["id"]
        files.clock.advance(seconds=59)
        refused(await lock(mine, item), 423, "locked")
        files.clock.advance(seconds=1)
        assert (await mine.patch(f"/v1/items/{item}", json={"name": "free.jpg"})).status_code == 200
        assert (await lock(mine, item)).json()["holder_id"] == files.owner.user_id
    files.clock.advance(hours=2)
    assert await forget_locks(files.deps) >= 2
    assert await files.rows("SELECT 1 FROM locks") == []


async def test_what_came_on_its_way_before_the_lock_waits_in_conflict(files: Files, folder: str, editor: Principal) -> None:
    item = await file(files, folder, "doc.jpg")
    replacing = await files.start("doc.jpg", parent=folder, conflict="replace")
    beside = await files.start("new.jpg", parent=folder)
    async with files.client(editor) as theirs:
        await lock(theirs, item)
        await files.handle(stored(replacing), cleared(replacing), stored(beside), cleared(beside))
        waits = await files.now(replacing)
        assert (waits.state, waits.reason) == ("conflict", "locked")
        assert (await files.now(beside)).state == "committed"
        async with files.client() as mine:
            asked = await mine.patch(f"/v1/uploads/{replacing.id}", json={"conflict": "replace"})
            assert refused(asked, 423, "locked")["lock"]["holder_id"] == editor.user_id
        assert (await theirs.delete(f"/v1/items/{item}/lock")).status_code == 204
    async with files.client() as mine:
        assert (await mine.patch(f"/v1/uploads/{replacing.id}", json={"conflict": "replace"})).json()["state"] == "committed"


async def test_locks_stand_in_the_way_of_locks_above_and_below(files: Files, folder: str, editor: Principal) -> None:
    inner = await made(files, "inner", folder)
    item, beside = await file(files, inner), await file(files, folder, "b.jpg")
    async with files.client() as mine, files.client(editor) as theirs:
        assert (await lock(theirs, item)).status_code == 200
        for above in (inner, folder, "root"):
            refused(await lock(mine, above, depth="infinity"), 423, "locked")
            refused(await lock(mine, above, depth="infinity", scope="shared"), 423, "locked")
        assert (await lock(mine, beside)).status_code == 200
        assert (await lock(mine, inner)).status_code == 200
        refused(await lock(theirs, folder, depth="infinity"), 423, "locked")
        refused(await theirs.delete(f"/v1/items/{beside}/lock"), 423, "locked")


async def test_whoever_shares_a_lock_writes(files: Files, folder: str, editor: Principal) -> None:
    item, third = await file(files, folder), person()
    await files.handle(granted(folder, files.owner, third, EDITOR))
    async with files.client() as mine, files.client(editor) as theirs, files.client(third) as others:
        assert (await lock(theirs, item, scope="shared")).status_code == 200
        refused(await lock(mine, item), 423, "locked")
        assert (await lock(mine, item, scope="shared")).status_code == 200
        refused(await lock(mine, item, scope="exclusive"), 423, "locked")
        for http, status in ((theirs, 200), (mine, 200), (others, 423)):
            assert (await http.patch(f"/v1/items/{item}", json={"name": f"{new_id()}.jpg"})).status_code == status


async def test_the_owner_of_a_drive_ends_any_lock_and_a_reader_none(files: Files, folder: str, editor: Principal) -> None:
    item, reader = await file(files, folder), person()
    await files.handle(granted(folder, files.owner, reader, VIEWER))
    async with files.client() as mine, files.client(editor) as theirs, files.client(reader) as looks:
        await lock(theirs, item)
        assert (await looks.get(f"/v1/items/{item}")).json()["lock"]["holder_id"] == editor.user_id
        refused(await lock(looks, item), 403, "forbidden")
        refused(await looks.delete(f"/v1/items/{item}/lock"), 403, "forbidden")
        refused(await lock(mine, new_id()), 404, "not_found")
        assert (await mine.delete(f"/v1/items/{item}/lock")).status_code == 204
        assert (await mine.patch(f"/v1/items/{item}", json={"name": "mine.jpg"})).status_code == 200


async def test_of_two_who_lock_at_once_one_does(files: Files, folder: str, editor: Principal) -> None:
    inner = await made(files, "inner", folder)
    async with files.client() as mine, files.client(editor) as theirs:
        answers = await asyncio.gather(lock(mine, folder, depth="infinity"), lock(theirs, inner))
    assert sorted(answer.status_code for answer in answers) == [200, 423]


async def test_what_was_trashed_under_a_lock_comes_back_only_for_the_holder(
    files: Files, folder: str, editor: Principal
) -> None:
    item = await file(files, folder)
    async with files.client() as mine, files.client(editor) as theirs:
        await lock(theirs, item)
        assert (await theirs.delete(f"/v1/items/{item}")).status_code == 204
        refused(await mine.post(f"/v1/trash/{item}/restore", json={}), 423, "locked")
        assert (await theirs.post(f"/v1/trash/{item}/restore", json={})).status_code == 200


@pytest.mark.parametrize(
    "body",
    [{"ttl": 0}, {"ttl": 3601}, {"ttl": "soon"}, {"scope": "mine"}, {"depth": 1}, {"depth": "1"}, {"owner_info": "x" * 201},
     {"owner_info": "a\nb"}, {"owner_info": "a\x1fb"}, {"colour": "red"}],
)  # fmt: skip
async def test_a_lock_of_no_kind_is_refused(files: Files, folder: str, body: dict[str, Any]) -> None:
    async with files.client() as http:
        refused(await lock(http, folder, **body), 422, "validation_failed")


async def test_a_drive_holds_so_many_locks_and_no_more(files: Files, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "MOST_IN_A_DRIVE", 2)
    one, two, three = [await file(files, folder, f"{name}.jpg") for name in "abc"]
    async with files.client() as http:
        assert (await lock(http, one)).status_code == 200
        assert (await lock(http, two)).status_code == 200
        assert refused(await lock(http, three), 409, "limit_reached")["limit"] == 2
        assert (await lock(http, two, ttl=5)).status_code == 200


async def test_nobody_pays_for_locks_where_there_are_none(files: Files, folder: str) -> None:
    item = await file(files, folder)
    async with files.client() as http:
        files.statements.clear()
        assert (await http.patch(f"/v1/items/{item}", json={"name": "free.jpg"})).status_code == 200
    assert [one for one in files.statements if one.lstrip().startswith("SELECT locks")] == []
