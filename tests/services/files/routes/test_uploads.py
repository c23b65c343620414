"""Uploads, downloads and the change feed over HTTP."""

from typing import Any

import pytest
from httpx import AsyncClient, Response

from coffer_chassis.identity import Principal
from coffer_contracts import media
from coffer_files.domain.parts import MAX_FILE_BYTES
from coffer_files.domain.uploads import Upload
from coffer_files.store.tables import uploads
from factories.files import Files, TokenIsUserId, cleared, envelope, files_on, person, rejected, stored


def refused(answer: Response, status: int, code: str) -> Any:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return answer.json()


def announced(**changes: Any) -> Any:
    return {"parent_id": "root", "name": "a.jpg", "size": 100, "mime_type": "image/jpeg", **changes}


async def started(http: AsyncClient, **changes: Any) -> Any:
    answer = await http.post("/v1/uploads", json=announced(**changes))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def put(files: Files, upload_id: Any) -> Any:
    [row] = await files.rows(uploads.select().where(uploads.c.id == upload_id))
    etag = await files.blobs.write(row.blob_key, b"x" * row.size_bytes, content_type="image/jpeg")
    return await files.now(row.id), etag


async def preview_ready(files: Files, upload: Upload) -> Any:
    done = await files.now(upload)
    image = media.PreviewImage(box_pixels=400, key="previews/b/400", mime_type="image/webp", width=4, height=3, size_bytes=9)
    fact = media.PreviewReadyV1(
        item_id=done.item_id, version_id=done.version_id, owner_id=done.owner_id, ancestor_ids=(), blob_id=done.blob_id,
        images=(image,), placeholder="UklGRg==",
    )  # fmt: skip
    await files.handle(envelope(fact))


async def test_an_upload_from_announcement_to_thumbnail(files: Files) -> None:
    async with files.client() as http:
        begun = await started(http)
        assert (begun["state"], begun["strategy"], begun["resolved_name"]) == ("created", "single", "a.jpg")
        assert begun["expires_at"] == "2026-11-21T12:00:00.000Z"
        assert begun["single"]["method"] == "PUT"
        assert begun["single"]["headers"]["content-length"] == "100"
        at = f"/v1/uploads/{begun['id']}"
        refused(await http.post(f"{at}/complete"), 409, "upload_incomplete")
        upload, etag = await put(files, begun["id"])
        waiting = await http.post(f"{at}/complete", json={})
        assert (waiting.status_code, waiting.headers["location"], waiting.json()["state"]) == (202, at, "received")
        assert "single" not in waiting.json()
        files.clock.advance(milliseconds=120)
        await files.handle(cleared(upload, etag=etag))
        done = await http.post(f"{at}/complete")
        assert (done.status_code, done.json()["name"], done.json()["size"]) == (200, "a.jpg", 100)
        item = f"/v1/items/{done.json()['id']}"

        pending = await http.get(f"{item}/preview")
        assert (pending.status_code, pending.headers["retry-after"]) == (202, "1")
        files.clock.advance(milliseconds=80)
        await preview_ready(files, upload)
        picture = await http.get(f"{item}/preview", params={"size": "large"})
        assert (picture.status_code, "previews/b/400?type=image/webp" in picture.headers["location"]) == (302, True)
        [listed] = (await http.get("/v1/items/root/children", params={"include": "thumbnail"})).json()["items"]
        assert listed["preview"]["status"] == "ready"
        assert "previews/b/400" in listed["preview"]["thumbnail_url"]
        assert listed["preview"]["placeholder"] == "UklGRg=="

        timeline = (await http.get(f"{at}/timeline")).json()
        steps = [(step["step"], step["ms"]) for step in timeline["steps"]]
        assert steps == [
            ("created", 0), ("received", 0), ("dispatched", 120), ("cleared", 0), ("committed", 80), ("preview_ready", None),
        ]  # fmt: skip
        assert (timeline["state"], timeline["waiting_for"], timeline["total_ms"]) == ("committed", None, 200)


async def test_a_download_is_an_address_in_the_bucket(files: Files) -> None:
    done = await files.upload("caf\u00e9.jpg")
    async with files.client() as http:
        at = f"/v1/items/{done.item_id}"
        answer = await http.get(f"{at}/content")
        assert answer.status_code == 302
        assert answer.headers["cache-control"] == "private, no-store"
        assert done.blob_key in answer.headers["location"]
        assert "filename*=UTF-8''caf%C3%A9.jpg" in answer.headers["location"]
        assert answer.content == b""
        shown = await http.get(f"{at}/download-url", params={"disposition": "inline", "ttl": 99999})
        assert "type=image/jpeg&disposition=inline" in shown.json()["url"]
        assert (shown.json()["size"], shown.json()["expires_at"]) == (100, "2026-11-20T12:15:00.000Z")


async def test_what_a_browser_would_run_is_only_saved(files: Files) -> None:
    upload = await files.start("page.html")
    await files.handle(stored(upload), cleared(upload, mime_type="text/html", media_kind="text", previewable=False))
    done = await files.now(upload)
    async with files.client() as http:
        answer = await http.get(f"/v1/items/{done.item_id}/content", params={"disposition": "inline"})
        assert "type=application/octet-stream&disposition=attachment" in answer.headers["location"]
        told = refused(await http.get(f"/v1/items/{done.item_id}/preview"), 404, "preview_unavailable")
        assert told["reason"] == "none"


async def test_older_versions_can_be_fetched_and_versions_of_others_cannot(files: Files) -> None:
    old = await files.upload("a.jpg", 10)
    new = await files.upload("a.jpg", 20, conflict="replace")
    other = await files.upload("b.jpg")
    async with files.client() as http:
        at = f"/v1/items/{old.item_id}/content"
        assert old.blob_key in (await http.get(at, params={"version_id": old.version_id})).headers["location"]
        assert new.blob_key in (await http.get(at)).headers["location"]
        refused(await http.get(at, params={"version_id": other.version_id}), 404, "not_found")
        refused(await http.get(at, params={"version_id": "x"}), 404, "not_found")


async def test_an_upload_is_resolved_retried_and_given_up_over_http(files: Files) -> None:
    first = await files.upload("a.jpg")
    late = await files.start("A (1).jpg")
    await files.rows(uploads.update().where(uploads.c.id == late.id).values(name="A.jpg").returning(uploads.c.id))
    await files.handle(stored(late), cleared(late))
    async with files.client() as http:
        at = f"/v1/uploads/{late.id}"
        clash = refused(await http.post(f"{at}/complete"), 409, "name_conflict")
        assert (clash["suggested_name"], clash["existing"]["id"]) == ("A (1).jpg", first.item_id)
        assert (await http.get(at)).json()["reason"] == "name_taken"
        told = refused(await http.patch(at, json={"name": "a.JPG"}), 409, "name_conflict")
        assert told["existing"]["kind"] == "file"
        resolved = await http.patch(at, json={"name": "b.jpg"})
        assert (resolved.status_code, resolved.json()["state"], resolved.json()["item"]["name"]) == (200, "committed", "b.jpg")
        refused(await http.delete(at), 409, "state_conflict")

        begun = await started(http, name="c.jpg")
        assert (await http.delete(f"/v1/uploads/{begun['id']}")).status_code == 204
        assert (await http.delete(f"/v1/uploads/{begun['id']}")).status_code == 204
        refused(await http.post(f"/v1/uploads/{begun['id']}/complete"), 410, "upload_expired")
        refused(await http.post(f"/v1/uploads/{begun['id']}/retry"), 409, "state_conflict")
        assert {"used": 200, "reserved": 0, "limit": 1_000_000}.items() <= (await http.get("/v1/usage")).json().items()


async def test_the_owner_of_rejected_bytes_is_told_why(files: Files) -> None:
    upload = await files.start()
    await files.handle(stored(upload), rejected(upload))
    async with files.client() as http:
        told = refused(await http.post(f"/v1/uploads/{upload.id}/complete"), 403, "malware_detected")
        assert (told["reason"], told["detail"]) == ("test_virus", "It is dangerous.")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"size": 2_000_000}, 403, "quota_exceeded"),
        ({"size": -1}, 422, "validation_failed"),
        ({"size": True}, 422, "validation_failed"),
        ({"size": "10"}, 422, "validation_failed"),
        ({"size": 6 * 1024**3, "mode": "single"}, 413, "too_large"),
        ({"size": MAX_FILE_BYTES + 1}, 413, "too_large"),
        ({"size": 2**70}, 422, "validation_failed"),
        ({"size": 6 * 1024**3, "mode": "post_form"}, 413, "too_large"),
        ({"mode": "pigeon"}, 422, "validation_failed"),
        ({"mime_type": "no type"}, 422, "validation_failed"),
        ({"mime_type": "text/plain\r\nx: y"}, 422, "validation_failed"),
        ({"blocks_sha256": ["zz"]}, 422, "validation_failed"),
        ({"blocks_sha256": ["00" * 32] * 2}, 422, "validation_failed"),
        ({"name": "a" * 256}, 422, "name_invalid"),
        ({"modified_at": "yesterday"}, 422, "validation_failed"),
        ({"modified_at": "2026-01-01T00:00:00"}, 422, "validation_failed"),
        ({"modified_at": "0001-01-01T00:00:00Z"}, 422, "validation_failed"),
        ({"modified_at": "0001-01-01T00:00:00+23:59"}, 422, "validation_failed"),
        ({"modified_at": "9999-12-31T23:59:59-23:59"}, 422, "validation_failed"),
    ],
)
async def test_what_cannot_be_uploaded_is_refused_before_a_byte_is_sent(
    files: Files, changes: Any, status: int, code: str
) -> None:
    async with files.client() as http:
        refused(await http.post("/v1/uploads", json=announced(**changes)), status, code)
        assert (await http.get("/v1/usage")).json()["reserved"] == 0


async def test_the_same_key_opens_one_upload_and_signs_it_afresh(files: Files) -> None:
    async with files.client() as http:
        key = {"Idempotency-Key": '"k1"'}
        first = await http.post("/v1/uploads", json=announced(), headers=key)
        files.clock.advance(hours=1)
        again = await http.post("/v1/uploads", json=announced(), headers=key)
        assert first.json()["id"] == again.json()["id"]
        assert again.headers["idempotent-replayed"] == "true"
        assert "expires=82800" in again.json()["single"]["url"]
        refused(await http.post("/v1/uploads", json=announced(size=1), headers=key), 422, "idempotency_key_reuse")
        kept = await files.rows("SELECT result::text FROM idempotency_keys WHERE key = 'k1'")
        assert "https" not in str(kept)


async def test_own_uploads_are_listed_newest_first_and_nobody_elses(files: Files) -> None:
    async with files.client() as http, files.client(person()) as stranger:
        begun = [(await started(http, name=f"{number}.jpg"))["id"] for number in range(5)]
        await started(stranger)
        page = (await http.get("/v1/uploads", params={"limit": 3})).json()
        rest = (await http.get("/v1/uploads", params={"limit": 3, "cursor": page["next_cursor"]})).json()
        assert [upload["id"] for upload in page["items"] + rest["items"]] == begun[::-1]
        assert rest["next_cursor"] is None
        assert (await http.get("/v1/uploads", params={"state": "conflict,failed"})).json()["items"] == []
        refused(await http.get("/v1/uploads", params={"state": "lost"}), 422, "validation_failed")
        refused(await stranger.get(f"/v1/uploads/{begun[0]}"), 404, "not_found")
        refused(await stranger.get(f"/v1/uploads/{begun[0]}/timeline"), 404, "not_found")
        refused(await stranger.delete(f"/v1/uploads/{begun[0]}"), 404, "not_found")


async def test_the_feed_tells_what_is_there_and_then_what_happens(store: str) -> None:
    async with files_on(store) as files, files.client() as http:
        folder = (await http.post("/v1/folders", json={"parent_id": "root", "name": "a"})).json()
        below = (await http.post("/v1/folders", json={"parent_id": folder["id"], "name": "b"})).json()
        told, cursor = [], None
        while True:
            page = (await http.get("/v1/changes", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
            told += [(change["change"], change["item"]["name"]) for change in page["changes"]]
            cursor = page["cursor"]
            if not page["has_more"]:
                break
        assert told == [("upsert", ""), ("upsert", "a"), ("upsert", "b")]
        now = (await http.get("/v1/changes/cursor")).json()["cursor"]

        await http.patch(f"/v1/items/{folder['id']}", json={"name": "c"})
        await http.delete(f"/v1/items/{folder['id']}")
        for place in (cursor, now):
            changes = (await http.get("/v1/changes", params={"cursor": place})).json()["changes"]
            assert [(change["change"], change["reason"]) for change in changes] == [
                ("remove", "renamed"),
                ("remove", "trashed"),
            ]
        await http.post(f"/v1/trash/{folder['id']}/restore", json={})
        last = (await http.get("/v1/changes", params={"cursor": now})).json()["changes"][-1]
        assert (last["change"], last["reason"], last["subtree"], last["item"]["name"]) == ("upsert", "restored", True, "c")
        assert last["actor_id"] == files.owner.user_id
        assert below["id"]


async def test_an_old_or_foreign_feed_cursor_is_refused(store: str) -> None:
    async with files_on(store) as files, files.client() as http, files.client(person()) as stranger:
        cursor = (await http.get("/v1/changes/cursor")).json()["cursor"]
        refused(await stranger.get("/v1/changes", params={"cursor": cursor}), 400, "cursor_invalid")
        files.clock.advance(days=31)
        refused(await http.get("/v1/changes", params={"cursor": cursor}), 410, "cursor_expired")
        fresh = (await http.get("/v1/changes/cursor")).json()["cursor"]
        await files.rows("UPDATE drives SET feed_epoch = feed_epoch + 1 RETURNING 1")
        refused(await http.get("/v1/changes", params={"cursor": fresh}), 410, "cursor_expired")


async def test_a_token_that_may_only_read_is_not_given_what_sends_bytes(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = [await files.start(), await files.start("form.jpg", mode="post_form"), await files.start("b.jpg", mode="multipart")]

    async def verify(_self: TokenIsUserId, token: str) -> Principal:
        return person(files.owner.user_id, kind="token", scopes=frozenset(token.split()))

    monkeypatch.setattr(TokenIsUserId, "verify", verify)
    async with files.client() as http:
        for scopes, is_given in (("files:read", False), ("files:read files:write", True)):
            headers = {"Authorization": f"Bearer {scopes}"}
            for upload, word in zip(begun, ("single", "form", "parts"), strict=True):
                shown = (await http.get(f"/v1/uploads/{upload.id}", headers=headers)).json()
                assert (shown["state"], word in shown) == ("created", is_given)
