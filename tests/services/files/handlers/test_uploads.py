"""What people do with uploads: quota, names, /complete, conflicts, another try, giving up."""

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from coffer_chassis.etags import Conditions
from coffer_chassis.idempotency import Claim
from coffer_contracts.problems import (
    Forbidden,
    KindConflict,
    NameConflict,
    NotFound,
    PreconditionFailed,
    QuotaExceeded,
    SizeMismatch,
    StateConflict,
    TooLarge,
    UploadIncomplete,
    ValidationFailed,
)
from coffer_files.domain.parts import MAX_FILE_BYTES
from coffer_files.domain.uploads import Upload
from coffer_files.handlers import trash
from coffer_files.handlers import uploads as commands
from coffer_files.handlers.announcing import Announcement, sign_put, start_upload
from coffer_files.handlers.burying import bury
from coffer_files.handlers.items import make_folder
from coffer_files.handlers.uploads import Resolution
from coffer_files.store.tables import doomed_blobs, items, uploads
from factories.files import Files, cleared, files_on, origin_of, person, rejected, stored


async def held(files: Files) -> Any:
    drive = await files.drive()
    return drive.used_bytes, drive.reserved_bytes


async def bytes_for(files: Files, upload: Upload, size: Any = None) -> Any:
    content = b"x" * (upload.size_bytes if size is None else size)
    return await files.blobs.write(upload.blob_key, content, content_type="image/jpeg")


async def complete(files: Files, upload: Upload) -> Any:
    return await commands.complete_upload(files.deps, files.owner, files.origin, upload.id)


async def resolve(files: Files, upload: Upload, **wish: Any) -> Any:
    return await commands.resolve_upload(files.deps, files.owner, files.origin, upload.id, Resolution(**wish))


async def folder(files: Files, name: Any = "folder") -> Any:
    made, _ = await make_folder(files.deps, files.owner, files.origin, None, parent="root", name=name, conflict="fail")
    return made.at.item.id


async def test_an_upload_reserves_its_room_before_a_byte_is_sent(files: Files) -> None:
    await files.start(size=700_000)
    assert await held(files) == (0, 700_000)
    with pytest.raises(QuotaExceeded) as refusal:
        await files.start("b.jpg", size=300_001)
    assert refusal.value.extensions == {"used": 700_000, "limit": 1_000_000, "needed": 300_001}
    await files.start("c.jpg", size=300_000)
    assert await held(files) == (0, 1_000_000)


async def test_an_empty_file_is_a_file(files: Files) -> None:
    upload = await files.start("empty.txt", 0)
    etag = await bytes_for(files, upload)
    assert (await complete(files, upload)).state == "received"
    await files.handle(cleared(upload, etag=etag, mime_type="application/x-empty", media_kind="other", previewable=False))
    done = await files.now(upload)
    assert done.state == "committed"
    [item] = await files.rows(select(items).where(items.c.id == done.item_id))
    assert (item.size_bytes, item.preview_status) == (0, "none")


async def test_names_are_looked_at_before_bytes_are_sent(files: Files) -> None:
    taken = await files.upload("a.jpg")
    with pytest.raises(NameConflict) as refusal:
        await files.start("A.jpg")
    assert refusal.value.extensions["suggested_name"] == "A (1).jpg"
    assert refusal.value.extensions["existing"] == {"id": taken.item_id, "kind": "file", "etag": '"1"'}
    assert (await files.start("a.jpg", conflict="rename")).name == "a (1).jpg"
    assert (await files.start("a.jpg", conflict="replace", base_version_id=taken.version_id)).name == "a.jpg"
    with pytest.raises(PreconditionFailed):
        await files.start("a.jpg", conflict="replace", base_version_id=taken.id)
    await folder(files, "sub")
    with pytest.raises(KindConflict):
        await files.start("sub", conflict="replace")
    assert (await held(files))[1] == 200


async def test_what_cannot_be_sent_is_refused_at_once(store: str) -> None:
    async with files_on(store, single_put_max_bytes=1000) as files:
        with pytest.raises(TooLarge):
            await files.start(size=1001, mode="single")
        with pytest.raises(TooLarge):
            await files.start(size=MAX_FILE_BYTES + 1)
        with pytest.raises(ValidationFailed):
            await files.start(blocks_sha256=("0" * 64, "0" * 64))
        assert await files.rows(select(uploads).where(uploads.c.owner_id == files.owner.user_id)) == []


async def test_a_signed_request_binds_everything_and_ends_with_the_upload(files: Files) -> None:
    upload = await files.start(size=5, blocks_sha256=("ab" * 32,), mime_type="image/png")
    request: Any = sign_put(files.deps, upload)
    assert request.headers == {
        "content-length": "5",
        "content-type": "image/png",
        "if-none-match": "*",
        "x-amz-checksum-sha256": b64encode(bytes.fromhex("ab" * 32)).decode(),
    }
    assert "expires=86400" in request.url
    assert upload.content_hash is not None
    files.clock.advance(hours=23, minutes=59)
    request = sign_put(files.deps, upload)
    assert "expires=60" in request.url
    files.clock.advance(minutes=1)
    assert sign_put(files.deps, upload) is None
    assert sign_put(files.deps, replace(upload, state="received")) is None


async def test_completing_asks_the_bucket_and_works_however_often(files: Files) -> None:
    upload = await files.start()
    with pytest.raises(UploadIncomplete):
        await complete(files, upload)
    etag = await bytes_for(files, upload)
    assert (await complete(files, upload)).state == "received"
    assert (await complete(files, upload)).state == "received"
    await files.handle(stored(upload, etag=etag), cleared(upload, etag=etag))
    done = await complete(files, upload)
    assert done.state == "committed"
    item = await commands.committed_item(files.deps, files.owner, done)
    assert item is not None
    assert item.at.item.name == "a.jpg"
    assert len([fact for fact in await files.facts() if fact.subject == f"upload/{upload.id}"]) == 1


async def test_bytes_of_another_length_fail_and_can_be_given_up(files: Files) -> None:
    upload = await files.start(size=100)
    await bytes_for(files, upload, 99)
    assert (await complete(files, upload)).reason == "size_mismatch"
    assert await held(files) == (0, 100)
    with pytest.raises(SizeMismatch):
        await commands.retry_upload(files.deps, files.owner, files.origin, upload.id)
    for _ in range(2):
        assert (await commands.abort_upload(files.deps, files.owner, files.origin, upload.id)).state == "aborted"
    assert await held(files) == (0, 0)
    assert len(await files.rows(select(doomed_blobs).where(doomed_blobs.c.key == upload.blob_key))) == 1


async def test_a_failed_upload_can_be_tried_again(files: Files) -> None:
    upload = await files.start()
    etag = await bytes_for(files, upload)
    await files.handle(stored(upload, etag=etag))
    await files.rows(uploads.update().where(uploads.c.id == upload.id).values(state="failed").returning(uploads.c.id))
    again = await commands.retry_upload(files.deps, files.owner, files.origin, upload.id)
    assert (again.state, again.attempts) == ("received", 1)
    assert await commands.retry_upload(files.deps, files.owner, files.origin, upload.id) == again
    await files.handle(cleared(upload, etag=etag))
    assert (await commands.retry_upload(files.deps, files.owner, files.origin, upload.id)).state == "committed"
    assert await held(files) == (100, 0)


async def test_an_upload_under_way_or_done_cannot_be_given_up(files: Files) -> None:
    upload = await files.start()
    await files.handle(stored(upload))
    with pytest.raises(StateConflict):
        await commands.abort_upload(files.deps, files.owner, files.origin, upload.id)
    await files.handle(cleared(upload))
    with pytest.raises(StateConflict):
        await commands.abort_upload(files.deps, files.owner, files.origin, upload.id)
    assert await held(files) == (100, 0)


async def in_conflict(files: Files) -> Any:
    await files.upload("a.jpg", 10)
    upload = await files.start("b.jpg")
    await files.rows(uploads.update().where(uploads.c.id == upload.id).values(name="a.jpg").returning(uploads.c.id))
    await files.handle(stored(upload), cleared(upload))
    lost = await files.now(upload)
    assert lost.state == "conflict"
    return lost


@pytest.mark.parametrize(
    ("wish", "name"),
    [({"name": "c.jpg"}, "c.jpg"), ({"conflict": "rename"}, "a (1).jpg"), ({"conflict": "replace"}, "a.jpg")],
)
async def test_a_conflict_is_resolved_by_name_or_policy(files: Files, wish: Any, name: str) -> None:
    upload = await in_conflict(files)
    done = await resolve(files, upload, **wish)
    assert done.state == "committed"
    assert await resolve(files, upload, **wish) == done
    [item] = await files.rows(select(items.c.name).where(items.c.id == done.item_id))
    assert item.name == name
    assert await held(files) == (110, 0)


async def test_a_conflict_is_resolved_by_another_folder(files: Files) -> None:
    upload = await in_conflict(files)
    target = await folder(files)
    done = await resolve(files, upload, parent=target)
    [item] = await files.rows(select(items.c.name, items.c.parent_id).where(items.c.id == done.item_id))
    assert item == ("a.jpg", target)


async def test_a_resolution_that_does_not_help_changes_nothing(files: Files) -> None:
    upload = await in_conflict(files)
    await folder(files, "sub")
    for wish, refusal in (
        ({}, NameConflict),
        ({"name": "A.JPG"}, NameConflict),
        ({"name": "sub", "conflict": "replace"}, KindConflict),
        ({"parent": upload.id}, NotFound),
    ):
        with pytest.raises(refusal):
            await resolve(files, upload, **wish)
    assert await files.now(upload) == upload
    assert await held(files) == (10, 100)


async def test_only_a_conflict_can_be_resolved(files: Files) -> None:
    upload = await files.start()
    with pytest.raises(StateConflict):
        await resolve(files, upload, name="b.jpg")


async def test_a_conflict_can_be_given_up(files: Files) -> None:
    upload = await in_conflict(files)
    assert (await commands.abort_upload(files.deps, files.owner, files.origin, upload.id)).state == "aborted"
    assert await held(files) == (10, 0)


async def test_a_stranger_sees_no_upload_and_cannot_put_anything_into_the_drive(files: Files) -> None:
    upload = await files.start()
    target = await folder(files)
    stranger = person()
    for command in (commands.complete_upload, commands.retry_upload, commands.abort_upload):
        with pytest.raises(NotFound):
            await command(files.deps, stranger, origin_of(stranger), upload.id)
    with pytest.raises(NotFound):
        await commands.resolve_upload(files.deps, stranger, origin_of(stranger), upload.id, Resolution(name="b"))
    with pytest.raises((NotFound, Forbidden)):
        await start_upload(files.deps, stranger, origin_of(stranger), None, Announcement(target, "a", 1))


async def test_the_same_request_with_the_same_key_opens_one_upload(files: Files) -> None:
    claim = Claim(files.owner.grantee, "POST /v1/uploads", "key", "same")
    announced = Announcement("root", "a.jpg", 100)
    first, replayed = await start_upload(files.deps, files.owner, files.origin, claim, announced)
    again, replayed_again = await start_upload(files.deps, files.owner, files.origin, claim, announced)
    assert (replayed, replayed_again) == (False, True)
    assert first == again
    assert await held(files) == (0, 100)


async def test_quota_counters_are_the_truth_after_everything_that_can_happen(files: Files) -> None:
    kept = [await files.upload(f"kept{number}", 10) for number in range(3)]
    for number in range(3):
        upload = await files.start(f"refused{number}", 7)
        await files.handle(stored(upload), rejected(upload))
    waiting = await files.start("waiting", 5)
    given_up = await files.start("given up", 3)
    await commands.abort_upload(files.deps, files.owner, files.origin, given_up.id)
    assert len(kept) == 3
    assert await held(files) == (30, waiting.size_bytes)


@pytest.mark.parametrize("ended", ["rejected", "purged", "committed"])
async def test_bytes_sent_again_after_the_end_stay_only_where_a_file_refers_to_them(files: Files, ended: str) -> None:
    upload = await files.start()
    await bytes_for(files, upload)
    await files.handle(stored(upload), rejected(upload) if ended == "rejected" else cleared(upload))
    if ended == "purged":
        item_id = (await files.now(upload)).item_id
        assert item_id is not None
        await trash.trash_item(files.deps, files.owner, files.origin, item_id, Conditions())
        await trash.purge_item(files.deps, files.owner, files.origin, item_id)
    await bury(files.deps)
    await bytes_for(files, upload)
    await files.handle(stored(upload, etag="e2"))
    await bury(files.deps)
    assert (await files.blobs.head(upload.blob_key) is not None) is (ended == "committed")
