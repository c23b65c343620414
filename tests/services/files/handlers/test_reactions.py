"""What facts from elsewhere do: once, twice, out of order, and when the transaction breaks."""

import asyncio
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from coffer_chassis.ids import new_id
from coffer_contracts import media
from coffer_contracts.ids import BlobId, UploadId, UserId, VersionId
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.drives import on_user_registered, root_of
from coffer_files.handlers.previews import on_preview_ready
from coffer_files.handlers.reactions import FAST, on_object_stored, on_upload_cleared, on_upload_rejected
from coffer_files.store.tables import changes, doomed_blobs, items, users, versions
from factories.files import Files, cleared, envelope, files_on, registered, rejected, stored


async def drive(files: Files) -> Any:
    return await files.drive()


async def facts_of(files: Files, subject: Any) -> Any:
    return [fact for fact in await files.facts() if fact.subject == subject]


def preview(upload: Upload, *, sequence: int = 1, failed: bool = False) -> Any:
    values = {
        "item_id": upload.item_id,
        "version_id": upload.version_id,
        "owner_id": upload.owner_id,
        "ancestor_ids": (),
        "blob_id": upload.blob_id,
    }
    if failed:
        return envelope(media.PreviewFailedV1(**values, reason="corrupt"), sequence=sequence)
    image = media.PreviewImage(
        box_pixels=400, key=f"previews/{upload.blob_id}/400", mime_type="image/webp", width=400, height=300, size_bytes=999
    )
    ready = media.PreviewReadyV1(**values, images=(image,), width=4000, height=3000, placeholder="UklGRg==")
    return envelope(ready, sequence=sequence)


async def test_bytes_that_arrive_are_sent_to_the_media_worker(files: Files) -> None:
    upload = await files.start()
    await files.handle(stored(upload))
    received = await files.now(upload)
    assert (received.state, received.etag, received.attempts) == ("received", "e1", 1)
    [fact] = await facts_of(files, f"upload/{upload.id}")
    assert fact.type == "files.upload.received.v1"
    assert (fact.data.etag, fact.data.attempt, fact.data.blob_key) == ("e1", 1, upload.blob_key)
    assert fact.revision == received.revision


async def test_facts_about_an_upload_name_its_uploader_whoever_reported_the_bytes(files: Files) -> None:
    upload = await files.upload()
    told = [*await facts_of(files, f"upload/{upload.id}"), *await facts_of(files, f"item/{upload.item_id}")]
    assert len(told) == 2
    for fact in told:
        assert (fact.actorid, fact.actorkind, fact.correlationid) == (files.owner.user_id, "user", upload.correlation_id)
        assert fact.causationid is not None


@pytest.mark.parametrize("same_message", [True, False])
async def test_bytes_reported_three_times_are_asked_about_once(files: Files, same_message: Any) -> None:
    upload = await files.start()
    first = stored(upload)
    await files.handle(first, first if same_message else stored(upload), stored(upload))
    assert len(await facts_of(files, f"upload/{upload.id}")) == 1


async def test_a_cleared_upload_becomes_a_file(files: Files) -> None:
    upload = await files.upload("photo.jpg", 1234)
    assert upload.state == "committed"
    [fact] = await facts_of(files, f"item/{upload.item_id}")
    root = await root_of(files.deps, files.owner.user_id, files.origin)
    assert fact.type == "files.item.committed.v1"
    assert fact.data.ancestor_ids == (root.item.id,)
    assert (fact.data.name, fact.data.is_new, fact.data.upload_id) == ("photo.jpg", True, upload.id)
    assert fact.data.content.size_bytes == 1234
    assert fact.data.content.mime_type == "image/jpeg"
    assert fact.data.content.etag == "e1"
    held = await drive(files)
    assert (held.used_bytes, held.reserved_bytes) == (1234, 0)
    told = await files.rows(select(changes.c.reason, changes.c.actor_id).where(changes.c.item_id == upload.item_id))
    assert told == [("created", files.owner.user_id)]


async def test_a_verdict_that_comes_twice_makes_one_file(files: Files) -> None:
    upload = await files.start()
    await files.handle(stored(upload), cleared(upload), cleared(upload), stored(upload), rejected(upload))
    done = await files.now(upload)
    assert done.state == "committed"
    assert len(await files.rows(select(items.c.id).where(items.c.id == done.item_id))) == 1
    assert len(await facts_of(files, f"item/{done.item_id}")) == 1
    assert (await drive(files)).used_bytes == 100


async def test_a_verdict_for_other_bytes_changes_nothing(files: Files) -> None:
    upload = await files.start()
    await files.handle(stored(upload), cleared(upload, etag="other"), rejected(upload, etag="other"))
    assert (await files.now(upload)).state == "received"


@pytest.mark.parametrize("order", list(permutations(["stored", "stored", "cleared"])))
async def test_messages_in_any_order_make_one_file(files: Files, order: Any) -> None:
    upload = await files.start()
    await files.handle(*[stored(upload) if kind == "stored" else cleared(upload) for kind in order])
    done = await files.now(upload)
    assert done.state == "committed"
    assert len(await facts_of(files, f"item/{done.item_id}")) == 1


class Crash(Exception):
    """The process dies."""


async def crash_while_handling(files: Files, fact: Any, run: Any) -> Any:
    async def crash() -> None:
        async with files.deps.work.unit(cause=fact, consumer="test") as unit:
            await run(fact, unit, files.deps)
            raise Crash

    with pytest.raises(Crash):
        await crash()


@pytest.mark.parametrize("step", ["stored", "cleared", "rejected", "preview", "registered"])
async def test_a_crash_before_commit_leaves_nothing_and_the_message_works_again(files: Files, step: Any) -> None:
    upload = await files.start()
    fact: Any
    run: Any
    if step == "registered":
        fact, run = registered(new_id()), on_user_registered
    elif step == "stored":
        fact, run = stored(upload), on_object_stored
    elif step == "preview":
        await files.handle(stored(upload), cleared(upload))
        fact, run = preview(await files.now(upload)), on_preview_ready
    else:
        await files.handle(stored(upload))
        fact, run = (cleared(upload), on_upload_cleared) if step == "cleared" else (rejected(upload), on_upload_rejected)
    before = await everything(files)
    await crash_while_handling(files, fact, run)
    assert await everything(files) == before
    await files.handle(fact)
    after = await everything(files)
    assert after != before
    await files.handle(fact)
    assert await everything(files) == after


async def everything(files: Files) -> Any:
    tables = ("drives", "items", "versions", "blobs", "uploads", "changes", "doomed_blobs", "users", "inbox", "outbox")
    return [sorted(await files.rows(f"SELECT to_jsonb({table})::text FROM {table}")) for table in tables]


async def test_a_rejected_upload_frees_its_quota_and_goes_to_quarantine(files: Files) -> None:
    upload = await files.start()
    await files.handle(stored(upload), rejected(upload), rejected(upload))
    done = await files.now(upload)
    assert (done.state, done.reason, done.detail) == ("rejected", "test_virus", "It is dangerous.")
    held = await drive(files)
    assert (held.used_bytes, held.reserved_bytes) == (0, 0)
    [row] = await files.rows(select(doomed_blobs).where(doomed_blobs.c.key == upload.blob_key))
    assert row.quarantine_key == f"quarantine/{upload.blob_id}"
    told = [fact.type for fact in await facts_of(files, f"upload/{upload.id}")]
    assert told == ["files.upload.received.v1", "files.upload.rejected.v1"]


async def test_a_name_taken_meanwhile_is_a_conflict_that_keeps_the_bytes(files: Files) -> None:
    first, second = await files.start("a.jpg"), await files.start("A.JPG")
    await files.handle(stored(first), stored(second), cleared(first), cleared(second), cleared(second))
    lost = await files.now(second)
    assert (lost.state, lost.reason, lost.suggested_name) == ("conflict", "name_taken", "A (1).JPG")
    assert (await drive(files)).reserved_bytes == 100
    assert await files.rows(select(doomed_blobs.c.key).where(doomed_blobs.c.key == second.blob_key)) == []
    [fact] = [fact for fact in await files.facts("files.upload.conflicted.v1") if fact.data.upload_id == second.id]
    assert fact.data.suggested_name == "A (1).JPG"


async def test_keeping_both_takes_the_smallest_free_name(files: Files) -> None:
    await files.upload("a.jpg")
    await files.upload("a (2).jpg")
    names = []
    for _ in range(3):
        done = await files.upload("a.jpg", conflict="rename")
        names.append((await files.rows(select(items.c.name).where(items.c.id == done.item_id)))[0].name)
    assert names == ["a (1).jpg", "a (3).jpg", "a (4).jpg"]


async def test_replacing_makes_a_new_version_of_the_same_file(files: Files) -> None:
    first = await files.upload("a.jpg", 100)
    second = await files.start("A.jpg", 50, conflict="replace")
    await files.handle(stored(second), cleared(second, mime_type="image/png"))
    done = await files.now(second)
    assert done.item_id == first.item_id
    assert done.version_id != first.version_id
    assert (await drive(files)).used_bytes == 150
    [item] = await files.rows(select(items).where(items.c.id == first.item_id))
    assert (item.name, item.size_bytes, item.mime_type, item.revision) == ("a.jpg", 50, "image/png", 2)
    assert len(await files.rows(select(versions).where(versions.c.item_id == first.item_id))) == 2
    facts = await facts_of(files, f"item/{first.item_id}")
    assert [(fact.data.is_new, fact.revision) for fact in facts] == [(True, 1), (False, 2)]


async def test_replacing_a_version_that_is_no_longer_the_current_one_is_a_conflict(files: Files) -> None:
    first = await files.upload("a.jpg")
    late = await files.start("a.jpg", conflict="replace", base_version_id=first.version_id)
    await files.upload("a.jpg", conflict="replace")
    await files.handle(stored(late), cleared(late))
    assert (await files.now(late)).reason == "base_version_changed"


async def test_a_file_does_not_replace_a_folder(files: Files) -> None:
    upload = await files.start("a", conflict="replace")
    async with files.client() as http:
        assert (await http.post("/v1/folders", json={"parent_id": "root", "name": "A"})).status_code == 201
    await files.handle(stored(upload), cleared(upload))
    assert (await files.now(upload)).reason == "kind_conflict"


@pytest.mark.parametrize("gone", ["trashed", "purged", "below_trash"])
async def test_a_folder_that_is_gone_at_commit_is_a_conflict(files: Files, gone: Any) -> None:
    async with files.client() as http:
        top = (await http.post("/v1/folders", json={"parent_id": "root", "name": "top"})).json()["id"]
        folder = (await http.post("/v1/folders", json={"parent_id": top, "name": "folder"})).json()["id"]
        upload = await files.start(parent=folder)
        assert (await http.delete(f"/v1/items/{top if gone == 'below_trash' else folder}")).status_code == 204
        if gone == "purged":
            assert (await http.delete(f"/v1/trash/{folder}")).status_code == 204
    await files.handle(stored(upload), cleared(upload))
    lost = await files.now(upload)
    assert (lost.state, lost.reason) == ("conflict", "parent_gone")


async def test_a_quota_that_shrank_is_a_conflict(files: Files) -> None:
    upload = await files.start(size=500)
    await files.rows("UPDATE drives SET quota_bytes = 499 RETURNING 1")
    await files.handle(stored(upload), cleared(upload))
    assert (await files.now(upload)).reason == "quota_exceeded"


async def test_bytes_that_come_after_the_upload_was_aborted_are_deleted(files: Files) -> None:
    upload = await files.start()
    async with files.client() as http:
        assert (await http.delete(f"/v1/uploads/{upload.id}")).status_code == 204
    [planned] = await files.rows(select(doomed_blobs).where(doomed_blobs.c.key == upload.blob_key))
    assert planned.not_before == upload.deadline_at
    await files.handle(stored(upload), cleared(upload))
    [planned] = await files.rows(select(doomed_blobs).where(doomed_blobs.c.key == upload.blob_key))
    assert planned.not_before == files.clock.now()
    assert (await files.now(upload)).state == "aborted"


async def test_objects_and_verdicts_that_belong_to_nothing_are_passed_over(files: Files) -> None:
    upload = await files.start()
    stranger = replace(upload, id=UploadId(new_id()), blob_id=BlobId(new_id()), blob_key=f"blobs/{new_id()}/{new_id()}")
    odd = replace(upload, blob_key="incoming/nothing")
    foreign = replace(upload, owner_id=UserId(new_id()))
    await files.handle(stored(stranger), stored(odd), cleared(stranger), cleared(foreign))
    assert (await files.now(upload)).state == "created"


async def test_only_so_many_uploads_of_one_owner_are_checked_at_once(store: str) -> None:
    async with files_on(store, dispatch_per_owner=2) as files:
        begun = [await files.start(f"{number}.jpg") for number in range(5)]
        for upload in begun:
            files.clock.advance(seconds=1)
            await files.handle(stored(upload))

        async def asked() -> Any:
            return [(await files.now(upload)).attempts for upload in begun]

        assert await asked() == [1, 1, 0, 0, 0]
        await files.handle(cleared(begun[0]))
        assert await asked() == [1, 1, 1, 0, 0]
        await files.handle(rejected(begun[1]))
        assert await asked() == [1, 1, 1, 1, 0]
        await files.handle(cleared(begun[2]), cleared(begun[3]))
        assert [(await files.now(upload)).state for upload in begun] == [
            "committed", "rejected", "committed", "committed", "received",
        ]  # fmt: skip
        await files.handle(cleared(begun[4]))
        assert (await files.now(begun[4])).state == "committed"


async def test_a_preview_is_shown_and_told_to_the_feed_but_is_no_fact_about_the_item(files: Files) -> None:
    upload = await files.upload()
    told = len(await files.facts())
    fact = preview(upload)
    await files.handle(fact, fact)
    assert len(await files.facts()) == told
    [item] = await files.rows(select(items).where(items.c.id == upload.item_id))
    assert (item.preview_status, item.revision) == ("ready", 2)
    [version] = await files.rows(select(versions).where(versions.c.id == upload.version_id))
    assert (version.preview_status, version.width, version.placeholder) == ("ready", 4000, "UklGRg==")
    reasons = await files.rows(select(changes.c.reason).where(changes.c.item_id == upload.item_id).order_by(changes.c.position))
    assert [row.reason for row in reasons] == ["created", "metadata"]


async def test_a_preview_and_a_new_version_of_one_file_do_not_wait_for_each_other_in_a_circle(files: Files) -> None:
    shown = await files.upload("a.jpg")
    newer, other = await files.start("a.jpg", conflict="replace"), await files.start("b.jpg")
    await files.handle(stored(newer), stored(other))
    async with files.engine.begin() as connection:
        for fact in (preview(shown), cleared(other)):
            unit = files.deps.work.unit_on(connection, cause=fact)
            await FAST[fact.type].run(fact, unit, files.deps)
            if fact.type == media.PreviewReadyV1.type:
                replacing = asyncio.create_task(files.handle(cleared(newer)))
                await files.somebody_waits()
    await replacing
    assert [(await files.now(upload)).state for upload in (newer, other)] == ["committed", "committed"]


async def test_a_late_older_preview_does_not_undo_a_newer_one(files: Files) -> None:
    upload = await files.upload()
    await files.handle(preview(upload, sequence=2), preview(upload, sequence=1, failed=True))
    [version] = await files.rows(select(versions).where(versions.c.id == upload.version_id))
    assert version.preview_status == "ready"
    await files.handle(preview(upload, sequence=3, failed=True))
    [item] = await files.rows(select(items).where(items.c.id == upload.item_id))
    assert item.preview_status == "failed"


async def test_a_preview_of_an_old_version_does_not_touch_the_file(files: Files) -> None:
    old = await files.upload("a.jpg")
    await files.upload("a.jpg", conflict="replace")
    await files.handle(preview(old))
    [item] = await files.rows(select(items).where(items.c.id == old.item_id))
    assert item.preview_status == "pending"
    [version] = await files.rows(select(versions).where(versions.c.id == old.version_id))
    assert version.preview_status == "ready"


async def test_a_preview_of_what_is_gone_is_passed_over(files: Files) -> None:
    upload = replace(await files.upload(), version_id=VersionId(new_id()))
    before = await everything(files)
    fact = preview(upload)
    await files.handle(fact)
    after = await everything(files)
    assert [one for one, other in zip(before, after, strict=True) if one != other] == [before[8]]  # the inbox alone


async def test_a_new_account_gets_a_drive_and_its_root_folder_once(files: Files) -> None:
    user = new_id()
    await files.handle(registered(user), registered(user), registered(user, username="bob", sequence=2), registered(user))
    assert [(row.username, row.sequence) for row in await files.rows(select(users).where(users.c.user_id == user))] == [
        ("bob", 2)
    ]
    [root] = await files.rows(select(items).where(items.c.owner_id == user))
    assert (root.name, root.parent_id, root.kind) == ("", None, "folder")
    made = [fact for fact in await files.facts("files.item.created.v1") if fact.data.owner_id == user]
    assert [(fact.data.item_id, fact.data.parent_id, fact.data.ancestor_ids) for fact in made] == [(root.id, None, ())]
