"""Files are copied at once: within a drive by reference, into another drive by the bucket."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from coffer_chassis.access import VIEWER
from coffer_chassis.etags import Conditions
from coffer_chassis.idempotency import claim
from coffer_contracts import media
from coffer_contracts.problems import (
    Forbidden,
    IdempotencyKeyReuse,
    KindConflict,
    NameConflict,
    NotFound,
    QuotaExceeded,
    StateConflict,
)
from coffer_files.domain.jobs import Job
from coffer_files.handlers import copying
from coffer_files.handlers.burying import bury
from coffer_files.handlers.copying import Wish, copy_item
from coffer_files.handlers.jobs import find_job
from coffer_files.handlers.trash import purge_item, trash_item
from coffer_files.handlers.working import run_jobs
from coffer_files.store.tables import blobs, changes, doomed_blobs, versions
from factories.copying import CONTENT, copied, copy, counters_are_true, file, folder, item_of, shared_folder
from factories.files import Files, envelope, files_on, granted, origin_of, person
from factories.jobs import nothing_to_do

NOW = Conditions()


@pytest.fixture
async def files(store: str) -> Any:
    async with files_on(store) as service:
        await nothing_to_do(service)
        yield service
        await counters_are_true(service)


async def versions_of(files: Files, item_id: Any) -> list[Any]:
    return await files.rows(
        select(versions, blobs.c.key, blobs.c.refcount)
        .join(blobs, blobs.c.id == versions.c.blob_id)
        .where(versions.c.item_id == item_id)
        .order_by(versions.c.created_at, versions.c.id)
    )


async def purge(files: Files, item_id: Any) -> None:
    await trash_item(files.deps, files.owner, files.origin, item_id, NOW)
    await purge_item(files.deps, files.owner, files.origin, item_id)


async def test_a_copy_in_the_same_drive_shares_the_object_and_counts_in_full(files: Files) -> None:
    original = await file(files, "a.jpg")
    await files.rows(
        f"""UPDATE versions SET preview_status = 'ready', preview_images = '[{{"box_pixels": 400}}]', width = 4, height = 3,
            placeholder = 'x' WHERE item_id = '{original}' RETURNING 1"""
    )
    await files.rows(f"UPDATE items SET preview_status = 'ready' WHERE id = '{original}' RETURNING 1")
    files.clock.advance(seconds=60)
    made = (await copy(files, original, parent=await folder(files, "there"))).at
    assert (made.item.name, made.ancestor_names) == ("a.jpg", ("", "there"))
    assert (made.item.created_at, made.item.revision) == (files.clock.now(), 1)
    assert made.item.modified_at == (await item_of(files, original)).modified_at
    [source], [of_copy] = await versions_of(files, original), await versions_of(files, made.item.id)
    assert (source.blob_id, source.refcount) == (of_copy.blob_id, 2)
    assert (of_copy.preview_status, of_copy.preview_images, of_copy.width) == ("ready", [{"box_pixels": 400}], 4)
    assert made.item.preview_status == "ready"
    assert (await files.drive()).used_bytes == 2 * len(CONTENT)
    fact = (await files.facts("files.item.committed.v1"))[-1].data
    assert (fact.item_id, fact.is_new, fact.upload_id, fact.ancestor_ids) == (made.item.id, True, None, made.ancestor_ids)
    assert (fact.content.blob_id, fact.content.version_id) == (of_copy.blob_id, of_copy.id)


async def test_pictures_that_a_copy_has_already_change_nothing_when_they_are_told_of_again(files: Files) -> None:
    original = await file(files, "a.jpg")
    [version] = await versions_of(files, original)
    await files.handle(pictured(original, files.owner.user_id, version))
    made = (await copy(files, original, name="b.jpg")).at.item
    [of_copy] = await versions_of(files, made.id)
    assert (made.preview_status, of_copy.preview_images) == ("ready", (await versions_of(files, original))[0].preview_images)
    before = await files.rows(select(changes.c.position).where(changes.c.owner_id == files.owner.user_id))
    await files.handle(pictured(made.id, files.owner.user_id, of_copy))
    assert await item_of(files, made.id) == made
    assert await files.rows(select(changes.c.position).where(changes.c.owner_id == files.owner.user_id)) == before


def pictured(item_id: Any, owner_id: Any, version: Any) -> Any:
    """The media worker has a preview of a version."""
    image = media.PreviewImage(
        box_pixels=400, key=f"previews/{version.blob_id}/400", mime_type="image/webp", width=400, height=300, size_bytes=9
    )
    about = {"item_id": item_id, "version_id": version.id, "owner_id": owner_id, "ancestor_ids": (), "blob_id": version.blob_id}
    return envelope(media.PreviewReadyV1(**about, images=(image,), width=4, height=3, placeholder="x"))


@pytest.mark.parametrize("first", ["original", "copy"])
async def test_the_object_stays_until_the_last_copy_is_gone(files: Files, first: str) -> None:
    original = await file(files, "a.jpg")
    second = (await copy(files, original, name="b.jpg")).at.item.id
    gone, kept = (original, second) if first == "original" else (second, original)
    [version] = await versions_of(files, kept)
    await purge(files, gone)
    await bury(files.deps)
    assert await files.blobs.read(version.key) == CONTENT
    assert (await files.facts("files.item.purged.v1"))[-1].data.blob_ids == ()
    await purge(files, kept)
    await bury(files.deps)
    assert await files.blobs.head(version.key) is None
    assert (await files.facts("files.item.purged.v1"))[-1].data.blob_ids == (version.blob_id,)
    assert (await files.drive()).used_bytes == 0


async def test_names_that_are_taken_are_refused_kept_beside_or_given_a_new_version(files: Files) -> None:
    original = await file(files, "a.jpg")
    with pytest.raises(NameConflict) as refused:
        await copy(files, original)
    assert refused.value.extensions["suggested_name"] == "a (1).jpg"
    assert (await copy(files, original, conflict="rename")).at.item.name == "a (1).jpg"
    other = await file(files, "b.jpg", content=b"something else")
    replaced = (await copy(files, original, name="b.jpg", conflict="replace")).at.item
    assert (replaced.id, replaced.revision, replaced.size_bytes) == (other, 2, len(CONTENT))
    assert [version.size_bytes for version in await versions_of(files, other)] == [14, len(CONTENT)]
    fact = (await files.facts("files.item.committed.v1"))[-1].data
    assert (fact.is_new, fact.previous_size_bytes) == (False, 14)
    await folder(files, "c.jpg")
    with pytest.raises(KindConflict):
        await copy(files, original, name="c.jpg", conflict="replace")
    with pytest.raises(StateConflict):
        await copy(files, original, conflict="replace")


async def test_there_must_be_room_for_the_copy(store: str) -> None:
    async with files_on(store, default_quota_bytes=40) as files:
        original = await file(files, "a.jpg")
        assert (await copy(files, original, name="b.jpg")).at.item.size_bytes == 16
        with pytest.raises(QuotaExceeded) as refused:
            await copy(files, original, name="c.jpg")
        assert refused.value.extensions == {"used": 32, "limit": 40, "needed": 16}
        assert (await files.drive()).used_bytes == 32
        await counters_are_true(files)


async def test_two_copies_that_race_for_the_last_room_do_not_both_get_it(store: str) -> None:
    async with files_on(store, default_quota_bytes=40) as files:
        original = await file(files, "a.jpg")
        results = await asyncio.gather(
            *(copy(files, original, name=f"{number}.jpg") for number in range(4)), return_exceptions=True
        )
        assert sorted(isinstance(result, QuotaExceeded) for result in results) == [False, True, True, True]
        await counters_are_true(files)


async def test_two_copies_that_race_for_one_name_do_not_both_get_it(files: Files) -> None:
    original = await file(files, "a.jpg")
    results = await asyncio.gather(*(copy(files, original, name="b.jpg") for _ in range(4)), return_exceptions=True)
    assert sorted(isinstance(result, NameConflict) for result in results) == [False, True, True, True]
    kept = await asyncio.gather(*(copy(files, original, name="b.jpg", conflict="rename") for _ in range(4)))
    assert {made.at.item.name for made in kept} == {f"b ({number}).jpg" for number in range(1, 5)}


async def test_who_may_only_read_copies_into_the_own_drive_and_nobody_copies_what_they_may_not_see(files: Files) -> None:
    shared, reader = await shared_folder(files, "shared", "viewer")
    original, hidden = await file(files, "a.jpg", shared), await file(files, "hidden.jpg")
    made = (await copy(files, original, reader)).at.item
    assert (made.owner_id, made.created_by, made.preview_status) == (reader.user_id, reader.user_id, "pending")
    with pytest.raises(Forbidden):
        await copy(files, original, reader, parent=shared, name="b.jpg")
    for item_id in (hidden, "root"):
        with pytest.raises((NotFound, StateConflict)):
            await copy(files, item_id, reader)
    with pytest.raises(NotFound):
        await copy(files, original, person())
    with pytest.raises(NotFound):
        await copy(files, original, parent=await folder(files, "private", who=reader))


async def test_a_copy_in_another_drive_has_an_object_and_room_of_its_own(files: Files) -> None:
    shared, reader = await shared_folder(files, "shared", "editor")
    original = await file(files, "a.jpg", shared)
    made = (await copy(files, original, reader)).at.item
    [source], [of_copy] = await versions_of(files, original), await versions_of(files, made.id)
    assert of_copy.key == f"blobs/{reader.user_id}/{of_copy.blob_id}"
    assert (source.refcount, of_copy.refcount, await files.blobs.read(of_copy.key)) == (1, 1, CONTENT)
    assert await files.rows(select(doomed_blobs).where(doomed_blobs.c.key == of_copy.key)) == []
    assert (await files.drive()).used_bytes == len(CONTENT)
    back = (await copy(files, made.id, reader, parent=shared, name="back.jpg")).at.item
    assert (back.owner_id, back.created_by) == (files.owner.user_id, reader.user_id)
    await purge(files, original)
    await bury(files.deps)
    assert await files.blobs.read(of_copy.key) == CONTENT


async def test_another_owner_is_not_told_how_full_the_drive_is(store: str) -> None:
    async with files_on(store, default_quota_bytes=40) as files:
        shared, editor = await shared_folder(files, "shared", "editor")
        original = await file(files, "a.jpg", shared)
        await file(files, "b.jpg", shared)
        mine = (await copy(files, original, editor)).at.item
        with pytest.raises(QuotaExceeded) as refused:
            await copy(files, mine.id, editor, parent=shared, name="c.jpg")
        assert refused.value.extensions == {"needed": 16}


async def test_bytes_that_were_copied_for_nothing_are_deleted(files: Files, monkeypatch: Any) -> None:
    shared, reader = await shared_folder(files, "shared", "viewer")
    original = await file(files, "a.jpg", shared)

    async def dies(*_: Any) -> Any:
        raise ConnectionError("the store is away")

    monkeypatch.setattr(copying, "place", dies)
    with pytest.raises(ConnectionError):
        await copy(files, original, reader)
    mine = [key for key in files.blobs.objects if key.startswith(f"blobs/{reader.user_id}/")]
    assert len(mine) == 1
    await bury(files.deps)
    assert mine[0] in files.blobs.objects, "it may still be claimed"
    files.clock.advance(hours=7)
    await bury(files.deps)
    assert mine[0] not in files.blobs.objects


async def test_bytes_that_are_gone_from_the_bucket_are_not_there_to_be_copied(files: Files) -> None:
    shared, reader = await shared_folder(files, "shared", "viewer")
    original = await file(files, "a.jpg", shared)
    [version] = await versions_of(files, original)
    await files.blobs.delete([version.key])
    with pytest.raises(NotFound):
        await copy(files, original, reader)


async def test_a_large_file_goes_into_another_drive_as_a_job(files: Files, monkeypatch: Any) -> None:
    monkeypatch.setattr(copying, "AT_ONCE_BYTES", 10)
    shared, reader = await shared_folder(files, "shared", "viewer")
    original = await file(files, "a.jpg", shared)
    job = await copied(files, original, reader, name="mine.jpg")
    assert (job.state, job.done, job.total, job.size_bytes) == ("succeeded", 1, 1, len(CONTENT)), job.problem
    made = await item_of(files, (job.result or {})["item_id"], reader)
    assert (made.name, made.owner_id) == ("mine.jpg", reader.user_id)
    doomed = await copy(files, original, reader, name="late.jpg")
    assert isinstance(doomed, Job)
    await trash_item(files.deps, files.owner, files.origin, original, NOW)
    await run_jobs(files.deps)
    assert ((await find_job(files.deps, reader, doomed.id)).problem or {})["code"] == "not_found"


async def test_a_request_that_is_sent_twice_makes_one_copy(files: Files) -> None:
    original = await file(files, "a.jpg")
    used = claim("key", principal=files.owner.grantee, route="copy", body={})
    wish = Wish("root", "b.jpg")
    first = await copy_item(files.deps, files.owner, files.origin, used, original, wish)
    again = await copy_item(files.deps, files.owner, files.origin, used, original, wish)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.made.at.item.id == again.made.at.item.id  # type: ignore[union-attr]  # a file is copied at once
    assert (await files.drive()).used_bytes == 2 * len(CONTENT)


@pytest.mark.parametrize("across", [False, True])
async def test_a_copy_that_is_asked_for_again_is_answered_whatever_became_of_its_source(store: str, across: bool) -> None:
    async with files_on(store, default_quota_bytes=2 * len(CONTENT)) as files:
        original, who = await file(files, "a.jpg"), person() if across else files.owner
        await files.handle(granted(original, files.owner, who, VIEWER))
        used = claim("key", principal=who.grantee, route="copy", body={})
        wish = Wish("root", "b.jpg")
        first = await copy_item(files.deps, who, origin_of(who), used, original, wish)
        doomed = await files.rows(select(doomed_blobs.c.key))
        await trash_item(files.deps, files.owner, files.origin, original, NOW)
        again = await copy_item(files.deps, who, origin_of(who), used, original, wish)
        assert again.replayed
        assert first.made.at.item.id == again.made.at.item.id  # type: ignore[union-attr]  # a file is copied at once
        assert await files.rows(select(doomed_blobs.c.key)) == doomed
        other = claim("key", principal=who.grantee, route="copy", body={"name": "c.jpg"})
        with pytest.raises(IdempotencyKeyReuse):
            await copy_item(files.deps, who, origin_of(who), other, original, wish)


async def test_what_is_in_the_trash_can_neither_be_copied_nor_copied_to(files: Files) -> None:
    original, gone, there = await file(files, "a.jpg"), await file(files, "b.jpg"), await folder(files, "there")
    for item_id in (gone, there):
        await trash_item(files.deps, files.owner, files.origin, item_id, NOW)
    with pytest.raises(NotFound):
        await copy(files, gone, name="c.jpg")
    with pytest.raises(NotFound):
        await copy(files, original, parent=there)
    with pytest.raises(KindConflict):
        await copy(files, original, parent=original)


async def test_a_copy_does_not_wait_for_anything_that_grows(files: Files) -> None:
    original, there = await file(files, "a.jpg"), await folder(files, "there")
    await copy(files, original, parent=there)
    files.statements.clear()
    await copy_item(files.deps, files.owner, origin_of(files.owner), None, original, Wish(there, "b.jpg"))
    assert len(files.statements) <= 22, files.statements
