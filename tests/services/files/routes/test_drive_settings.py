"""Where pictures were taken is kept for owners who said so, told to nobody else, and forgotten when they change their mind."""

from typing import Any

import pytest
from sqlalchemy import select

from coffer_chassis.access import EDITOR
from coffer_contracts.ids import BlobId
from coffer_contracts.media import MediaFacts
from coffer_files.handlers import drive_settings
from coffer_files.handlers.working import run_jobs
from coffer_files.store.facts import facts_of
from coffer_files.store.tables import blobs
from factories.files import Files, granted, person
from factories.previewed import asked, previewed, ready

AT = "/v1/items/root/settings"
PARIS = MediaFacts(camera_make="Canon", location="+48.85826-002.29450/")


async def known(files: Files, blob_id: BlobId) -> Any:
    async with files.deps.work.read() as connection:
        return await facts_of(connection, blob_id)


async def committed(files: Files) -> Any:
    return (await files.facts("files.item.committed.v1"))[-1].data.locate


async def test_nothing_is_kept_unless_the_owner_says_so(files: Files) -> None:
    async with files.client() as http:
        assert (await http.get(AT)).json() == {"keep_locations": False}
        upload = await files.upload()
        assert await committed(files) is None
        await files.handle(ready(upload, facts=PARIS))
        assert await known(files, upload.blob_id) == {"camera_make": "Canon"}
        info = (await http.get(f"/v1/items/{upload.item_id}/preview/info")).json()
    assert (info["facts"]["location"], info["facts"]["camera_make"]) == (None, "Canon")


async def test_who_says_so_is_told_and_nobody_else(files: Files) -> None:
    friend = person()
    async with files.client() as http, files.client(friend) as other:
        for _ in range(2):
            answer = await http.put(AT, json={"keep_locations": True})
            assert (answer.status_code, answer.json()) == (200, {"keep_locations": True})
        assert (await http.get(AT)).json() == {"keep_locations": True}
        assert (await other.get(AT)).json() == {"keep_locations": False}, "everybody's drive has its own"
        upload = await files.upload()
        assert await committed(files) is True
        await files.handle(ready(upload, facts=PARIS), granted(str(upload.item_id), files.owner, friend, EDITOR))
        at = f"/v1/items/{upload.item_id}/preview"
        told = (await http.get(f"{at}/info")).json()["facts"]
        assert told["location"] == {"latitude": 48.85826, "longitude": -2.2945}
        hidden = (await other.get(f"{at}/info")).json()["facts"]
        assert (hidden["location"], hidden["camera_make"]) == (None, "Canon")
        await other.post(at)
    assert (await asked(files))[-1].data.locate is True


async def test_what_is_known_is_not_told_from_the_moment_on_and_deleted_soon_after(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drive_settings, "PAGE", 2)
    stranger = person()
    async with files.client() as http, files.client(stranger) as other:
        await http.put(AT, json={"keep_locations": True})
        await other.put(AT, json={"keep_locations": True})
        uploads = [await previewed(files, f"{number}.jpg", facts=PARIS) for number in range(5)]
        await http.put(AT, json={"keep_locations": False})
        info = (await http.get(f"/v1/items/{uploads[0].item_id}/preview/info")).json()
        assert info["facts"]["location"] is None
        await run_jobs(files.deps)
        located = select(blobs.c.id).where(blobs.c.owner_id == files.owner.user_id, blobs.c.facts.has_key("location"))
        assert await files.rows(located) == []
        assert await known(files, uploads[0].blob_id) == {"camera_make": "Canon"}
        await files.handle(ready(uploads[0], 2, facts=PARIS))
        assert await known(files, uploads[0].blob_id) == {"camera_make": "Canon"}, "what was on its way counts for nothing"
        assert (await other.get(AT)).json() == {"keep_locations": True}
        [job] = [job for job in (await http.get("/v1/jobs")).json()["items"] if job["kind"] == "forget_locations"]
        assert (job["state"], job["result"]) == ("succeeded", {"objects": 5})


async def test_who_changes_their_mind_twice_keeps_what_is_left(files: Files) -> None:
    async with files.client() as http:
        await http.put(AT, json={"keep_locations": True})
        upload = await previewed(files, facts=PARIS)
        await http.put(AT, json={"keep_locations": False})
        await http.put(AT, json={"keep_locations": True})
        await run_jobs(files.deps)
        info = (await http.get(f"/v1/items/{upload.item_id}/preview/info")).json()
    assert info["facts"]["location"] == {"latitude": 48.85826, "longitude": -2.2945}


async def test_settings_are_the_owners_and_stand_at_the_root(files: Files) -> None:
    upload, friend = await files.upload(), person()
    root = (await files.drive()).root_id
    await files.handle(granted(root, files.owner, friend, EDITOR))
    async with files.client() as http, files.client(friend) as other, files.client(person()) as stranger:
        assert (await http.get(f"/v1/items/{root}/settings")).status_code == 200
        for method in ("GET", "PUT"):
            body: Any = {"json": {"keep_locations": True}} if method == "PUT" else {}
            answers = [
                await http.request(method, f"/v1/items/{upload.item_id}/settings", **body),
                await other.request(method, f"/v1/items/{root}/settings", **body),
                await stranger.request(method, f"/v1/items/{root}/settings", **body),
            ]
            assert [answer.json()["code"] for answer in answers] == ["state_conflict", "forbidden", "not_found"]
        assert (await http.put(AT, json={})).status_code == 422
        assert (await http.put(AT, json={"keep_locations": True, "more": 1})).status_code == 422
        assert (await http.get(AT)).json() == {"keep_locations": False}
