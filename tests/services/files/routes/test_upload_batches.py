"""Many small files in one request: each with a result of its own, folders made on the way, and few statements for all."""

import asyncio
import hashlib
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import func, select

from coffer_chassis.access import EDITOR, VIEWER
from coffer_files.store.tables import changes, items, uploads
from factories.bytes import put
from factories.files import Files, cleared, files_on, granted, person, stored

ABSENT = "0193439e-8a5c-7000-8000-00000000dead"


def file(name: str = "a.txt", size: int = 10, **more: Any) -> dict[str, Any]:
    return {"ref": name, "name": name, "size": size, **more}


async def began(http: AsyncClient, *files: dict[str, Any], parent: str = "root", **headers: str) -> list[Any]:
    answer = await http.post("/v1/uploads/batch", json={"parent_id": parent, "files": list(files)}, headers=headers)
    assert answer.status_code == 200, answer.text
    results: list[Any] = answer.json()["results"]
    return results


def outcome(results: list[Any]) -> list[Any]:
    return [one["problem"]["code"] if "problem" in one else one["status"] for one in results]


async def names(http: AsyncClient, folder: str = "root") -> list[str]:
    return [item["name"] for item in (await http.get(f"/v1/items/{folder}/children")).json()["items"]]


async def completed(http: AsyncClient, results: list[Any]) -> list[Any]:
    ids = [one["upload"]["id"] for one in results]
    answer = await http.post("/v1/uploads/complete", json={"upload_ids": ids})
    assert answer.status_code == 200, answer.text
    told: list[Any] = answer.json()["results"]
    return told


async def test_a_dropped_folder_from_announcement_to_files(files: Files) -> None:
    sha = hashlib.sha256(b"x" * 10).hexdigest()
    async with files.client() as http:
        results = await began(
            http,
            file("a.txt", path="Photos/Day 1"),
            file("b.txt", path="photos/Day 2/", blocks_sha256=[sha], mime_type="text/plain"),
            file("c.txt"),
        )
        assert [(one["ref"], one["status"]) for one in results] == [("a.txt", 201), ("b.txt", 201), ("c.txt", 201)]
        assert results[1]["upload"]["single"]["headers"]["content-type"] == "text/plain"
        assert "x-amz-checksum-sha256" in results[1]["upload"]["single"]["headers"]
        assert (await files.drive()).reserved_bytes == 30
        assert await names(http) == ["Photos"]
        waiting = await completed(http, results)
        assert outcome(waiting) == ["upload_incomplete"] * 3
        for one in results:
            await put(files, await files.now(one["upload"]["id"]))
        assert outcome(await completed(http, results)) == [202] * 3
        for one in results:
            upload = await files.now(one["upload"]["id"])
            await files.handle(cleared(upload, etag=str(upload.etag)))
        done = await completed(http, results)
        assert [(one["status"], one["upload"]["state"]) for one in done] == [(200, "committed")] * 3
        assert await names(http) == ["Photos", "c.txt"]
    drive = await files.drive()
    assert (drive.used_bytes, drive.reserved_bytes) == (30, 0)
    asked = await files.facts("files.upload.received.v1")
    assert {fact.data.upload_id for fact in asked} >= {one["upload"]["id"] for one in results}


async def test_folders_are_made_once_whoever_asks_and_told_like_any_other(files: Files) -> None:
    deep = file("a.txt", path="x/y/z")
    async with files.client() as http:
        await asyncio.gather(*(began(http, deep | {"name": f"{number}.txt"}) for number in range(4)))
        await began(http, deep | {"name": "again.txt"})
    made = [fact for fact in await files.facts("files.item.created.v1") if fact.data.owner_id == files.owner.user_id]
    assert sorted(fact.data.name for fact in made) == ["", "x", "y", "z"]
    x, y, z = (next(fact.data for fact in made if fact.data.name == name) for name in "xyz")
    assert z.ancestor_ids[-2:] == (x.item_id, y.item_id)
    noted = await files.rows(
        select(func.count()).select_from(changes).where(changes.c.item_id.in_([x.item_id, y.item_id, z.item_id]))
    )
    assert noted[0][0] == 3


async def test_each_file_is_refused_for_itself(files: Files) -> None:
    async with files.client() as http:
        taken = (await http.post("/v1/folders", json={"parent_id": "root", "name": "taken"})).json()["id"]
        await files.upload("file.txt", 10)
        results = await began(
            http,
            file("a/b"),
            file("..", path="made"),
            file("a.txt", path="made/../up"),
            file("a.txt", path="made//x"),
            file("a\u202etxt.exe", path="made"),
            file("big.bin", 8 * 1024 * 1024 + 1),
            file("taken"),
            file("taken", conflict="replace"),
            file("FILE.txt"),
            file("file.txt", conflict="rename"),
            file("file.txt", conflict="replace"),
            file("a.txt", path="file.txt/below"),
            file("a.txt", path="/".join("d" * 1 for _ in range(100))),
            file("fine.txt", path="taken"),
        )
        assert outcome(results) == [
            "name_invalid", "name_invalid", "name_invalid", "name_invalid", "name_invalid", "too_large", "name_conflict",
            "kind_conflict", "name_conflict", 201, 201, "kind_conflict", "validation_failed", 201,
        ]  # fmt: skip
        assert results[8]["problem"]["suggested_name"] == "FILE (1).txt"
        assert results[9]["upload"]["resolved_name"] == "file (1).txt"
        assert results[13]["upload"]["parent_id"] == taken
        # Nothing was made for those that were refused.
        assert await names(http) == ["taken", "file.txt"]
    assert (await files.drive()).reserved_bytes == 30


async def test_names_that_stand_twice_in_one_batch(files: Files) -> None:
    async with files.client() as http:
        results = await began(
            http,
            file("a.txt"),
            file("A.txt"),
            file("a.txt", conflict="rename"),
            file("a.txt", conflict="rename"),
            file("a.txt", path="new"),
            file("a.txt", path="NEW"),
        )
    assert outcome(results) == [201, "name_conflict", 201, 201, 201, "name_conflict"]
    assert [results[place]["upload"]["resolved_name"] for place in (2, 3)] == ["a (1).txt", "a (2).txt"]


async def test_a_name_with_very_many_copies_still_gets_a_free_one(files: Files) -> None:
    async with files.client() as http:
        for name in ("a.txt", *(f"a ({number}).txt" for number in range(1, 25))):
            await http.post("/v1/folders", json={"parent_id": "root", "name": name})
        [result] = await began(http, file("a.txt", conflict="rename"))
    assert result["upload"]["resolved_name"] == "a (25).txt"


async def test_what_has_no_room_is_left_out_and_the_rest_goes_on(files: Files) -> None:
    async with files.client() as http:
        results = await began(http, file("a", 600_000), file("b", 600_000, path="never"), file("c", 400_000))
        assert outcome(results) == [201, "quota_exceeded", 201]
        assert results[1]["problem"]["limit"] == 1_000_000
        assert outcome(await began(http, file("d", 1, path="never"), file("e", 0))) == ["quota_exceeded", 201]
        assert await names(http) == []
    assert (await files.drive()).reserved_bytes == 1_000_000


async def test_what_is_refused_by_its_name_leaves_its_room_to_the_others(files: Files) -> None:
    async with files.client() as http:
        await http.post("/v1/folders", json={"parent_id": "root", "name": "a"})
        results = await began(
            http, file("a", 600_000), file("b", 600_000), file("b", 300_000), file("c", 500_000), file("d", 1)
        )
        assert outcome(results) == ["name_conflict", "name_conflict", 201, 201, 201]
    assert (await files.drive()).reserved_bytes == 800_001


async def test_many_batches_at_once_never_set_aside_more_than_there_is(files: Files) -> None:
    async with files.client() as http:
        ended = await asyncio.gather(
            *(began(http, *(file(f"{batch}-{one}", 90_000) for one in range(3))) for batch in range(6))
        )
    started = [one for results in ended for one in results if one["status"] == 201]
    assert len(started) == 11
    assert (await files.drive()).reserved_bytes == 990_000


async def test_a_batch_that_is_sent_twice_opens_its_uploads_once(files: Files) -> None:
    sent = (file("a.txt", path="new"), file("b/b"))
    async with files.client() as http:
        first = await began(http, *sent, **{"Idempotency-Key": "drop-1"})
        second = await began(http, *sent, **{"Idempotency-Key": "drop-1"})
        other = await http.post(
            "/v1/uploads/batch", json={"parent_id": "root", "files": [file("c.txt")]}, headers={"Idempotency-Key": "drop-1"}
        )
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reuse")
    assert [one.get("upload", {}).get("id") for one in first] == [one.get("upload", {}).get("id") for one in second]
    assert second[0]["upload"]["single"]
    assert first[1] == second[1]
    opened = await files.rows(select(uploads.c.id).where(uploads.c.owner_id == files.owner.user_id))
    assert len(opened) == 1


async def test_a_crash_before_the_end_leaves_neither_uploads_nor_folders(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dies(*_: Any) -> Any:
        raise ConnectionError

    async with files.client() as http:
        with monkeypatch.context() as broken:
            broken.setattr("coffer_files.handlers.upload_batches.reserve", dies)
            answer = await http.post("/v1/uploads/batch", json={"parent_id": "root", "files": [file(path="a/b")]})
            assert answer.status_code >= 500
        assert await names(http) == []
        assert (await http.get("/v1/uploads")).json()["items"] == []


async def test_into_a_folder_of_somebody_else(files: Files) -> None:
    editor, viewer, stranger = person(), person(), person()
    async with files.client() as http:
        folder = (await http.post("/v1/folders", json={"parent_id": "root", "name": "shared"})).json()["id"]
    await files.handle(granted(folder, files.owner, editor, EDITOR), granted(folder, files.owner, viewer, VIEWER))
    body = {"parent_id": folder, "files": [file(path="sub"), file("big", 2_000_000)]}
    for who, status in ((viewer, 403), (stranger, 404)):
        async with files.client(who) as http:
            assert (await http.post("/v1/uploads/batch", json=body)).status_code == status
    async with files.client(editor) as http:
        results = await began(http, file(path="sub"), file("big", 2_000_000), parent=folder)
        assert outcome(results) == [201, "quota_exceeded"]
        # How full it is, is not theirs to know.
        assert "used" not in results[1]["problem"]
    [row] = await files.rows(select(uploads.c.owner_id, uploads.c.uploader_id).where(uploads.c.uploader_id == editor.user_id))
    assert (row.owner_id, row.uploader_id) == (files.owner.user_id, editor.user_id)
    async with files.client(stranger) as http:
        told = await completed(http, results[:1])
        assert outcome(told) == ["not_found"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"parent_id": "root", "files": []}, 422),
        ({"parent_id": "root", "files": [file()] * 101}, 422),
        ({"parent_id": "root"}, 422),
        ({"parent_id": "x", "files": [file()]}, 422),
        ({"parent_id": ABSENT, "files": [file()]}, 404),
        ({"parent_id": "root", "files": [file(size=-1)]}, 422),
        ({"parent_id": "root", "files": [file(mode="multipart")]}, 422),
        ({"parent_id": "root", "files": [file(blocks_sha256=[])]}, 422),
    ],
)
async def test_a_batch_that_makes_no_sense_is_refused_as_a_whole(files: Files, body: Any, status: int) -> None:
    async with files.client() as http:
        assert (await http.post("/v1/uploads/batch", json=body)).status_code == status


async def test_completing_says_of_each_where_it_stands(files: Files) -> None:
    ended = await files.upload("done.txt", 10)
    early = await files.start("early.txt", 10)
    await put(files, early)
    wrong = await files.start("wrong.txt", 10)
    await put(files, wrong, b"too long for it")
    other = await files.start("other.txt", 10)
    ids = [ended.id, early.id, wrong.id, other.id, ABSENT, early.id]
    async with files.client() as http:
        answer = await http.post("/v1/uploads/complete", json={"upload_ids": ids})
        results = answer.json()["results"]
    told = [(one["ref"], one["status"], one.get("upload", {}).get("state")) for one in results]
    assert told == [
        (ended.id, 200, "committed"),
        (early.id, 202, "received"),
        (wrong.id, 200, "failed"),
        (other.id, 409, None),
        (ABSENT, 404, None),
    ]


async def test_a_verdict_that_was_there_before_commits_at_once(files: Files) -> None:
    upload = await files.start("a.txt", 10)
    etag = await put(files, upload)
    await files.handle(cleared(upload, etag=etag))
    async with files.client() as http:
        answer = await http.post("/v1/uploads/complete", json={"upload_ids": [upload.id]})
    assert answer.json()["results"][0]["upload"]["state"] == "committed"
    assert (await files.drive()).used_bytes == 10


async def test_completing_keeps_to_the_turns_of_an_owner(store: str) -> None:
    async with files_on(store, dispatch_per_owner=2) as files:
        async with files.client() as http:
            results = await began(http, *(file(f"{number}.txt") for number in range(5)))
            for one in results:
                await put(files, await files.now(one["upload"]["id"]))
            await completed(http, results)
            await completed(http, results)
        standing = [await files.now(one["upload"]["id"]) for one in results]
        assert sum(upload.dispatched_at is not None for upload in standing) == 2
        first = next(upload for upload in standing if upload.dispatched_at)
        await files.handle(cleared(first, etag=str(first.etag)))
        standing = [await files.now(one["upload"]["id"]) for one in results]
        assert sum(upload.state == "received" and upload.dispatched_at is not None for upload in standing) == 2


def kinds(statements: list[str]) -> int:
    """How many different statements. What is executed with many rows is noted twice and by its number of rows."""
    plain = (" ".join(statement.split()) for statement in statements)
    return len({statement[:60] if statement.startswith("INSERT") else statement for statement in plain})


async def test_a_hundred_files_cost_as_many_statements_as_one(files: Files) -> None:
    await files.start("first.txt", 1)
    counts: list[tuple[int, int]] = []
    async with files.client() as http:
        for count in (1, 100):
            sent = [file(f"{count}-{number}.txt", 1, path=f"top {count}/sub {number % 7}") for number in range(count)]
            files.statements.clear()
            results = await began(http, *sent)
            starting = kinds(files.statements)
            for one in results:
                await put(files, await files.now(one["upload"]["id"]))
            files.statements.clear()
            await completed(http, results)
            counts.append((starting, kinds(files.statements)))
    assert counts == [(9, 6), (9, 6)], files.statements


async def test_the_bucket_may_report_some_of_them_first(files: Files) -> None:
    async with files.client() as http:
        results = await began(http, file("a.txt"), file("b.txt"))
        for one in results:
            await put(files, await files.now(one["upload"]["id"]))
        first = await files.now(results[0]["upload"]["id"])
        head = await files.blobs.head(first.blob_key)
        await files.handle(stored(first, etag=head.etag))
        assert outcome(await completed(http, results)) == [202, 202]
    assert (await files.now(first)).attempts == 1
    [row] = await files.rows(
        select(func.count()).select_from(items).where(items.c.owner_id == files.owner.user_id, items.c.kind == "file")
    )
    assert row[0] == 0
