"""What visitors of public links send: who may begin, who is shown it, and what shows of it."""

import asyncio
from pathlib import Path

import pytest

from coffer_chassis.access import EDITOR, VIEWER, Rights
from coffer_chassis.ids import new_id
from coffer_contracts.ids import UserId
from factories.bytes import put
from factories.files import Files, files_on, rejected
from factories.link_uploads import arrived, begun, folder_of, names_in, refused, sent, wanted
from factories.links import Links, Visitor

COLLECTING = Rights.UPLOAD


@pytest.fixture
def links(files: Files, tmp_path: Path) -> Links:
    return Links(files, tmp_path)


@pytest.fixture
async def folder(files: Files) -> str:
    return await folder_of(files)


@pytest.fixture
async def collector(links: Links, folder: str) -> Visitor:
    """Of a link that only collects files."""
    return await links.visitor(folder, COLLECTING)


@pytest.mark.slow
async def test_a_file_request_takes_a_file_and_shows_nothing(files: Files, collector: Visitor, folder: str) -> None:
    await files.upload("cv.pdf", parent=folder)
    async with collector.client() as http:
        upload = await begun(http, folder, uploader_name="  Maria ")
        assert (upload["state"], upload["resolved_name"], upload["conflict"]) == ("created", "cv.pdf", "rename")
        assert upload["single"]["method"] == "PUT"
        at = f"/v1/uploads/{upload['id']}"
        refused(await http.post(f"{at}/complete"), 409, "upload_incomplete")
        done = await arrived(files, http, upload["id"])
        told = await http.post(f"{at}/complete")
        # Neither the file, nor under which name it lies beside the one that was there.
        assert (told.status_code, told.json()["state"], told.json()["resolved_name"]) == (200, "committed", "cv.pdf")
        assert "item" not in told.json()
        assert told.json()["item_id"] == done.item_id
        for path in (done.item_id, folder, f"{folder}/children", f"{done.item_id}/content", f"{done.item_id}/preview"):
            refused(await http.get(f"/v1/items/{path}"), 404, "not_found")
        assert [one["id"] for one in (await http.get("/v1/uploads")).json()["items"]] == [upload["id"]]
    assert await names_in(files, folder) == ["cv (1).pdf", "cv.pdf"]
    async with files.client() as http:
        mine = (await http.get(at)).json()
        assert (mine["uploader_name"], mine["state"]) == ("Maria", "committed")
        assert (await http.get(f"/v1/items/{done.item_id}")).json()["created_by"] == collector.link


async def test_facts_name_the_link_and_the_visitors_own_word(files: Files, collector: Visitor, folder: str) -> None:
    async with collector.client() as http:
        done = await sent(files, http, folder, uploader_name="Maria")
    [fact] = [one for one in await files.facts("files.item.committed.v1") if one.data.item_id == done.item_id]
    assert (fact.actorkind, fact.actorid, fact.ownerid) == ("link", collector.link, files.owner.user_id)
    assert (fact.data.uploader_name, fact.data.upload_id, fact.data.is_new) == ("Maria", done.id, True)
    [asked] = [one for one in await files.facts("files.upload.received.v1") if one.data.upload_id == done.id]
    assert (asked.actorkind, asked.data.uploader_id) == ("link", collector.link)
    # A link has no list of recent items.
    assert files.deps.interactions.waiting(UserId(collector.link)) == []


async def test_what_a_session_sends_is_shown_to_it_and_the_owner(links: Links, collector: Visitor, folder: str) -> None:
    files = links.files
    beside = Visitor(links, collector.link, new_id())
    edits = await links.visitor(folder, EDITOR)
    # The same session id, as another link would have to forge it.
    forged = Visitor(links, edits.link, collector.session)
    async with collector.client() as http:
        upload = await begun(http, folder)
    at = f"/v1/uploads/{upload['id']}"
    for other in (beside, edits, forged):
        async with other.client() as http:
            for answer in (
                await http.get(at),
                await http.post(f"{at}/complete"),
                await http.post(f"{at}/parts", json={"numbers": [1]}),
                await http.post(f"{at}/retry"),
                await http.patch(at, json={"name": "x"}),
                await http.delete(at),
            ):
                refused(answer, 404, "not_found")
            assert (await http.get("/v1/uploads")).json()["items"] == []
            [told] = (await http.post("/v1/uploads/complete", json={"upload_ids": [upload["id"]]})).json()["results"]
            assert told["problem"]["code"] == "not_found"
    async with files.client() as http:
        assert (await http.get(at)).json()["state"] == "created"
        assert upload["id"] in [one["id"] for one in (await http.get("/v1/uploads")).json()["items"]]
        refused(await http.post(f"{at}/parts", json={"numbers": [1]}), 403, "forbidden")
        assert (await http.delete(at)).status_code == 204


async def test_a_key_of_one_visitor_repeats_nothing_of_another(links: Links, collector: Visitor, folder: str) -> None:
    headers = {"Idempotency-Key": "1"}
    async with collector.client() as http:
        first = await http.post("/v1/uploads", json=wanted(folder), headers=headers)
        again = await http.post("/v1/uploads", json=wanted(folder), headers=headers)
        assert again.headers["idempotent-replayed"] == "true"
    async with Visitor(links, collector.link, new_id()).client() as http:
        other = await http.post("/v1/uploads", json=wanted(folder), headers=headers)
    assert first.json()["id"] == again.json()["id"] != other.json()["id"]


async def test_a_file_request_replaces_nothing(files: Files, collector: Visitor, folder: str) -> None:
    there = await files.upload("cv.pdf", parent=folder)
    async with collector.client() as http:
        refused(await http.post("/v1/uploads", json=wanted(folder, conflict="replace")), 403, "forbidden")
        refused(await http.post("/v1/uploads", json={"item_id": there.item_id, "size": 1}), 404, "not_found")
        upload = await begun(http, folder)
        at = f"/v1/uploads/{upload['id']}"
        refused(await http.patch(at, json={"conflict": "replace"}), 403, "forbidden")
        refused(await http.patch(at, json={"parent_id": folder}), 403, "forbidden")
        batch = [
            {"ref": "1", "name": "cv.pdf", "size": 1, "conflict": "replace"},
            {"ref": "2", "name": "b.pdf", "size": 1, "path": "made/below"},
            {"ref": "3", "name": "cv.pdf", "size": 1, "conflict": "fail"},
        ]
        answer = await http.post("/v1/uploads/batch", json={"parent_id": folder, "files": batch, "uploader_name": "Jo"})
        codes = [one.get("problem", {}).get("code", one["status"]) for one in answer.json()["results"]]
        assert codes == ["forbidden", "forbidden", 201]
        started = answer.json()["results"][2]["upload"]
        assert (started["resolved_name"], started["uploader_name"]) == ("cv.pdf", "Jo")
        await arrived(files, http, started["id"])
    assert await names_in(files, folder) == ["cv (1).pdf", "cv.pdf"]
    async with files.client() as http:
        assert (await http.get(f"/v1/items/{there.item_id}")).json()["version_id"] == there.version_id


async def test_a_file_request_is_for_one_folder(files: Files, links: Links, collector: Visitor, folder: str) -> None:
    below, beside = await folder_of(files, folder), await folder_of(files)
    file = (await files.upload("a.jpg", parent=folder)).item_id
    async with collector.client() as http:
        for parent in (below, beside, file, new_id(), "root"):
            refused(await http.post("/v1/uploads", json=wanted(str(parent))), 404, "not_found")
            batch = {"parent_id": parent, "files": [{"name": "a", "size": 1}]}
            refused(await http.post("/v1/uploads/batch", json=batch), 404, "not_found")
        refused(await http.post("/v1/folders", json={"parent_id": folder, "name": "x"}), 404, "not_found")
    looks = await links.visitor(folder, VIEWER)
    async with looks.client() as http:
        refused(await http.post("/v1/uploads", json=wanted(folder)), 403, "forbidden")
        refused(await http.get("/v1/uploads"), 404, "not_found")


async def test_a_link_to_change_things_takes_files_as_an_editor_does(files: Files, links: Links, folder: str) -> None:
    there = await files.upload("a.txt", 10, parent=folder)
    async with (await links.visitor(folder, EDITOR)).client() as http:
        taken = refused(await http.post("/v1/uploads", json=wanted(folder, name="a.txt")), 409, "name_conflict")
        assert taken["suggested_name"] == "a (1).txt"
        done = await sent(files, http, folder, name="a.txt", conflict="replace")
        assert done.item_id == there.item_id
        again = await http.post(f"/v1/uploads/{done.id}/complete")
        assert (again.status_code, again.json()["id"], again.json()["name"]) == (200, there.item_id, "a.txt")
        batch = [{"ref": "1", "name": "b.txt", "size": 1, "path": "made/below"}]
        answer = await http.post("/v1/uploads/batch", json={"parent_id": folder, "files": batch})
        assert [one["status"] for one in answer.json()["results"]] == [201]
        new = await http.post("/v1/uploads", json={"item_id": there.item_id, "size": 5})
        assert new.status_code == 201
    assert await names_in(files, folder) == ["made", "a.txt"]


async def test_a_link_has_so_many_uploads_open_and_no_more(store: str, tmp_path: Path) -> None:
    async with files_on(store, link_open_uploads=3) as files:
        links, folder = Links(files, tmp_path), await folder_of(files)
        collector = await links.visitor(folder, COLLECTING)
        async with collector.client() as http, Visitor(links, collector.link, new_id()).client() as other:
            answers = await asyncio.gather(*(one.post("/v1/uploads", json=wanted(folder)) for one in (http, other) * 3))
            assert sorted(answer.status_code for answer in answers) == [201, 201, 201, 409, 409, 409]
            assert refused(next(one for one in answers if one.status_code == 409), 409, "limit_reached")["limit"] == 3
            mine = (await http.get("/v1/uploads")).json()["items"]
            theirs = (await other.get("/v1/uploads")).json()["items"]
            assert len(mine) + len(theirs) == 3
            batch = {"parent_id": folder, "files": [{"ref": str(n), "name": "a", "size": 1} for n in range(3)]}
            for one, client in ((mine, http), (theirs, other)):
                for upload in one:
                    assert (await client.delete(f"/v1/uploads/{upload['id']}")).status_code == 204
            await begun(http, folder)
            results = (await other.post("/v1/uploads/batch", json=batch)).json()["results"]
            assert [one.get("problem", {}).get("code", one["status"]) for one in results] == [201, 201, "limit_reached"]
        # People, and other links, have room of their own.
        async with (await links.visitor(folder, COLLECTING)).client() as http:
            await begun(http, folder)
        await files.start(parent=folder)


async def test_the_owners_room_is_what_counts(files: Files, collector: Visitor, folder: str) -> None:
    async with collector.client() as http:
        full = refused(await http.post("/v1/uploads", json=wanted(folder, size=2_000_000)), 403, "quota_exceeded")
        assert ("used" in full, "limit" in full) == (False, False)
        upload = await begun(http, folder)
        assert (await files.drive()).reserved_bytes == 100
        await arrived(files, http, upload["id"])
    drive = await files.drive()
    assert (drive.used_bytes, drive.reserved_bytes) == (100, 0)


async def test_parts_and_retries_are_for_the_session_that_sends(files: Files, collector: Visitor, folder: str) -> None:
    async with collector.client() as http:
        upload = await begun(http, folder, name="film.mp4", size=100, mode="multipart")
        at = f"/v1/uploads/{upload['id']}"
        assert len((await http.post(f"{at}/parts", json={"numbers": [1]})).json()["parts"]) == 1
        assert (await http.get(at)).json()["missing"] == [1]
        wrong = await begun(http, folder)
        await put(files, await files.now(wrong["id"]))
        await http.post(f"/v1/uploads/{wrong['id']}/complete")
        upload_now = await files.now(wrong["id"])
        await files.handle(rejected(upload_now, etag=str(upload_now.etag)))
        refused(await http.post(f"/v1/uploads/{wrong['id']}/complete"), 403, "malware_detected")
        assert (await http.get(f"/v1/uploads/{wrong['id']}/timeline")).status_code == 403


async def test_names_of_visitors_are_for_visitors_and_for_reading(files: Files, collector: Visitor, folder: str) -> None:
    async with files.client() as http:
        refused(await http.post("/v1/uploads", json=wanted(folder, uploader_name="Ada")), 422, "validation_failed")
    async with collector.client() as http:
        for name in ("", "  ", "a\nb", "x" * 101):
            refused(await http.post("/v1/uploads", json=wanted(folder, uploader_name=name)), 422, "validation_failed")


async def test_a_token_that_reads_begins_nothing(links: Links, folder: str) -> None:
    reads = await links.visitor(folder, COLLECTING, scopes=["files:read"])
    async with reads.client() as http:
        refused(await http.post("/v1/uploads", json=wanted(folder)), 403, "insufficient_scope")
        assert (await http.get("/v1/uploads")).json()["items"] == []


async def test_a_person_who_was_given_nothing_but_uploading_may_nothing(files: Files, links: Links, folder: str) -> None:
    reader = new_id()
    await links.give(Visitor(links, reader, new_id()), folder, COLLECTING, grantee=f"user/{reader}")
    token = links.auth.token(links.clock.now(), user_id=reader)
    async with links.client(token) as http:
        refused(await http.post("/v1/uploads", json=wanted(folder)), 404, "not_found")
        refused(await http.get(f"/v1/items/{folder}"), 404, "not_found")


async def test_two_visitors_who_send_the_same_name_both_find_room_for_it(links: Links, collector: Visitor, folder: str) -> None:
    files = links.files
    async with collector.client() as one, Visitor(links, collector.link, new_id()).client() as two:
        first, second = await begun(one, folder), await begun(two, folder)
        done = [await arrived(files, one, first["id"]), await arrived(files, two, second["id"])]
    assert [(upload.state, upload.name) for upload in done] == [("committed", "cv.pdf")] * 2
    assert await names_in(files, folder) == ["cv (1).pdf", "cv.pdf"]
