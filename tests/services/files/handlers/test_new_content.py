"""New content for a file itself: for those who may change it and do not see the folder that it lies in."""

import asyncio
from typing import Any

import pytest

from coffer_chassis.access import EDITOR, VIEWER
from coffer_chassis.identity import Principal
from coffer_contracts.ids import ItemId
from coffer_files.domain.uploads import Upload
from coffer_files.store import items as rows
from coffer_files.store.drives import lock_drive
from factories.files import Files, cleared, granted, person, stored, taken_back


@pytest.fixture
def editor() -> Principal:
    return person(username="ben")


async def shared_file(files: Files, editor: Principal) -> Upload:
    upload = await files.upload("plan.txt")
    await files.handle(granted(str(upload.item_id), files.owner, editor, EDITOR))
    return upload


async def send(files: Files, who: Principal, **body: Any) -> tuple[int, Any]:
    async with files.client(who) as http:
        answer = await http.post("/v1/uploads", json={"size": 250, **body})
    return answer.status_code, answer.json()


async def look(files: Files, who: Principal, item_id: Any) -> dict[str, Any]:
    async with files.client(who) as http:
        found: dict[str, Any] = (await http.get(f"/v1/items/{item_id}", params={"include": "path"})).json()
    return found


async def test_an_editor_of_a_file_gives_it_new_content(files: Files, editor: Principal) -> None:
    first = await shared_file(files, editor)
    code, begun = await send(files, editor, item_id=first.item_id, base_version_id=first.version_id)
    assert (code, begun["parent_id"], begun["item_id"], begun["resolved_name"]) == (201, None, first.item_id, "plan.txt")
    upload = await files.now(begun["id"])
    assert upload.owner_id == files.owner.user_id
    await files.handle(stored(upload), cleared(upload))
    after = await look(files, editor, first.item_id)
    assert (after["size"], after["path"], after["version_id"] != first.version_id) == (250, "/plan.txt", True)
    (fact,) = [fact for fact in await files.facts("files.item.committed.v1") if not fact.data.is_new]
    assert (fact.data.previous_version_id, fact.data.previous_size_bytes) == (first.version_id, 100)
    assert fact.actorid == editor.user_id
    assert (await files.drive()).used_bytes == 350


async def test_it_follows_the_file_to_another_name_and_folder(files: Files, editor: Principal) -> None:
    first = await shared_file(files, editor)
    _, begun = await send(files, editor, item_id=first.item_id)
    async with files.client() as http:
        folder = (await http.post("/v1/folders", json={"parent_id": "root", "name": "kept"})).json()["id"]
        await http.patch(f"/v1/items/{first.item_id}", json={"parent_id": folder, "name": "renamed.txt"})
    upload = await files.now(begun["id"])
    await files.handle(stored(upload), cleared(upload))
    after = await look(files, files.owner, first.item_id)
    assert ((await files.now(upload)).state, after["path"], after["size"]) == ("committed", "/kept/renamed.txt", 250)


@pytest.mark.parametrize("body", [{}, {"parent_id": "root"}, {"name": "a"}])
async def test_it_goes_to_a_file_or_to_a_folder_and_name(files: Files, editor: Principal, body: dict[str, Any]) -> None:
    first = await shared_file(files, editor)
    assert (await send(files, files.owner, **body))[0] == 422
    if body:
        assert (await send(files, files.owner, item_id=first.item_id, **body))[0] == 422


async def test_who_may_not_change_the_file_cannot(files: Files, editor: Principal) -> None:
    first, viewer = await shared_file(files, editor), person(username="eve")
    assert (await send(files, viewer, item_id=first.item_id))[0] == 404
    await files.handle(granted(str(first.item_id), files.owner, viewer, VIEWER))
    assert (await send(files, viewer, item_id=first.item_id))[0] == 403
    assert (await send(files, editor, item_id=str(first.blob_id)))[0] == 404


async def test_a_folder_takes_no_content(files: Files) -> None:
    async with files.client() as http:
        folder = (await http.post("/v1/folders", json={"parent_id": "root", "name": "kept"})).json()["id"]
    code, problem = await send(files, files.owner, item_id=folder)
    assert (code, problem["code"]) == (409, "kind_conflict")


async def test_another_base_version_is_refused_at_once_or_waits(files: Files, editor: Principal) -> None:
    first = await shared_file(files, editor)
    code, problem = await send(files, editor, item_id=first.item_id, base_version_id=str(first.blob_id))
    assert (code, problem["code"]) == (412, "precondition_failed")
    late = await files.now((await send(files, editor, item_id=first.item_id, base_version_id=first.version_id))[1]["id"])
    quick = await files.now((await send(files, files.owner, item_id=first.item_id, size=30))[1]["id"])
    await files.handle(stored(quick), cleared(quick), stored(late), cleared(late))
    waiting = await files.now(late)
    assert (waiting.state, waiting.reason) == ("conflict", "base_version_changed")
    async with files.client(editor) as http:
        decided = await http.patch(f"/v1/uploads/{late.id}", json={"conflict": "replace"})
    assert decided.json()["state"] == "committed"
    assert (await look(files, editor, first.item_id))["size"] == 250


@pytest.mark.parametrize("lost", ["rights", "file", "purged"])
async def test_what_is_lost_meanwhile_lets_the_bytes_wait(files: Files, editor: Principal, lost: str) -> None:
    first = await files.upload("plan.txt")
    given = granted(str(first.item_id), files.owner, editor, EDITOR)
    await files.handle(given)
    upload = await files.now((await send(files, editor, item_id=first.item_id))[1]["id"])
    if lost == "rights":
        await files.handle(taken_back(given))
    async with files.client() as http:
        if lost != "rights":
            await http.delete(f"/v1/items/{first.item_id}")
        if lost == "purged":
            await http.delete(f"/v1/trash/{first.item_id}")
    await files.handle(stored(upload), cleared(upload))
    waiting = await files.now(upload)
    assert (waiting.state, waiting.reason) == ("conflict", "rights_lost" if lost == "rights" else "parent_gone")
    async with files.client() as http:
        elsewhere = await http.patch(f"/v1/uploads/{upload.id}", json={"parent_id": "root", "name": "rescued.txt"})
    assert elsewhere.json()["state"] == "committed"
    assert (await look(files, files.owner, elsewhere.json()["item_id"]))["path"] == "/rescued.txt"


async def test_who_announces_new_content_does_not_hold_the_file_that_a_commit_waits_for(files: Files) -> None:
    first = await files.upload("plan.txt")
    async with files.engine.begin() as committing:
        await lock_drive(committing, files.owner.user_id)
        announcing = asyncio.create_task(files.start(target=first.item_id, parent="", name=""))
        await files.somebody_waits()
        assert await rows.lock(committing, ItemId(str(first.item_id)))
    assert (await announcing).state == "created"


async def test_whose_rights_are_lost_is_not_told_where_the_owner_put_the_bytes(files: Files, editor: Principal) -> None:
    first = await files.upload("plan.txt")
    given = granted(str(first.item_id), files.owner, editor, EDITOR)
    await files.handle(given)
    upload = await files.now((await send(files, editor, item_id=first.item_id))[1]["id"])
    await files.handle(taken_back(given), stored(upload), cleared(upload))
    async with files.client() as http:
        taken = (await http.patch(f"/v1/uploads/{upload.id}", json={"name": "secret.txt"})).json()
    assert (taken["state"], taken["resolved_name"], taken["item"]["name"]) == ("committed", "secret.txt", "secret.txt")
    async with files.client(editor) as http:
        seen = (await http.get(f"/v1/uploads/{upload.id}")).json()
    assert (seen["state"], seen["resolved_name"], seen["parent_id"], "item" in seen) == ("committed", "plan.txt", None, False)


async def test_how_full_a_drive_is_is_its_owners_to_know(files: Files, editor: Principal) -> None:
    first = await shared_file(files, editor)
    code, problem = await send(files, editor, item_id=first.item_id, size=2_000_000)
    assert (code, problem["code"], problem["needed"]) == (403, "quota_exceeded", 2_000_000)
    assert not {"used", "limit"} & set(problem)
    code, problem = await send(files, files.owner, item_id=first.item_id, size=2_000_000)
    assert (code, problem["limit"]) == (403, 1_000_000)


async def test_a_base_version_that_is_no_id_is_refused(files: Files) -> None:
    code, problem = await send(files, files.owner, parent_id="root", name="a.txt", base_version_id="root")
    assert (code, problem["errors"][0]["pointer"]) == (422, "/base_version_id")
