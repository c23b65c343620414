"""What becomes of files that visitors of public links are sending when the link or its folder is no longer what it was."""

from datetime import timedelta
from pathlib import Path

import pytest

from coffer_chassis.access import EDITOR, Rights
from coffer_chassis.etags import Conditions
from coffer_files.handlers.items import Wish, change_item
from coffer_files.handlers.uploads import Resolution, resolve_upload
from factories.bytes import put
from factories.files import Files, cleared
from factories.link_uploads import arrived, begun, folder_of, names_in, refused, wanted
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


async def test_after_the_link_has_ended_its_visitors_see_nothing_and_late_bytes_wait_for_the_owner(
    files: Files, links: Links, collector: Visitor, folder: str
) -> None:
    async with collector.client() as http:
        upload = await begun(http, folder)
        at = f"/v1/uploads/{upload['id']}"
        etag = await put(files, await files.now(upload["id"]))
        assert (await http.post(f"{at}/complete")).status_code == 202
        left = await begun(http, folder)
        await links.end(collector, folder)
        await files.handle(cleared(await files.now(upload["id"]), etag=etag))
        for answer in (
            await http.get(at),
            await http.get("/v1/uploads"),
            await http.post(f"{at}/complete"),
            await http.post(f"{at}/retry"),
            await http.patch(at, json={"name": "x"}),
            await http.delete(at),
            await http.post("/v1/uploads/complete", json={"upload_ids": [upload["id"]]}),
            await http.post(f"/v1/uploads/{left['id']}/complete"),
            await http.post("/v1/uploads", json=wanted(folder)),
            await http.post("/v1/uploads/batch", json={"parent_id": folder, "files": [{"name": "a", "size": 1}]}),
        ):
            refused(answer, 404, "not_found")
    late = await files.now(upload["id"])
    assert (late.state, late.reason) == ("conflict", "rights_lost")
    assert await names_in(files, folder) == []
    [fact] = [one for one in await files.facts("files.upload.conflicted.v1") if one.data.upload_id == late.id]
    assert (fact.actorkind, fact.ownerid) == ("link", files.owner.user_id)
    # Its owner takes it all the same.
    resolved = await resolve_upload(files.deps, files.owner, files.origin, late.id, Resolution())
    assert resolved.state == "committed"
    assert await names_in(files, folder) == ["cv.pdf"]


@pytest.mark.parametrize("way", ["expired", "trashed"])
async def test_a_link_ends_by_time_and_with_its_folder(links: Links, folder: str, way: str) -> None:
    files = links.files
    collector = await links.visitor(folder, COLLECTING, expires_at=files.clock.now() + timedelta(minutes=5))
    async with collector.client() as http:
        upload = await begun(http, folder)
        if way == "expired":
            files.clock.advance(minutes=5)
        else:
            async with files.client() as owner:
                assert (await owner.delete(f"/v1/items/{folder}")).status_code == 204
        for path in ("/v1/uploads", f"/v1/uploads/{upload['id']}"):
            refused(await http.get(path), 404, "not_found")
        refused(await http.post("/v1/uploads", json=wanted(folder)), 404, "not_found")


async def test_a_folder_that_leaves_the_link_takes_no_more(files: Files, links: Links, folder: str) -> None:
    below, beside = await folder_of(files, folder), await folder_of(files)
    async with (await links.visitor(folder, EDITOR)).client() as http:
        upload = await begun(http, below)
        await change_item(files.deps, files.owner, files.origin, below, Wish(parent=beside), Conditions())
        late = await arrived(files, http, upload["id"])
        assert (late.state, late.reason) == ("conflict", "rights_lost")
        at = f"/v1/uploads/{upload['id']}"
        assert refused(await http.patch(at, json={"name": "x"}), 409, "state_conflict")["reason"] == "rights_lost"
        refused(await http.patch(at, json={"parent_id": folder}), 403, "forbidden")
        refused(await http.post("/v1/uploads", json=wanted(below)), 404, "not_found")
        assert (await http.delete(at)).status_code == 204
    assert await names_in(files, below) == []


async def test_a_link_that_only_collects_from_now_on_replaces_nothing_any_more(files: Files, links: Links, folder: str) -> None:
    there = await files.upload("a.txt", 10, parent=folder)
    editor = await links.visitor(folder, EDITOR)
    async with editor.client() as http:
        by_name = await begun(http, folder, name="a.txt", conflict="replace")
        by_id = (await http.post("/v1/uploads", json={"item_id": there.item_id, "size": 5})).json()
        await links.give(editor, folder, COLLECTING, sequence=2)
        assert (await arrived(files, http, by_name["id"])).state == "committed"
        assert (await arrived(files, http, by_id["id"])).reason == "rights_lost"
    assert await names_in(files, folder) == ["a (1).txt", "a.txt"]


async def test_a_locked_folder_keeps_visitors_out_and_does_not_name_who_locked_it_to_those_who_see_nothing(
    files: Files, links: Links, collector: Visitor, folder: str
) -> None:
    editor = await links.visitor(folder, EDITOR)
    async with collector.client() as http, editor.client() as edits, files.client() as owner:
        upload = await begun(http, folder)
        lock = {"ttl": 60}
        assert (await owner.put(f"/v1/items/{folder}/lock", json=lock)).status_code in {200, 201}
        assert "lock" not in refused(await http.post("/v1/uploads", json=wanted(folder)), 423, "locked")
        assert refused(await edits.post("/v1/uploads", json=wanted(folder)), 423, "locked")["lock"]
        late = await arrived(files, http, upload["id"])
        assert (late.state, late.reason) == ("conflict", "locked")
        again = refused(await http.patch(f"/v1/uploads/{late.id}", json={}), 409, "state_conflict")
        assert (again["reason"], "lock" in again) == ("locked", False)
        files.clock.advance(seconds=61)
        done = await http.patch(f"/v1/uploads/{late.id}", json={"name": "letter.pdf"})
        assert (done.status_code, done.json()["state"], done.json()["resolved_name"]) == (200, "committed", "letter.pdf")
    assert await names_in(files, folder) == ["letter.pdf"]


async def test_what_was_announced_together_is_not_told_again_once_the_link_has_ended(
    links: Links, collector: Visitor, folder: str
) -> None:
    batch = {"parent_id": folder, "files": [{"name": "a", "size": 1}]}
    headers = {"Idempotency-Key": "2"}
    async with collector.client() as http:
        assert (await http.post("/v1/uploads/batch", json=batch, headers=headers)).status_code == 200
        assert (await http.post("/v1/uploads/batch", json=batch, headers=headers)).status_code == 200
        await links.end(collector, folder)
        refused(await http.post("/v1/uploads/batch", json=batch, headers=headers), 404, "not_found")
