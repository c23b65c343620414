"""A preview is made anew for whoever may change the file; pictures come as JPEG for those who show no WebP."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from coffer_chassis.access import EDITOR, VIEWER
from coffer_chassis.ids import new_id
from coffer_files.store.drives import lock_drive
from factories.files import Files, granted, person, rejected, stored
from factories.previewed import asked, failed, previewed, ready


async def about(files: Files, upload: Any) -> list[Any]:
    return [fact for fact in await asked(files) if fact.data.version_id == upload.version_id]


async def test_the_owner_has_a_preview_made_anew(files: Files) -> None:
    upload = await files.upload()
    await files.handle(failed(upload))
    at = f"/v1/items/{upload.item_id}/preview"
    async with files.client() as http:
        assert (await http.get(at)).json()["reason"] == "unsupported"
        for _ in range(2):
            answer = await http.post(at)
            assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (202, {"status": "pending"}, "1")
        assert (await http.get(at)).status_code == 202
        assert (await http.get(f"{at}/info")).json()["status"] == "pending"
        assert (await http.get(f"/v1/items/{upload.item_id}")).json()["preview"]["status"] == "pending"
        await files.handle(ready(upload, 2))
        assert (await http.get(at)).headers["location"].startswith("https://")
        assert (await http.get(f"{at}/info")).json()["status"] == "ready"
        assert (await http.post(at)).status_code == 202
        await files.handle(failed(upload, 3, "corrupt"))
        assert (await http.get(at)).json()["reason"] == "corrupt"
    first, second = await about(files, upload)
    assert (first.revision, second.revision, first.data.wanted, first.data.locate) == (1, 2, "all", None)
    assert first.data.content.blob_key == upload.blob_key
    assert (first.actorid, first.actorkind) == (files.owner.user_id, "user")
    assert len(first.data.ancestor_ids) == 1


async def test_while_it_waits_for_its_first_preview_nobody_is_asked_again(files: Files) -> None:
    upload = await files.upload()
    async with files.client() as http:
        assert (await http.post(f"/v1/items/{upload.item_id}/preview")).status_code == 202
    assert await about(files, upload) == []


async def test_whoever_may_only_read_may_not_and_others_find_nothing(files: Files) -> None:
    upload = await previewed(files)
    reader, writer = person(), person()
    await files.handle(
        granted(str(upload.item_id), files.owner, reader, VIEWER),
        granted(str(upload.item_id), files.owner, writer, EDITOR),
    )
    at = f"/v1/items/{upload.item_id}/preview"
    async with files.client(reader) as reading, files.client(person()) as stranger, files.client(writer) as writing:
        assert (await reading.get(at)).status_code == 302
        assert (await reading.post(at)).json()["code"] == "forbidden"
        assert (await stranger.post(at)).json()["code"] == "not_found"
        assert await about(files, upload) == []
        assert (await writing.post(at)).status_code == 202
    [fact] = await about(files, upload)
    assert fact.actorid == writer.user_id


async def test_folders_what_is_in_the_trash_and_what_is_not_there_have_none(files: Files) -> None:
    upload = await previewed(files)
    refused = await files.start("bad.jpg")
    await files.handle(stored(refused), rejected(refused))
    async with files.client() as http:
        assert (await http.post("/v1/items/root/preview")).json()["code"] == "kind_conflict"
        assert (await http.post(f"/v1/items/{new_id()}/preview")).status_code == 404
        assert (await http.post(f"/v1/items/{refused.id}/preview")).status_code == 404
        gone = {"version_id": new_id()}
        assert (await http.post(f"/v1/items/{upload.item_id}/preview", params=gone)).status_code == 404
        await files.rows(f"DELETE FROM preview_requests WHERE version_id = '{upload.version_id}' RETURNING 1")
        await http.delete(f"/v1/items/{upload.item_id}")
        assert (await http.post(f"/v1/items/{upload.item_id}/preview")).status_code == 404
    assert await about(files, upload) == []


async def test_a_file_whose_content_is_not_there_is_told_apart(files: Files) -> None:
    upload = await files.upload()
    await files.rows(f"DELETE FROM versions WHERE item_id = '{upload.item_id}' RETURNING 1")
    async with files.client() as http:
        answer = await http.post(f"/v1/items/{upload.item_id}/preview")
    assert (answer.status_code, answer.json()["code"]) == (409, "state_conflict")


async def test_an_older_version_is_made_anew_by_itself(files: Files) -> None:
    old = await previewed(files, "a.jpg")
    new = await files.upload("a.jpg", conflict="replace")
    await files.handle(ready(new))
    async with files.client() as http:
        at = f"/v1/items/{old.item_id}/preview"
        assert (await http.post(at, params={"version_id": str(old.version_id)})).status_code == 202
        assert (await http.get(at)).status_code == 302
        assert (await http.get(at, params={"version_id": str(old.version_id)})).status_code == 202
    assert [fact.data.content.blob_id for fact in await about(files, old)] == [old.blob_id]
    assert await about(files, new) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "jpeg"),
    [
        ({"params": {"format": "jpeg"}}, True),
        ({"headers": {"Accept": "image/png, image/jpeg;q=0.8"}}, True),
        ({"headers": {"Accept": "image/jpeg, image/webp;q=0"}}, True),
        ({"headers": {"Accept": "image/avif,image/webp,image/*"}}, False),
        ({"headers": {"Accept": "image/jpeg, */*;q=0.1"}}, False),
        ({"headers": {"Accept": "application/json"}}, False),
        ({"headers": {"Accept": "image/jpeg"}, "params": {"format": "webp"}}, False),
        ({"headers": {"Accept": ";q=x,,image/jpeg;q="}}, True),
    ],
)
async def test_pictures_are_jpeg_for_those_who_show_no_webp(files: Files, sent: Any, jpeg: Any) -> None:
    upload = await previewed(files)
    async with files.client() as http:
        for _ in range(2):
            answer = await http.get(f"/v1/items/{upload.item_id}/preview", **sent)
            assert (answer.status_code, answer.headers["vary"]) == (202 if jpeg else 302, "Accept")
        told = await about(files, upload)
        assert [(fact.data.wanted, fact.revision) for fact in told] == ([("jpeg", 1)] if jpeg else [])
        assert (await http.get(f"/v1/items/{upload.item_id}/preview/info")).json()["status"] == "ready"
        await files.handle(ready(upload, 2, jpeg=True))
        ends = [
            (await http.get(f"/v1/items/{upload.item_id}/preview", **sent)).headers["location"].partition("?")[0]
            for _ in range(2)
        ]
    assert {end.rpartition("/")[2] for end in ends} == {"400.jpg" if jpeg else "400"}
    assert len(await about(files, upload)) == len(told)


async def test_each_size_has_its_jpeg_and_no_format_is_made_up(files: Files) -> None:
    upload = await previewed(files, jpeg=True)
    async with files.client() as http:
        for size, end in (("thumb", "400.jpg"), ("medium", "1024.jpg"), ("large", "1024.jpg")):
            answer = await http.get(f"/v1/items/{upload.item_id}/preview", params={"size": size, "format": "jpeg"})
            assert answer.headers["location"].partition("?")[0].endswith(f"/{end}")
        odd = await http.get(f"/v1/items/{upload.item_id}/preview", params={"format": "png"})
        listed = (await http.get("/v1/items/root/children", params={"include": "thumbnail"})).json()["items"]
    assert (odd.status_code, odd.json()["code"]) == (422, "validation_failed")
    assert listed[0]["preview"]["thumbnail_url"].partition("?")[0].endswith("/400"), "listings show what is usual"


async def test_of_what_has_no_preview_there_is_no_jpeg_either(files: Files) -> None:
    upload = await files.upload()
    jpeg = {"format": "jpeg"}
    async with files.client() as http:
        at = f"/v1/items/{upload.item_id}/preview"
        assert (await http.get(at, params=jpeg)).status_code == 202
        await files.handle(failed(upload))
        assert (await http.get(at, params=jpeg)).json()["code"] == "preview_unavailable"
    assert await about(files, upload) == []


async def test_a_jpeg_that_never_comes_is_asked_for_three_times_and_then_there_is_none(files: Files) -> None:
    upload = await previewed(files)
    at, jpeg = f"/v1/items/{upload.item_id}/preview", {"format": "jpeg"}
    async with files.client() as http:
        for number in range(3):
            assert (await http.get(at, params=jpeg)).status_code == 202
            assert len(await about(files, upload)) == number + 1
            files.clock.advance(minutes=10)
        answer = await http.get(at, params=jpeg)
        assert (answer.status_code, answer.json()["reason"]) == (404, "no_answer")
        assert (await http.get(at)).status_code == 302
        await http.post(at)
        await files.handle(ready(upload, 2))
        assert (await http.get(at, params=jpeg)).status_code == 202, "new pictures are a new chance"
    assert [fact.data.wanted for fact in await about(files, upload)] == ["jpeg", "jpeg", "jpeg", "all", "jpeg"]


async def test_whoever_waits_for_a_jpeg_is_not_made_to_ask_again_by_pictures_that_come_meanwhile(files: Files) -> None:
    upload = await previewed(files, boxes=(400,))
    at, jpeg = f"/v1/items/{upload.item_id}/preview", {"format": "jpeg"}
    async with files.client() as http:
        assert (await http.get(at, params=jpeg)).status_code == 202
        for sequence, boxes in ((2, (400,)), (3, (400, 1024))):
            await files.handle(ready(upload, sequence, boxes))
            assert (await http.get(at, params=jpeg)).status_code == 202
        assert len(await about(files, upload)) == 1, "each request would have the media worker begin anew"
        await files.handle(ready(upload, 4, jpeg=True))
        assert (await http.get(at, params=jpeg)).status_code == 302


async def test_who_waits_for_a_jpeg_or_waits_in_vain_holds_up_nobody_in_the_drive(files: Files) -> None:
    upload = await previewed(files)
    at, jpeg = f"/v1/items/{upload.item_id}/preview", {"format": "jpeg"}
    async with files.client() as http:
        for _ in range(3):
            assert (await http.get(at, params=jpeg)).status_code == 202
            async with files.deps.work.engine.begin() as connection, asyncio.timeout(60):
                assert await lock_drive(connection, files.owner.user_id) is not None
                assert (await http.get(at, params=jpeg)).status_code == 202
            files.clock.advance(minutes=10)
        async with files.deps.work.engine.begin() as connection, asyncio.timeout(60):
            assert await lock_drive(connection, files.owner.user_id) is not None
            assert (await http.get(at, params=jpeg)).status_code == 404


async def test_new_pictures_leave_old_ones_as_jpeg_behind(files: Files) -> None:
    upload = await previewed(files, jpeg=True)
    at, jpeg = f"/v1/items/{upload.item_id}/preview", {"format": "jpeg"}
    async with files.client() as http:
        assert (await http.get(at, params=jpeg)).status_code == 302
        await files.handle(ready(upload, 2))
        assert (await http.get(at, params=jpeg)).status_code == 202


async def test_who_asks_for_a_jpeg_while_the_version_is_deleted_for_good_asks_nobody(files: Files) -> None:
    upload = await previewed(files)
    async with files.client() as http:
        async with files.deps.work.engine.begin() as connection:
            await lock_drive(connection, files.owner.user_id)
            asking = asyncio.create_task(http.get(f"/v1/items/{upload.item_id}/preview", params={"format": "jpeg"}))
            await files.somebody_waits()
            await connection.execute(text("DELETE FROM versions WHERE id = :id"), {"id": upload.version_id})
        assert (await asking).status_code == 202
    assert await about(files, upload) == []
